// SPDX-License-Identifier: MIT
/*
 * ucall conform: checks a backend.  A suite in TAP that uses the test harness: its points are
 * repeated for each architecture, engine and protection that the plugin claims and this machine
 * has.
 */
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/child.h"
#include "base/error.h"
#include "commands.h"
#include "compilers.h"
#include "conform-file.h"
#include "conform.h"
#include "text.h"

static const char *plugin; /* as given */
static uint64_t messages = 100000;

/* ---- messages ---- */

struct ucall_vcpu *conform_add(struct ucall_vm *vm, void (*function)(void), const char *name,
			       unsigned int nargs, uint64_t a0, uint64_t a1)
{
	struct ucall_vcpu *vcpu = ucall_vcpu_add_function(vm, (uint64_t)(uintptr_t)function, name,
							  nargs, a0, a1, 0, 0, 0, 0);

	CHECK_OK(vcpu);
	return vcpu;
}

/* The other points are skipped if there can be no VM; so this one fails. */
static void each_created(void)
{
	struct ucall_vm_config c = { 0 };
	struct ucall_vm *vm;

	ucall_test_config(&c);
	vm = ucall_vm_create(&c);
	/* Not the backend's fault if something ran out. */
	if (!vm && ucall_is_shortage(errno))
		FAIL("no VM: %s", ucall_error());
	if (!vm)
		FAIL("no VM: %s; init() must serve every VM that the metadata claims: say which "
		     "with .needs, .protections and the guest code",
		     ucall_error());
	ucall_vm_free(vm);
}

static void check_args(enum ucall_via via)
{
	struct ucall_vm *vm = conform_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_args, 0, 0, 0);
	struct ucall uc;

	CHECK_OK(!ucall_vm_launch(vm));
	for (uint64_t n = 0; n <= 7; n++) {
		CHECK_NEXT(vcpu, &uc, CONFORM_USER);
		CHECK_EQ(uc.nargs, n);
		for (uint64_t i = 0; i < n; i++)
			if (uc.args[i] != 0x1122334455667700 + i)
				FAIL("argument %d of %d is 0x%llx, and the guest sent 0x%llx: the "
				     "doorbell writes to the message, changes a register that it "
				     "must keep, or passes another address",
				     (int)i + 1, (int)n, (unsigned long long)uc.args[i],
				     (unsigned long long)(0x1122334455667700 + i));
		for (uint64_t i = n; i < 7; i++)
			CHECK_EQ(uc.args[i], 0);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void check_commands(enum ucall_via via)
{
	struct ucall_vm *vm = conform_vm(via);
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
	struct ucall_vm *vm = conform_vm(via);
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
	struct ucall_vm *vm = conform_vm(via);
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
	struct ucall_vm *vm = conform_vm(via);
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

void conform_take_all(struct ucall_vcpu *vcpu, uint64_t id, uint64_t rounds)
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
	struct ucall_vm *vm = conform_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 9, messages);

	CHECK_OK(!ucall_vm_launch(vm));
	conform_take_all(vcpu, 9, messages);
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
BOTH(registers)
BOTH(mailbox)

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
		job->vm = conform_vm(UCALL_VIA_DEFAULT);
		job->vcpu = ADD(job->vm, conform_count, 2, job->id, ROUNDS);
		CHECK_OK(!ucall_vm_launch(job->vm));
	}
	conform_take_all(job->vcpu, job->id, ROUNDS);
	job->done = true;
	return NULL;
}

static void run_jobs(struct job *jobs)
{
	pthread_t threads[MANY];
	int count, error = 0;

	for (count = 0; count < MANY; count++) {
		error = pthread_create(&threads[count], NULL, run_job, &jobs[count]);
		if (error)
			break;
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	if (error)
		FAIL("cannot create a thread: %s", strerror(error));
	for (int i = 0; i < MANY; i++)
		if (!jobs[i].done)
			FAIL("thread %d did not finish", i);
}

static void each_vcpus(void)
{
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	struct job jobs[MANY];

	for (uint64_t i = 0; i < MANY; i++)
		jobs[i] = (struct job){ vm, ADD(vm, conform_count, 2, i, ROUNDS), i, false };
	CHECK_OK(!ucall_vm_launch(vm));
	run_jobs(jobs);
}

static void each_vms(void)
{
	struct job jobs[MANY];

	ucall_test_vm_free(conform_vm(UCALL_VIA_DEFAULT)); /* skips if there can be no VM */
	for (uint64_t i = 0; i < MANY; i++)
		jobs[i] = (struct job){ NULL, NULL, i, false };
	run_jobs(jobs);
}

/* Another value of an option, within its range; false if there is none. */
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

/* A backend keeps its data per VM: two VMs with different options take turns. */
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
		first = conform_vm(UCALL_VIA_DEFAULT);
		snprintf(text, sizeof(text), "%s,%s=%s", conform_info->path, o->name, value);
		second = ucall_test_vm(&c);
		a = ADD(first, conform_count, 2, 1, 2);
		b = ADD(second, conform_count, 2, 2, 2);
		CHECK_OK(!ucall_vm_launch(first) && !ucall_vm_launch(second));
		CHECK_NEXT(a, NULL, UCALL_SYNC);
		CHECK_NEXT(b, NULL, UCALL_SYNC);
		conform_take_all(ADD(conform_vm(UCALL_VIA_DEFAULT), conform_count, 2, 3, 2), 3, 2);
		CHECK_NEXT(a, NULL, UCALL_SYNC);
		CHECK_NEXT(b, NULL, UCALL_SYNC);
		ucall_test_vm_free(first);
		CHECK_NEXT(b, NULL, UCALL_DONE);
		tried = true;
	}
	if (!tried)
		SKIP("it has no numeric option");
}

/* ---- hostile guests, restarts ---- */

static void each_hostile(void)
{
	const uint64_t rounds = 300;
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
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
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 5);

	for (int i = 0; i < 10; i++) {
		for (int k = 0; k < i % 4; k++)
			CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_OK(!ucall_vcpu_run(vcpu)); /* the message is not taken */
		CHECK_OK(!ucall_vcpu_restart(vcpu));
	}
	conform_take_all(vcpu, 1, 5);
}

/* ---- the suite ---- */

static void each_ring3(void)
{
	struct ucall_vm_config c = { .ring = 3 };
	struct ucall_vm *vm = ucall_test_vm(&c);

	conform_take_all(ADD(vm, conform_count, 2, 1, 50), 1, 50);
}

static void each_irqchip(void)
{
	struct ucall_vm_config c = { .irqchip = true };
	struct ucall_vm *vm = ucall_test_vm(&c);

	conform_take_all(ADD(vm, conform_count, 2, 1, 50), 1, 50);
}

#define LIMIT 120 /* s */

#define PLAIN(what, function) \
	{ \
		what, .each = function, .any_arch = true, .limit = LIMIT \
	}
/* For --messages, which may take long. */
#define COUNT(what, function) \
	{ \
		what, .each = function, .any_arch = true, .limit = 3600 \
	}

/* For VMs with each kind of protection. */
static const struct {
	const char *name;
	void (*each)(void);
} protected[] = {
	{ "0 to 7 arguments", each_args_mailbox },
	{ "every command", each_commands_mailbox },
	{ "texts", each_texts_mailbox },
	{ "a ucall within a ucall", each_nested_mailbox },
	{ "shared messages", each_shared_mailbox },
	{ "four vCPUs at once", each_vcpus },
	{ "four VMs at once", each_vms },
	{ "made-up exits are declined", each_made_up },
	{ "exits of others are declined", each_declines },
	{ "a hostile guest", each_hostile },
	{ "VMs leave nothing behind", each_nothing_left },
	{ "every message once and in order", each_count_mailbox },
};

#define PROTECTED (sizeof(protected) / sizeof(protected[0]))

static const struct ucall_test plain[] = {
	{ "it can be loaded", .once = conform_file_loaded },
	{ "its file is named after the backend", .once = conform_file_found },
	{ "version and summary", .once = conform_file_texts },
	{ "its claims are valid", .once = conform_file_claims },
	{ "options are well-formed", .once = conform_file_options },
	{ "each option's default is valid", .once = conform_file_defaults },
	{ "wrong options are refused", .once = conform_file_refused },
	{ "ucall_ops agree with the metadata", .once = conform_file_ops },
	PLAIN("a VM can be created", each_created),
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
	PLAIN("its exits are writes", each_writes),
	PLAIN("registers are kept, by the mailbox", each_registers_mailbox),
	PLAIN("registers are kept, by the address", each_registers_address),
	PLAIN("the mailbox is left alone, by the mailbox", each_mailbox_mailbox),
	PLAIN("the mailbox is left alone, by the address", each_mailbox_address),
	PLAIN("a hostile guest", each_hostile),
	PLAIN("restarts with a message pending", each_restart),
	PLAIN("VMs leave nothing behind", each_nothing_left),
	PLAIN("refused VMs leave nothing behind", each_refused),
	PLAIN("no memory is left behind", each_memory),
	PLAIN("nothing is printed", each_silent),
	PLAIN("in ring 3", each_ring3),
	PLAIN("with an interrupt controller", each_irqchip),
	COUNT("every message once and in order, by the mailbox", each_count_mailbox),
	COUNT("every message once and in order, by the address", each_count_address),
};

#define PLAIN_POINTS (sizeof(plain) / sizeof(plain[0]))

/* All points: `plain`, and `protected` for each kind in ucall_protections(). */
static struct ucall_test *suite;
static size_t points;
static char (*names)[96];

static void add_protection(const struct ucall_protection_info *kind)
{
	for (size_t i = 0; i < PROTECTED; i++) {
		struct ucall_test *t = &suite[points];

		snprintf(names[points], sizeof(names[points]), "%s: %s", kind->name,
			 protected[i].name);
		t->name = names[points++];
		t->each = protected[i].each;
		t->engine = kind->engine;
		/* The engine kvm has guests of the host's architecture only, others any. */
		if (!(kind->archs & ucall_arch_host()))
			t->arch = ucall_arch_name(kind->archs);
		t->limit = LIMIT;
		t->config.protect = kind->name;
		t->config.guest_vc = true;
	}
}

static bool make_suite(void)
{
	struct ucall_protection_info *kinds = ucall_protections();
	size_t count = 0;

	while (kinds && kinds[count].name)
		count++;
	suite = calloc(PLAIN_POINTS + count * PROTECTED, sizeof(*suite));
	names = calloc(PLAIN_POINTS + count * PROTECTED, sizeof(*names));
	if (!kinds || !suite || !names) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return false;
	}
	memcpy(suite, plain, sizeof(plain));
	points = PLAIN_POINTS;
	for (size_t i = 0; i < count; i++)
		if (kinds[i].bit != UCALL_PROTECT_NONE)
			add_protection(&kinds[i]);
	free(kinds); /* its names are constants */
	return true;
}

/* The result of the process that only loads the plugin. */
struct loading {
	bool loaded;
	char problem[2048];
};

static int load(void *data)
{
	struct loading *l = data;

	l->loaded = conform_load_alone(l->problem, sizeof(l->problem));
	return 0;
}

/* Prints a plan of one point, which failed. */
static int report_load_failure(const char *before, const char *why, const char *after)
{
	printf("1..1\n# %s%s%s\nnot ok 1 - it can be loaded\n", before, why, after);
	return EXIT_ABORT;
}

/* If its constructors do not return, nothing else can be checked: loads it in a process first. */
static int check_loading(void)
{
	struct loading *l = ucall_child_memory(sizeof(*l));
	struct ucall_child child = { .work = load, .data = l, .limit = 5, .prefix = "# " };
	char text[512];
	int r = 0;

	if (!l || ucall_child_run(&child)) {
		r = report_load_failure("cannot create a process to load it: ", strerror(errno),
					"");
	} else if (l->problem[0]) {
		r = report_load_failure(l->problem, "", "");
	} else if (!l->loaded) {
		ucall_child_describe(&child, text, sizeof(text));
		r = report_load_failure(
			"when it is loaded, ", text,
			"; a constructor must return: better, move its work to init()");
	}
	ucall_child_free(l, sizeof(*l));
	return r;
}

/* True if the pattern of --point matches one, or there is none. */
static bool check_point_pattern(void)
{
	const char *pattern = getenv("UCALL_TEST");
	char text[256];

	for (size_t i = 0; pattern && i < points; i++)
		if (!fnmatch(pattern, suite[i].name, 0))
			return true;
	if (pattern)
		fprintf(stderr,
			"ucall: no point \"%s\"; a point is what follows \": \" in the output, "
			"and the pattern must match all of it, such as \"registers*\"\n",
			printable(pattern, text, sizeof(text)));
	return !pattern;
}

static bool parse(int argc, char **argv)
{
	uint64_t number;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : "";

		if (!strcmp(argv[i], "--no-fork")) {
			setenv("UCALL_TEST_FORK", "0", 1);
			continue;
		}
		if (!strcmp(argv[i], "--messages")) {
			if (!parse_number("--messages", value, 1, 1000000000000, &number))
				return false;
			messages = number;
		} else if (!strcmp(argv[i], "--point") && *value) {
			setenv("UCALL_TEST", value, 1);
		} else {
			return false;
		}
		i++;
	}
	if (i + 1 != argc)
		return false;
	plugin = argv[i];
	return check_point_pattern();
}

/* A file that the loader refuses fails the first point, with the loader's message. */
int cmd_conform(int argc, char **argv)
{
	int r;

	if (!make_suite())
		return EXIT_USAGE;
	if (!parse(argc, argv))
		return bad_usage("conform");
	conform_info = ucall_backend_find(plugin); /* with unescaped texts, to be checked */
	if (!conform_info) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return EXIT_USAGE;
	}
	r = conform_info->problem ? report_load_failure(conform_info->problem, "", "")
				  : check_loading();
	if (!r) {
		setenv("UCALL_BACKEND", plugin, 1);
		setenv("UCALL_TIMEOUT", "3", 0); /* finds soon that a doorbell does not ring */
		setenv("UCALL_TEST_GUESTS", kit_folder("UCALL_DEMO_PATH", UCALL_ELF_DIR), 1);
		r = ucall_test_run(suite, points);
	}
	ucall_backends_free((struct ucall_backend_info *)(uintptr_t)conform_info);
	free(suite);
	free(names);
	return r;
}
