// SPDX-License-Identifier: MIT
/* ucall run: runs a guest ELF and prints its messages. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <ucall/plugin.h>

#include "harness/child.h"
#include "commands.h"
#include "run-output.h"
#include "text.h"

#define MAX_ARGS 6
#define DEFAULT_GDB "1234" /* as other emulators' */

struct options {
	struct ucall_vm_config config;
	const char *entry, *core; /* core: the file for a guest that goes wrong; NULL: none */
	const char *trace; /* the file; NULL: none */
	const char *gdb; /* where to wait for gdb; NULL: do not */
	bool coverage; /* add the guest's counters to its files */
	bool dry_run; /* only list the KVM calls of the launch */
	enum run_format format;
	bool no_fork;
	uint64_t args[MAX_ARGS];
	unsigned int nargs;
};

static bool set_option(const char *name, const char *value, struct options *o)
{
	struct ucall_vm_config *config = &o->config;
	uint64_t mib;

	if (!strcmp(name, "-b") || !strcmp(name, "--backend")) {
		config->backend = value;
	} else if (!strcmp(name, "-e") || !strcmp(name, "--engine")) {
		config->engine = value;
	} else if (!strcmp(name, "-a") || !strcmp(name, "--arch")) {
		config->arch = value;
	} else if (!strcmp(name, "-E") || !strcmp(name, "--entry")) {
		o->entry = value;
	} else if (!strcmp(name, "-p") || !strcmp(name, "--protect")) {
		config->protect = value;
	} else if (!strcmp(name, "--core")) {
		o->core = value;
	} else if (!strcmp(name, "--trace")) {
		o->trace = value;
	} else if (!strcmp(name, "-t") || !strcmp(name, "--timeout")) {
		return parse_seconds("--timeout", value, &config->timeout_ms);
	} else if (!strcmp(name, "-m") || !strcmp(name, "--memory")) {
		if (!parse_number("--memory", value, 2, 3072, &mib))
			return false;
		config->mem_size = (size_t)mib << 20;
	} else {
		fprintf(stderr, "ucall: unknown option %s\n", name);
		return false;
	}
	return true;
}

/* --gdb or --gdb=ADDRESS */
static bool set_gdb(const char *name, struct options *o)
{
	if (strncmp(name, "--gdb", 5) != 0 || (name[5] && name[5] != '='))
		return false;
	o->gdb = name[5] ? name + 6 : DEFAULT_GDB;
	return true;
}

/* True if the option is that of a format; the last one counts. */
static bool set_format(const char *name, struct options *o)
{
	static const char *const names[] = { "", "--raw", "--tap", "--json" };

	for (unsigned int i = RUN_RAW; i <= RUN_JSON; i++)
		if (!strcmp(name, names[i])) {
			o->format = (enum run_format)i;
			return true;
		}
	return false;
}

static bool parse(int argc, char **argv, struct options *o)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i += 2) {
		bool *flag = !strcmp(argv[i], "--dry-run")    ? &o->dry_run
			     : !strcmp(argv[i], "--coverage") ? &o->coverage
			     : !strcmp(argv[i], "--no-fork")  ? &o->no_fork
							      : NULL;

		if (set_format(argv[i], o) || set_gdb(argv[i], o)) {
			i--;
			continue;
		}
		if (flag) {
			*flag = true;
			i--;
			continue;
		}
		if (i + 1 == argc) {
			fprintf(stderr, "ucall: %s needs a value\n", argv[i]);
			return false;
		}
		if (!set_option(argv[i], argv[i + 1], o))
			return false;
	}
	if (i == argc)
		return false;
	o->config.image = argv[i++];
	for (; i < argc; i++) {
		if (o->nargs == MAX_ARGS) {
			fprintf(stderr, "ucall: a guest function has at most %d arguments\n",
				MAX_ARGS);
			return false;
		}
		if (!parse_integer("argument", argv[i], &o->args[o->nargs++]))
			return false;
	}
	return true;
}

/* For a VM with encrypted memory: the value that its owner would compare. */
static void print_measurement(struct run_output *out, const struct ucall_vm *vm)
{
	const uint8_t *digest;
	int size = ucall_vm_measurement(vm, &digest);

	if (size >= 0)
		run_output_measurement(out, digest, size);
}

/* The exit status for an error of ucall_next(). */
static int end_status(int error)
{
	switch (error) {
	case ECANCELED:
		return EXIT_ABORT;
	case ETIMEDOUT:
		return EXIT_TIMEOUT;
	default:
		return EXIT_FAULT;
	}
}

static int run(struct ucall_vcpu *vcpu, struct run_output *out)
{
	struct ucall uc;
	int cmd, error;

	for (;;) {
		cmd = ucall_next(vcpu, &uc);
		error = errno;
		if (cmd < 0) {
			run_output_error(out, vcpu, error);
			return end_status(error);
		}
		if (cmd == UCALL_DONE) {
			run_output_done(out);
			return 0;
		}
		run_output_message(out, cmd, &uc);
	}
}

/* Says how to connect, before the guest's first instruction. */
static int wait_for_gdb(struct ucall_vm *vm, const char *address)
{
	const bool is_port = strncmp(address, "unix:", 5) != 0;

	if (ucall_vm_gdb(vm, address))
		return -1;
	fprintf(stderr, "ucall: the guest waits for gdb: target remote %s%.*s\n",
		is_port ? ":" : "", (int)strcspn(address + (is_port ? 0 : 5), ","),
		address + (is_port ? 0 : 5));
	return 0;
}

static void write_core(struct ucall_vm *vm, const char *path)
{
	if (ucall_vm_core(vm, path))
		fprintf(stderr, "ucall: no core file: %s\n", ucall_error());
	else
		fprintf(stderr, "ucall: core file: %s\n", path);
}

/* Replaces `protect` by its emulation, which is set up in the same way on any machine. */
static bool use_emulation(struct ucall_vm_config *config, char *name, size_t size)
{
	const char *protect = config->protect;

	if (!protect || (strncmp(protect, "sev", 3) != 0 && strncmp(protect, "tdx", 3) != 0)) {
		fprintf(stderr, "ucall: --dry-run lists KVM calls: give --protect sev, sev-es, "
				"sev-snp or tdx\n");
		return false;
	}
	snprintf(name, size, "emulated-%.*s", (int)strcspn(protect, ","), protect);
	config->protect = name;
	return true;
}

static int list_launch(struct ucall_vm *vm, const char *protect)
{
	char *text = ucall_vm_launch_list(vm, protect);

	if (!text) {
		fprintf(stderr, "ucall: %s\n", ucall_error());
		return EXIT_USAGE;
	}
	printf("%s", text);
	free(text);
	return 0;
}

/* The whole run, in its own process or in this one. */
static int run_guest(void *data)
{
	const struct options *o = data;
	struct ucall_vm_config config = o->config;
	struct run_output output = { .format = o->format };
	const char *protect = config.protect;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	int status = EXIT_USAGE;
	char name[64];

	if (o->dry_run && !use_emulation(&config, name, sizeof(name)))
		return EXIT_USAGE;
	if (run_output_open(&output, &config)) {
		fprintf(stderr, "ucall: out of memory\n");
		return EXIT_USAGE;
	}
	vm = ucall_vm_create(&config);
	if (vm && o->trace && ucall_vm_trace(vm, o->trace)) {
		ucall_vm_free(vm);
		vm = NULL;
	}
	vcpu = vm ? ucall_vcpu_add_function(vm, 0, o->entry, o->nargs, o->args[0], o->args[1],
					    o->args[2], o->args[3], o->args[4], o->args[5])
		  : NULL;
	if (vcpu && o->dry_run) {
		status = list_launch(vm, protect);
	} else if (vcpu && !(o->gdb && wait_for_gdb(vm, o->gdb)) && !ucall_vm_launch(vm)) {
		print_measurement(&output, vm);
		status = run(vcpu, &output);
		if (status && o->core)
			write_core(vm, o->core);
	} else {
		run_output_no_guest(o->format, ucall_error());
	}
	if (vm && o->coverage && status != EXIT_USAGE && ucall_vm_sync_coverage(vm) < 0) {
		fprintf(stderr, "ucall: no coverage: %s\n", ucall_error());
		status = status ? status : EXIT_USAGE;
	}
	if (vm && o->trace && ucall_vm_trace(vm, NULL)) {
		fprintf(stderr, "ucall: %s: %s\n", o->trace, ucall_error());
		status = status ? status : EXIT_USAGE;
	}
	ucall_vm_free(vm);
	run_output_close(&output);
	return checked_output(status);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int cmd_run(int argc, char **argv)
{
	struct options o = { .entry = "guest_main", .config.guest_vc = true };
	struct ucall_child child = { .work = run_guest, .data = &o };
	char text[512];

	if (!parse(argc, argv, &o))
		return bad_usage("run");
	if (o.dry_run &&
	    (o.core || o.gdb || o.trace || o.format == RUN_TAP || o.format == RUN_JSON)) {
		fprintf(stderr,
			"ucall: --dry-run lists KVM calls and runs no guest: it cannot be used with "
			"--core, --gdb, --trace, --tap or --json\n");
		return EXIT_USAGE;
	}
	if (o.trace && is_same_file(o.trace, o.config.image)) {
		fprintf(stderr, "ucall: the trace would replace the guest, %s\n", o.trace);
		return EXIT_USAGE;
	}
	if (o.trace)
		unsetenv("UCALL_TRACE"); /* a VM has one trace: that of the option */
	if (o.core && is_same_file(o.core, o.config.image)) {
		fprintf(stderr, "ucall: the core file would replace the guest, %s\n", o.core);
		return EXIT_USAGE;
	}
	if (o.no_fork || ucall_child_run(&child))
		return run_guest(&o);
	if (child.returned)
		return child.status;
	if (child.signal == SIGPIPE) { /* the reader of the output has closed it */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	ucall_child_describe(&child, text, sizeof(text));
	run_output_no_guest(o.format, text);
	return EXIT_FAULT;
}
