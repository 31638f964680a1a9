// SPDX-License-Identifier: MIT
/* The TAP harness: see <ucall/test.h>.  Uses only the library's public headers. */
#include <errno.h>
#include <fnmatch.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "child.h"
#include "base/text.h"
#include "guest-output.h"
#include "test-variants.h"

#define MAX_VMS 64
#define DEFAULT_LIMIT 60 /* s */

enum outcome { PASSED, FAILED, SKIPPED };

/* The point that is running. */
static pthread_t main_thread;
static jmp_buf end_of_point;
static enum outcome outcome;
static char reason[2048];
static const struct ucall_test_variant *variant; /* NULL in a `once` test */
static const struct ucall_test *test;
static unsigned int case_number;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ucall_vm *vms[MAX_VMS];
static struct ucall_guest_output guest_output; /* of VMs whose configuration sets none */

/* What a point's process reports. */
struct point_report {
	bool over; /* the point has ended; the rest is valid */
	enum outcome outcome;
	char reason[sizeof(reason)];
};
static struct point_report *told; /* NULL: all points run in this process */
static const char *only; /* points whose name this shell pattern matches; NULL: all */

static void diag_lines(const char *text)
{
	for (; *text; text += strspn(text, "\n")) {
		int n = (int)strcspn(text, "\n");

		printf("# %.*s\n", n, text);
		text += n;
	}
	fflush(stdout);
}

void ucall_test_diag(const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	flockfile(stdout);
	diag_lines(text);
	funlockfile(stdout);
}

static void __attribute__((noreturn)) end_point(void)
{
	if (pthread_equal(pthread_self(), main_thread))
		longjmp(end_of_point, 1);
	pthread_exit(NULL);
}

/* `file` NULL: the place in the test is not known. */
void ucall_test_fail(const char *file, int line, const char *format, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (file)
		ucall_test_diag("%s:%d: %s", file, line, text);
	else
		ucall_test_diag("%s", text);
	if (test && test->cases > 1)
		ucall_test_diag("in case %u of %u, counted from 0", case_number, test->cases);
	pthread_mutex_lock(&lock);
	outcome = FAILED;
	pthread_mutex_unlock(&lock);
	end_point();
}

void ucall_test_skip(const char *format, ...)
{
	va_list ap;

	pthread_mutex_lock(&lock);
	if (outcome == PASSED) {
		va_start(ap, format);
		vsnprintf(reason, sizeof(reason), format, ap);
		va_end(ap);
		outcome = SKIPPED;
	}
	pthread_mutex_unlock(&lock);
	end_point();
}

void ucall_test_string(const char *file, int line, const char *what, const char *a, const char *b,
		       int part)
{
	if (part ? !strstr(a, b) : strcmp(a, b) != 0)
		ucall_test_fail(file, line, "%s is \"%s\", which %s \"%s\"", what, a,
				part ? "does not contain" : "is not", b);
}

static void diag_fault(struct ucall_vcpu *vcpu)
{
	if (ucall_fault(vcpu)->valid)
		ucall_test_diag("%s", ucall_fault_report(vcpu));
}

/* "UCALL_DONE (4)", "UCALL_USER + 2 (258)" */
static const char *name_of(int cmd, char *text, size_t size)
{
	static const char *const names[] = { "UCALL_NONE", "UCALL_SYNC", "UCALL_ABORT",
					     "UCALL_PRINTF", "UCALL_DONE" };

	if (cmd >= UCALL_USER && cmd <= 0xffff)
		snprintf(text, size, "UCALL_USER + %d (%d)", cmd - UCALL_USER, cmd);
	else if (cmd >= 0 && cmd <= UCALL_DONE)
		snprintf(text, size, "%s (%d)", names[cmd], cmd);
	else
		snprintf(text, size, "command %d", cmd);
	return text;
}

void ucall_test_next(const char *file, int line, struct ucall_vcpu *vcpu, struct ucall *uc, int cmd)
{
	int got = ucall_next(vcpu, uc);
	char wanted[48], came[48];

	if (got == cmd)
		return;
	name_of(cmd, wanted, sizeof(wanted));
	if (got < 0) {
		diag_fault(vcpu);
		ucall_test_fail(file, line, "%s did not arrive: %s", wanted, ucall_error());
	}
	ucall_test_fail(file, line, "the guest sent %s, not %s", name_of(got, came, sizeof(came)),
			wanted);
}

void ucall_test_shared(const char *file, int line, struct ucall_vcpu *vcpu, uint64_t uc_gva,
		       int cmd, uint64_t stage)
{
	char wanted[48], came[48];
	struct ucall uc;
	int got;

	name_of(cmd, wanted, sizeof(wanted));
	if (ucall_vcpu_run(vcpu)) {
		diag_fault(vcpu);
		ucall_test_fail(file, line, "%s did not arrive: %s", wanted, ucall_error());
	}
	got = get_ucall_shared(vcpu, uc_gva, &uc);
	if (got < 0)
		ucall_test_fail(file, line, "%s", ucall_error());
	if (got != cmd)
		ucall_test_fail(file, line, "the shared message is %s, not %s%s%s",
				name_of(got, came, sizeof(came)), wanted,
				got == UCALL_ABORT ? ": " : "", got == UCALL_ABORT ? uc.text : "");
	if (cmd == UCALL_SYNC && uc.args[1] != stage)
		ucall_test_fail(file, line, "the stage is %llu, not %llu",
				(unsigned long long)uc.args[1], (unsigned long long)stage);
}

const char *ucall_test_backend(void)
{
	return variant ? variant->backend : NULL;
}

const char *ucall_test_engine(void)
{
	return variant ? variant->engine : NULL;
}

const char *ucall_test_arch(void)
{
	return variant ? variant->arch : NULL;
}

const char *ucall_test_protect(void)
{
	return test && test->config.protect ? test->config.protect : "none";
}

void ucall_test_config(struct ucall_vm_config *config)
{
	if (!variant)
		return;
	if (!config->backend)
		config->backend = variant->backend;
	if (!config->engine)
		config->engine = variant->engine;
	if (!config->protect) {
		config->protect = test->config.protect;
		config->guest_vc = config->guest_vc || test->config.guest_vc;
	}
	if (!config->image && !config->image_data)
		config->image = variant->image;
}

/* Guests get a separate stream: their text could look like TAP. */
static FILE *open_guest_output(void)
{
	pthread_mutex_lock(&lock);
	if (!guest_output.stream)
		ucall_guest_output_open(&guest_output, stdout, "# ");
	pthread_mutex_unlock(&lock);
	return guest_output.stream;
}

/* True if this machine, engine or backend cannot do it, so that nothing is wrong. */
static bool is_skip(int error, const struct ucall_vm_config *config)
{
	if (error == EOPNOTSUPP)
		return true;
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return false;
	if (config->kvm_device)
		return false;
	return ucall_engine_check(config->engine) != 0;
}

struct ucall_vm *ucall_test_vm_at(const char *file, int line, const struct ucall_vm_config *config)
{
	struct ucall_vm_config full = config ? *config : (struct ucall_vm_config){ 0 };
	char problem[2048];
	struct ucall_vm *vm;
	int i;

	ucall_test_config(&full);
	if (!full.output)
		full.output = open_guest_output();
	vm = ucall_vm_create(&full);
	if (!vm) {
		int error = errno;

		snprintf(problem, sizeof(problem), "%s", ucall_error());
		if (is_skip(error, &full))
			ucall_test_skip("%s", problem);
		ucall_test_fail(file, line, "no VM: %s", problem);
	}
	pthread_mutex_lock(&lock);
	for (i = 0; i < MAX_VMS && vms[i];)
		i++;
	if (i < MAX_VMS)
		vms[i] = vm;
	pthread_mutex_unlock(&lock);
	if (i == MAX_VMS)
		ucall_test_fail(file, line, "more than %d VMs in one point", MAX_VMS);
	return vm;
}

void ucall_test_vm_free(struct ucall_vm *vm)
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < MAX_VMS; i++)
		if (vms[i] == vm)
			vms[i] = NULL;
	pthread_mutex_unlock(&lock);
	ucall_vm_free(vm);
}

/* Makes the VM of a host() test and its vCPU; launches it if the test asks for that. */
static struct ucall_vm *make_host_vm(const struct ucall_test *t, struct ucall_vcpu **vcpu)
{
	struct ucall_vm *vm = ucall_test_vm_at(t->file, t->line, &t->config);

	*vcpu = NULL;
	if (t->guest) {
		*vcpu = ucall_vcpu_add_function(vm, (uint64_t)(uintptr_t)t->guest, t->guest_name,
						t->nargs, t->args[0], t->args[1], t->args[2],
						t->args[3], t->args[4], t->args[5]);
		if (!*vcpu)
			ucall_test_fail(t->file, t->line, "no vCPU: %s", ucall_error());
	}
	if (t->launch && ucall_vm_launch(vm))
		ucall_test_fail(t->file, t->line, "%s", ucall_error());
	return vm;
}

static void run_host(const struct ucall_test *t)
{
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm = make_host_vm(t, &vcpu);
	bool saved = t->cases > 1 && !ucall_vm_snapshot(vm);

	if (t->cases > 1 && !saved && errno != EOPNOTSUPP && errno != EPERM)
		ucall_test_fail(t->file, t->line, "%s", ucall_error());
	for (case_number = 0;; case_number++) {
		t->host(vm, vcpu);
		if (case_number + 1 >= t->cases)
			return;
		if (saved && ucall_vm_restore(vm))
			ucall_test_fail(t->file, t->line, "%s", ucall_error());
		if (!saved) {
			ucall_test_vm_free(vm);
			vm = make_host_vm(t, &vcpu);
		}
	}
}

unsigned int ucall_test_case(void)
{
	return case_number;
}

static char limit_text[512]; /* printed when the point exceeds its limit */

/* Async-signal-safe: whatever hangs may hold any lock. */
static void on_limit(int number)
{
	ssize_t n = write(STDOUT_FILENO, limit_text, strlen(limit_text));

	(void)n;
	_exit(99);
}

/* The factor on time limits, for slow machines; 0 if UCALL_TEST_LIMIT is not valid. */
static unsigned int limit_factor(void)
{
	const char *text = getenv("UCALL_TEST_LIMIT");
	char *end = NULL;
	unsigned long factor = text && *text ? strtoul(text, &end, 10) : 1;

	return factor < 1 || factor > 1000 || (end && *end) ? 0 : (unsigned int)factor;
}

static unsigned int limit_of(const struct ucall_test *t)
{
	return (t->limit ? t->limit : DEFAULT_LIMIT) * limit_factor();
}

static void name_point(const char *name, char *text, size_t size)
{
	if (variant)
		snprintf(text, size, "%s %s %s: %s", variant->backend, variant->arch,
			 variant->engine, name);
	else
		snprintf(text, size, "%s", name);
}

/* Without a process of its own, a point that hangs can only be ended with this process. */
static void set_limit(const struct ucall_test *t)
{
	char name[256];

	name_point(t->name, name, sizeof(name));
	snprintf(limit_text, sizeof(limit_text),
		 "\nBail out! \"%s\" exceeded its time limit of %u s\n", name, limit_of(t));
	signal(SIGALRM, on_limit);
	alarm(limit_of(t));
}

static void run_body(const struct ucall_test *t)
{
	if (setjmp(end_of_point))
		return;
	if (variant && variant->image && access(variant->image, R_OK))
		ucall_test_skip("no guest ELF %s: build it from this test's source with "
				"`ucall cc --arch %s -o %s SOURCE.c`",
				variant->image, variant->arch, variant->image);
	if (!told)
		set_limit(t);
	if (t->once)
		t->once();
	else if (t->each)
		t->each();
	else if (t->host)
		run_host(t);
	else
		ucall_test_fail(
			t->file, t->line,
			"this test has nothing to run: give .host, .each or .once a function");
}

/* Runs the point, and frees what it left. */
static void run_all(const struct ucall_test *t)
{
	run_body(t);
	alarm(0);
	for (int i = 0; i < MAX_VMS; i++) {
		ucall_vm_free(vms[i]);
		vms[i] = NULL;
	}
	ucall_guest_output_end(&guest_output);
}

static int run_in_child(void *data)
{
	run_all(data);
	told->outcome = outcome;
	memcpy(told->reason, reason, sizeof(told->reason));
	told->over = true;
	return 0;
}

static void fail_with(const char *text)
{
	ucall_test_diag("%s", text);
	outcome = FAILED;
}

/* Runs the point in a process of its own: what ends it ends only this point. */
static void run_apart(const struct ucall_test *t)
{
	struct ucall_child child = {
		.work = run_in_child,
		.data = (void *)(uintptr_t)t,
		.limit = limit_of(t),
		.prefix = "# ",
	};
	char text[512];

	memset(told, 0, sizeof(*told));
	if (ucall_child_run(&child)) {
		snprintf(text, sizeof(text), "cannot fork for this point: %s", strerror(errno));
		fail_with(text);
		return;
	}
	if (told->over) {
		outcome = told->outcome;
		memcpy(reason, told->reason, sizeof(reason));
	}
	if (!told->over || !child.returned || child.status) {
		ucall_child_describe(&child, text, sizeof(text));
		if (told->over && outcome != FAILED)
			ucall_test_diag("after the point had ended:");
		fail_with(text);
	}
}

static void report(unsigned int number, const char *name)
{
	char full[512];

	for (char *p = reason; outcome == SKIPPED && (p = strchr(p, '\n'));)
		*p = ' ';
	name_point(name, full, sizeof(full));
	printf("%s %u - %s%s%s\n", outcome == FAILED ? "not ok" : "ok", number, full,
	       outcome == SKIPPED ? " # SKIP " : "", outcome == SKIPPED ? reason : "");
	fflush(stdout);
}

/* Runs and reports one point.  Returns whether it passed or was skipped. */
static bool run_point(const struct ucall_test *t, unsigned int number)
{
	outcome = PASSED;
	test = t;
	if (told)
		run_apart(t);
	else
		run_all(t);
	report(number, t->name);
	return outcome != FAILED;
}

/* $UCALL_TEST; NULL too if it is empty, as other variables. */
static const char *pattern(void)
{
	const char *chosen = getenv("UCALL_TEST");

	return chosen && *chosen ? chosen : NULL;
}

/* A line with a value of the environment, whose control characters are escaped: it writes no TAP. */
static void print_line(const char *before, const char *value, const char *after)
{
	char text[512];

	snprintf(text, sizeof(text), "%s", value);
	ucall_text_escape(text, sizeof(text));
	printf("%s%s%s\n", before, text, after);
}

/* 0, or 1 after a message if standard output could not be written. */
static int check_output(void)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	fprintf(stderr, "cannot write standard output: %s\n", strerror(errno));
	return 1;
}

/* True unless the pattern leaves it out. */
static bool is_chosen(const struct ucall_test *t)
{
	return !only || !fnmatch(only, t->name, 0);
}

static bool any_chosen(const struct ucall_test *tests, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_chosen(&tests[i]))
			return true;
	return false;
}

/* True if the backend claims to serve VMs with this protection. */
static bool serves(const struct ucall_metadata *md, const struct ucall_vm_config *config)
{
	uint32_t bit = ucall_protection_bit(config->protect ? config->protect : "none");

	return (md->protections & bit) &&
	       !(ucall_protection_closes_registers(bit) && (md->needs & UCALL_NEEDS_GUEST_VC) &&
		 !config->guest_vc);
}

/* True if the point is to be run for this variant. */
static bool applies(const struct ucall_test *t, const struct ucall_test_variants *all,
		    const struct ucall_test_variant *v)
{
	return !t->once && is_chosen(t) && !ucall_test_missing_protection(all, &t->config) &&
	       (!v->image || t->any_arch || t->arch) && (!t->arch || !strcmp(t->arch, v->arch)) &&
	       (!t->engine || !strcmp(t->engine, v->engine)) && serves(v->metadata, &t->config);
}

/* True if a test, with any backend, needs this memory encryption, which does not work here. */
static bool is_wanted(const struct ucall_test *tests, size_t count,
		      const struct ucall_test_variants *v, const struct ucall_protection_info *p)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < v->count; k++)
			if (!tests[i].once && is_chosen(&tests[i]) &&
			    ucall_test_missing_protection(v, &tests[i].config) == p &&
			    serves(v->all[k].metadata, &tests[i].config))
				return true;
	return false;
}

static void report_skipped(unsigned int number, const char *name, const char *why)
{
	outcome = SKIPPED;
	snprintf(reason, sizeof(reason), "%s", why);
	report(number, name);
}

int ucall_test_run(const struct ucall_test *tests, size_t count)
{
	struct ucall_test_variants v;
	unsigned int number = 0, points = 0, missing = 0;
	bool good = true, repeated = false, none;

	const char *fork = getenv("UCALL_TEST_FORK");

	main_thread = pthread_self();
	only = pattern();
	if (!fork || strcmp(fork, "0") != 0)
		told = ucall_child_memory(sizeof(*told));
	if (!limit_factor()) {
		print_line("Bail out! UCALL_TEST_LIMIT=", getenv("UCALL_TEST_LIMIT"),
			   ": give a whole number from 1 to 1000");
		return 1;
	}
	if (!ucall_test_find_variants(&v)) {
		printf("Bail out! %s\n", ucall_error());
		ucall_test_free_variants(&v);
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		points += tests[i].once && is_chosen(&tests[i]);
		repeated = repeated || (!tests[i].once && is_chosen(&tests[i]));
		for (size_t k = 0; k < v.count; k++)
			points += applies(&tests[i], &v, &v.all[k]);
	}
	for (struct ucall_engine_info *e = v.engines; repeated && e && e->name; e++)
		missing += ucall_test_is_missing(&v, e);
	/* Points without guests do not speak for those with: they are one more, skipped. */
	none = points && repeated && !v.count && !missing;
	points += missing + none;
	for (struct ucall_protection_info *p = v.protections; p && p->name; p++)
		points += is_wanted(tests, count, &v, p);
	if (points)
		printf("1..%u\n", points);
	else if (!any_chosen(tests, count))
		print_line("1..0 # SKIP no test \"", only, "\"");
	else
		printf("1..0 # SKIP %s\n", v.none);

	for (struct ucall_engine_info *e = v.engines; repeated && e && e->name; e++) {
		if (ucall_test_is_missing(&v, e))
			report_skipped(++number, e->name, e->problem);
	}
	if (none)
		report_skipped(++number, "guests", v.none);
	for (struct ucall_protection_info *p = v.protections; p && p->name; p++) {
		if (is_wanted(tests, count, &v, p))
			report_skipped(++number, p->name, p->problem);
	}
	for (size_t i = 0; i < count; i++)
		if (tests[i].once && is_chosen(&tests[i]))
			good = run_point(&tests[i], ++number) && good;
	for (size_t k = 0; k < v.count; k++) {
		variant = &v.all[k];
		for (size_t i = 0; i < count; i++)
			if (applies(&tests[i], &v, variant))
				good = run_point(&tests[i], ++number) && good;
	}
	variant = NULL;
	ucall_test_free_variants(&v);
	ucall_child_free(told, sizeof(*told));
	told = NULL;
	return check_output() || !good ? 1 : 0;
}

/* Each name once: kinds of protection can repeat it. */
static int print_names(const struct ucall_test *tests, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t k = 0;

		while (k < i && strcmp(tests[k].name, tests[i].name) != 0)
			k++;
		if (k == i && is_chosen(&tests[i]))
			printf("%s\n", tests[i].name);
	}
	return check_output();
}

int ucall_test_main(int argc, char **argv, const struct ucall_test *tests, size_t count)
{
	const char *named = NULL;
	bool list = false;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--no-fork")) {
			setenv("UCALL_TEST_FORK", "0", 1);
		} else if (!strcmp(argv[i], "--list")) {
			list = true;
		} else if (!strcmp(argv[i], "--point") && i + 1 < argc) {
			named = argv[++i];
		} else if (argv[i][0] != '-' && !named) {
			named = argv[i];
		} else {
			bool help = !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");

			fprintf(help ? stdout : stderr,
				"usage: %s [--list] [--no-fork] [PATTERN]\n"
				"  PATTERN     run only tests whose name matches (--point PATTERN, too)\n"
				"  --list      print the names of the tests, and run none\n"
				"  --no-fork   run all in this process, for a debugger\n"
				"UCALL_BACKEND, UCALL_ENGINE: the backend and the engine to test;\n"
				"UCALL_TEST=PATTERN, UCALL_TEST_FORK=0: the same as the options;\n"
				"UCALL_TEST_LIMIT=N multiplies each test's time limit.\n",
				argv[0]);
			return help ? 0 : 2;
		}
	}
	if (named)
		setenv("UCALL_TEST", named, 1);
	only = pattern();
	if (named && !any_chosen(tests, count)) {
		fprintf(stderr,
			"%s: no test \"%s\"; a test's name is what follows \": \" in the output, "
			"and the pattern must match all of it\n",
			argv[0], only);
		return 2;
	}
	if (list)
		return print_names(tests, count);
	return ucall_test_run(tests, count);
}
