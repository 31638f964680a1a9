// SPDX-License-Identifier: MIT
/*
 * ucall conform: is this backend right?  A suite in TAP, by the harness that tests are written with: its
 * points are repeated for each architecture, engine and protection that the plugin claims and this
 * machine has.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "commands.h"
#include "compilers.h"
#include "conform-file.h"
#include "conform-guest.h"

#define USAGE \
	"usage: ucall conform [--messages N] PLUGIN\n" \
	"       PLUGIN is the name or path of a backend, with options if need be; N, 100000 unless\n" \
	"       given, is how many messages are counted\n"

static const char *config; /* as given */
static unsigned long messages = 100000;

/* ---- messages ---- */

static struct ucall_vcpu *add(struct ucall_vm *vm, void (*function)(void), const char *name,
			      unsigned int nargs, uint64_t a0, uint64_t a1)
{
	struct ucall_vcpu *vcpu = ucall_vcpu_add_function(vm, (uint64_t)(uintptr_t)function, name,
							  nargs, a0, a1, 0, 0, 0, 0);

	CHECK_OK(vcpu);
	return vcpu;
}

#define ADD(vm, function, nargs, a0, a1) \
	add(vm, (void (*)(void))(uintptr_t)(function), #function, nargs, a0, a1)

static struct ucall_vm *make_vm(enum ucall_via via)
{
	struct ucall_vm_config c = { .via = via };

	return ucall_test_vm(&c);
}

static void check_args(enum ucall_via via)
{
	struct ucall_vm *vm = make_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_args, 0, 0, 0);
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	for (uint64_t n = 0; n <= 7; n++) {
		CHECK_NEXT(vcpu, &uc, CONFORM_USER);
		CHECK_EQ(uc.nargs, n);
		for (uint64_t i = 0; i < 7; i++)
			CHECK_EQ(uc.args[i], i < n ? 0x1122334455667700 + i : 0);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void check_commands(enum ucall_via via)
{
	struct ucall_vm *vm = make_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_commands, 0, 0, 0);
	struct ucall_vcpu *aborts = ADD(vm, conform_abort, 0, 0, 0);
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 0x8000000000000001);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
	CHECK_STR(uc.text, "number -7, text seven");
	CHECK_NEXT(vcpu, &uc, UCALL_USER);
	CHECK_EQ(uc.args[0], 5);
	CHECK_NEXT(vcpu, &uc, 0xffff);
	CHECK_EQ(uc.args[0], 6);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_EQ(ucall_next(aborts, &uc), -1);
	CHECK_EQ(errno, ECANCELED);
	CHECK_HAS(uc.text, "assertion failed: 1 == 2 with 0x1, 0x2");
}

static void check_texts(enum ucall_via via)
{
	struct ucall_vm *vm = make_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_texts, 0, 0, 0);
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	for (uint32_t i = 1; i < 16; i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
		CHECK_EQ(uc.text_size, i);
		CHECK_STR(uc.text, &"0123456789abcdef"[16 - i]);
	}
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
	CHECK_EQ(uc.text_size, 1023);
	CHECK_EQ(uc.text[1022], '1');
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void check_nested(enum ucall_via via)
{
	struct ucall_vm *vm = make_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_nested, 0, 0, 0);
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	CHECK_EQ(uc.args[5], 6);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	CHECK_EQ(uc.nargs, 2);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void check_shared(enum ucall_via via)
{
	const uint64_t rounds = 8;
	struct ucall_vm *vm = make_vm(via);
	uint64_t gva = ucall_shared_alloc(vm, 4);
	struct ucall_vcpu *vcpu = ADD(vm, conform_shared, 2, gva, rounds);
	struct ucall uc;

	CHECK_OK(gva && !ucall_vm_launch(vm));
	for (uint64_t i = 0; i < rounds; i++) {
		CHECK_SHARED_SYNC(vcpu, gva + i % 4 * sizeof(struct ucall), i);
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* All of a guest's numbered messages. */
static void count(struct ucall_vcpu *vcpu, uint64_t id, uint64_t rounds)
{
	struct ucall uc;

	for (uint64_t i = 0; i < rounds; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_EQ(uc.args[2], id);
		CHECK_EQ(uc.args[3], ~i);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void check_count(enum ucall_via via)
{
	struct ucall_vm *vm = make_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 9, messages);

	CHECK_OK(!ucall_vm_launch(vm));
	count(vcpu, 9, messages);
}

/* Each by the mailbox and by the address. */
#define BOTH(name) \
	static void each_##name##_mailbox(void) \
	{ \
		check_##name(UCALL_VIA_MAILBOX); \
	} \
	static void each_##name##_address(void) \
	{ \
		check_##name(UCALL_VIA_ADDRESS); \
	}
BOTH(args)
BOTH(commands)
BOTH(texts)
BOTH(nested)
BOTH(shared)
BOTH(count)

/* ---- many at once ---- */

#define MANY 4
#define ROUNDS 500

struct job {
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;
	uint64_t id;
	bool done;
};

static void *run_job(void *data)
{
	struct job *job = data;

	if (!job->vcpu) { /* a VM of its own */
		job->vm = make_vm(UCALL_VIA_DEFAULT);
		job->vcpu = ADD(job->vm, conform_count, 2, job->id, ROUNDS);
		CHECK_OK(!ucall_vm_launch(job->vm));
	}
	count(job->vcpu, job->id, ROUNDS);
	job->done = true;
	return NULL;
}

static void run_jobs(struct job *jobs)
{
	pthread_t threads[MANY];

	for (int i = 0; i < MANY; i++)
		CHECK(!pthread_create(&threads[i], NULL, run_job, &jobs[i]));
	for (int i = 0; i < MANY; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < MANY; i++)
		if (!jobs[i].done)
			FAIL("thread %d did not come to its end", i);
}

static void each_vcpus(void)
{
	struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
	struct job jobs[MANY];

	for (uint64_t i = 0; i < MANY; i++)
		jobs[i] = (struct job){ vm, ADD(vm, conform_count, 2, i, ROUNDS), i, false };
	CHECK_OK(!ucall_vm_launch(vm));
	run_jobs(jobs);
}

static void each_vms(void)
{
	struct job jobs[MANY];

	ucall_test_vm_free(make_vm(UCALL_VIA_DEFAULT)); /* skips where there can be none */
	for (uint64_t i = 0; i < MANY; i++)
		jobs[i] = (struct job){ NULL, NULL, i, false };
	run_jobs(jobs);
}

/* Another value of an option, within its range; false: it has none. */
static bool other_value(const struct ucall_option *o, char *text, size_t size)
{
	uint64_t value = strtoull(o->value, NULL, 0), step = value > 4096 ? 4096 : 8;

	if (o->type != UCALL_OPTION_UINT)
		return false;
	if (o->max - value >= step && value >= o->min)
		value += step;
	else if (value - o->min >= step)
		value -= step;
	else
		return false;
	snprintf(text, size, "0x%llx", (unsigned long long)value);
	return true;
}

/* What a backend keeps it keeps for each VM: two with different options, in turns. */
static void each_options(void)
{
	bool tried = false;

	for (unsigned int i = 0; i < conform_option_count(); i++) {
		const struct ucall_option *o = &conform_info->metadata.options[i];
		char value[32], text[4096 + 128];
		struct ucall_vm_config c = { .backend = text };
		struct ucall_vm *first, *second;
		struct ucall_vcpu *a, *b;

		if (!other_value(o, value, sizeof(value)))
			continue;
		first = make_vm(UCALL_VIA_DEFAULT);
		snprintf(text, sizeof(text), "%s,%s=%s", conform_info->path, o->name, value);
		second = ucall_test_vm(&c);
		a = ADD(first, conform_count, 2, 1, 2);
		b = ADD(second, conform_count, 2, 2, 2);
		CHECK_OK(!ucall_vm_launch(first) && !ucall_vm_launch(second));
		CHECK_NEXT(a, NULL, UCALL_SYNC);
		CHECK_NEXT(b, NULL, UCALL_SYNC);
		count(ADD(make_vm(UCALL_VIA_DEFAULT), conform_count, 2, 3, 2), 3, 2);
		CHECK_NEXT(a, NULL, UCALL_SYNC);
		CHECK_NEXT(b, NULL, UCALL_SYNC);
		ucall_test_vm_free(first);
		CHECK_NEXT(b, NULL, UCALL_DONE);
		tried = true;
	}
	if (!tried)
		SKIP("it has no option that is a number");
}

/* ---- exits that are not its own ---- */

static void each_declines(void)
{
	struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
	bool halts = !ucall_vm_has_irqchip(vm);
	struct ucall_vcpu *vcpu = ADD(vm, conform_other_exits, 1, halts, 0);
	struct ucall uc;
	int others = 0, cmd;

	CHECK_OK(!ucall_vm_launch(vm));
	do {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
		others += cmd == UCALL_NONE;
		CHECK(cmd >= 0);
	} while (cmd == UCALL_NONE && others < 10);
	CHECK_EQ(cmd, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	if (!strcmp(ucall_test_arch(), "x86_64"))
		CHECK_EQ(others, 2 + halts);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* recv functions are asked of every exit; these can be nobody's. */
static void each_made_up(void)
{
	const struct ucall_exit exits[] = {
		{ .reason = UCALL_EXIT_NONE },
		{ .reason = UCALL_EXIT_SHUTDOWN },
		{ .reason = UCALL_EXIT_EXCEPTION, .u.exception = { .vector = 6 } },
		{ .reason = UCALL_EXIT_TIMEOUT },
		{ .reason = UCALL_EXIT_KICK },
		{ .reason = UCALL_EXIT_OTHER, .native = 0xffffffff },
		{ .reason = UCALL_EXIT_MEMORY, .u.memory = { .gpa = 0x1000 } },
		{ .reason = UCALL_EXIT_TERMINATE },
		{ .reason = UCALL_EXIT_IO, .u.io = { .port = 0x7a5, .size = 4, .count = 3 } },
		{ .reason = UCALL_EXIT_MMIO, .u.mmio = { .gpa = 0xfedcba987000, .size = 3 } },
		{ .reason = UCALL_EXIT_MSR, .u.msr = { .index = 0xdeadbeef } },
		{ .reason = UCALL_EXIT_DIAG, .u.diag = { .code = 0x44 } },
		{ .reason = UCALL_EXIT_SBI, .u.sbi = { .extension = 0x10, .function = 9 } },
		{ .reason = 0x7fffffff },
	};
	struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 1);
	uint64_t where;

	if (!conform_ops)
		SKIP("a backend that is no file of its own");
	CHECK_OK(!ucall_vm_launch(vm));
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		if (conform_ops->recv_cmd && ucall_vm_protection_bit(vm) == UCALL_PROTECT_NONE &&
		    conform_ops->recv_cmd(vcpu, &exits[i], &where))
			FAIL("recv_cmd claims an exit of reason %u, which is none of its own",
			     exits[i].reason);
		if (conform_ops->recv_cmd_shared && conform_ops->recv_cmd_shared(vcpu, &exits[i]))
			FAIL("recv_cmd_shared claims an exit of reason %u, which is none of its own",
			     exits[i].reason);
	}
	count(vcpu, 1, 1);
}

/* ---- guests that do anything ---- */

static void each_hostile(void)
{
	const uint64_t rounds = 300;
	struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_hostile, 2, 4711, rounds);
	int cmd = 0, bad = 0, good = 0;
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	for (uint64_t i = 0;
	     i < 2 * rounds && !(cmd == CONFORM_USER && uc.nargs == 7 && i >= rounds); i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
		bad += cmd < 0;
		good += cmd > 0;
		if (cmd > 0 && (uc.nargs > UCALL_MAX_ARGS || uc.text_size >= UCALL_TEXT_SIZE))
			FAIL("a message of %u arguments and %u bytes came through", uc.nargs,
			     uc.text_size);
	}
	CHECK(bad > 0 && good > 0);
	for (uint64_t i = 0; i < 7; i++)
		CHECK_EQ(uc.args[i], i + 1);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void each_restart(void)
{
	struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 5);

	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < i % 4; k++)
			CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_OK(!ucall_vcpu_run(vcpu)); /* the message is not taken */
		CHECK_OK(!ucall_vcpu_restart(vcpu));
	}
	count(vcpu, 1, 5);
}

/* ---- what is left behind ---- */

static int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void check_same(int fds, int threads)
{
	if (entries("/proc/self/fd") != fds)
		FAIL("%d file descriptors have become %d", fds, entries("/proc/self/fd"));
	if (entries("/proc/self/task") != threads)
		FAIL("%d threads have become %d", threads, entries("/proc/self/task"));
}

static void each_nothing_left(void)
{
	int fds = 0, threads = 0;

	for (int i = 0; i < 12; i++) {
		struct ucall_vm *vm = make_vm(UCALL_VIA_DEFAULT);
		struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 2);

		CHECK_OK(!ucall_vm_launch(vm));
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		ucall_test_vm_free(vm);
		if (i == 1) {
			fds = entries("/proc/self/fd");
			threads = entries("/proc/self/task");
		}
	}
	check_same(fds, threads);
}

/* VMs that are refused, by whatever the options and the VM's kind can bring about. */
static void each_refused(void)
{
	struct ucall_vm_config kinds[] = { { .ring = 3 }, { .irqchip = true }, { .ring = 0 } };
	char text[4096 + 128];
	int fds, threads;

	ucall_test_vm_free(make_vm(UCALL_VIA_DEFAULT));
	fds = entries("/proc/self/fd");
	threads = entries("/proc/self/task");
	for (int again = 0; again < 4; again++) {
		for (size_t k = 0; k < 3; k++) {
			struct ucall_vm_config c = kinds[k];

			ucall_test_config(&c);
			ucall_vm_free(ucall_vm_create(&c));
		}
		for (unsigned int i = 0; i < conform_option_count(); i++) {
			const struct ucall_option *o = &conform_info->metadata.options[i];
			char choices[sizeof(o->choices)], *next = choices, *value;
			struct ucall_vm_config c = { .backend = text };

			memcpy(choices, o->type == UCALL_OPTION_BOOL ? "0|1" : o->choices,
			       o->type == UCALL_OPTION_BOOL ? 4 : sizeof(choices));
			while ((o->type == UCALL_OPTION_BOOL || o->type == UCALL_OPTION_CHOICE) &&
			       (value = strsep(&next, "|"))) {
				snprintf(text, sizeof(text), "%s,%s=%s", conform_info->path,
					 o->name, value);
				c.backend = text;
				c.engine = NULL;
				c.image = NULL;
				ucall_test_config(&c);
				ucall_vm_free(ucall_vm_create(&c));
			}
		}
	}
	check_same(fds, threads);
}

/* ---- the suite ---- */

static void each_ring3(void)
{
	struct ucall_vm_config c = { .ring = 3 };
	struct ucall_vm *vm = ucall_test_vm(&c);

	count(ADD(vm, conform_count, 2, 1, 50), 1, 50);
}

static void each_irqchip(void)
{
	struct ucall_vm_config c = { .irqchip = true };
	struct ucall_vm *vm = ucall_test_vm(&c);

	count(ADD(vm, conform_count, 2, 1, 50), 1, 50);
}

#define PLAIN(what, function) \
	{ \
		what, .each = function, .any_arch = true, .limit = 600 \
	}
#define PROTECTED(kind, what, function) \
	{ \
		kind ": " what, .each = function, .engine = "kvm", .limit = 600, .config = { \
			.protect = kind, \
			.guest_vc = true \
		} \
	}
#define EACH(kind) \
	PROTECTED(kind, "0 to 7 arguments", each_args_mailbox), \
		PROTECTED(kind, "every command", each_commands_mailbox), \
		PROTECTED(kind, "texts", each_texts_mailbox), \
		PROTECTED(kind, "a ucall within a ucall", each_nested_mailbox), \
		PROTECTED(kind, "shared messages", each_shared_mailbox), \
		PROTECTED(kind, "four vCPUs at once", each_vcpus), \
		PROTECTED(kind, "four VMs at once", each_vms), \
		PROTECTED(kind, "made-up exits are declined", each_made_up), \
		PROTECTED(kind, "exits of others are declined", each_declines), \
		PROTECTED(kind, "a hostile guest", each_hostile), \
		PROTECTED(kind, "VMs leave nothing behind", each_nothing_left), \
		PROTECTED(kind, "every message once and in order", each_count_mailbox)

static const struct ucall_test suite[] = {
	{ "its file has the name by which it is found", .once = conform_file_found },
	{ "version and summary", .once = conform_file_texts },
	{ "what it claims it can have", .once = conform_file_claims },
	{ "options are well-formed", .once = conform_file_options },
	{ "each option's default is valid", .once = conform_file_defaults },
	{ "wrong options are refused", .once = conform_file_refused },
	{ "ucall_ops agree with the metadata", .once = conform_file_ops },
	PLAIN("0 to 7 arguments, by the mailbox", each_args_mailbox),
	PLAIN("0 to 7 arguments, by the address", each_args_address),
	PLAIN("every command, by the mailbox", each_commands_mailbox),
	PLAIN("every command, by the address", each_commands_address),
	PLAIN("texts, by the mailbox", each_texts_mailbox),
	PLAIN("texts, by the address", each_texts_address),
	PLAIN("a ucall within a ucall, by the mailbox", each_nested_mailbox),
	PLAIN("a ucall within a ucall, by the address", each_nested_address),
	PLAIN("shared messages, by the mailbox", each_shared_mailbox),
	PLAIN("shared messages, by the address", each_shared_address),
	PLAIN("four vCPUs at once", each_vcpus),
	PLAIN("four VMs at once", each_vms),
	PLAIN("two VMs with different options", each_options),
	PLAIN("exits of others are declined", each_declines),
	PLAIN("made-up exits are declined", each_made_up),
	PLAIN("a hostile guest", each_hostile),
	PLAIN("restarts in the midst of messages", each_restart),
	PLAIN("VMs leave nothing behind", each_nothing_left),
	PLAIN("refused VMs leave nothing behind", each_refused),
	PLAIN("in ring 3", each_ring3),
	PLAIN("with an interrupt controller", each_irqchip),
	PLAIN("every message once and in order, by the mailbox", each_count_mailbox),
	PLAIN("every message once and in order, by the address", each_count_address),
	EACH("emulated-sev"),
	EACH("emulated-sev-es"),
	EACH("emulated-sev-snp"),
	EACH("sev"),
	EACH("sev-es"),
	EACH("sev-snp"),
};

static bool parse(int argc, char **argv)
{
	char *end;

	if (argc == 4 && !strcmp(argv[1], "--messages")) {
		messages = strtoul(argv[2], &end, 0);
		if (end == argv[2] || *end || !messages) {
			fprintf(stderr, "ucall: --messages %s is no number\n", argv[2]);
			return false;
		}
	} else if (argc != 2) {
		return false;
	}
	config = argv[argc - 1];
	return true;
}

/* A file that the loader refuses fails the first point, with the loader's words. */
static int refused(const char *why)
{
	printf("1..1\n# %s\nnot ok 1 - it can be loaded\n", why);
	return EXIT_ABORT;
}

int cmd_conform(int argc, char **argv)
{
	struct ucall_backend_info *found;
	void *handle;
	int r;

	if (!parse(argc, argv)) {
		fprintf(stderr, USAGE);
		return EXIT_USAGE;
	}
	found = ucall_backend_find(config);
	if (!found) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return EXIT_USAGE;
	}
	if (found->problem) {
		r = refused(found->problem);
		ucall_backends_free(found);
		return r;
	}
	handle = dlopen(found->path, RTLD_NOW | RTLD_LOCAL);
	conform_ops = handle ? dlsym(handle, "ucall_ops") : NULL;
	if (!conform_ops) {
		r = refused(dlerror());
		ucall_backends_free(found);
		return r;
	}
	conform_info = found;
	setenv("UCALL_BACKEND", config, 1);
	setenv("UCALL_TEST_GUESTS", kit_folder("UCALL_DEMO_PATH", UCALL_DEMO_DIR), 1);
	r = ucall_test_run(suite, sizeof(suite) / sizeof(suite[0]));
	ucall_backends_free(found);
	return r;
}
