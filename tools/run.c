// SPDX-License-Identifier: MIT
/* ucall run: runs a guest ELF and prints its messages. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#include "commands.h"

#define USAGE \
	"usage: ucall run [-b BACKEND] [-e ENGINE] [-a ARCH] [-E FUNCTION] [-t SECONDS] [-m MIB]\n" \
	"                 [-p PROTECTION] [--dry-run] GUEST.elf [ARG...]\n"

#define MAX_ARGS 6

struct options {
	const char *entry;
	bool dry_run; /* only list what the launch asks of KVM */
	uint64_t args[MAX_ARGS];
	unsigned int nargs;
};

static bool number(const char *what, const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (!errno && *text && !*end)
		return true;
	fprintf(stderr, "ucall: %s \"%s\" is no number\n", what, text);
	return false;
}

static bool seconds(const char *text, int *ms)
{
	char *end;
	double value = strtod(text, &end);

	if (*text && !*end && value >= 0.001 && value < 1e6) {
		*ms = (int)(value * 1000);
		return true;
	}
	fprintf(stderr, "ucall: --timeout %s is no time; give seconds, such as 10 or 0.5\n", text);
	return false;
}

static bool option(const char *name, const char *value, struct options *o,
		   struct ucall_vm_config *config)
{
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
	} else if (!strcmp(name, "-t") || !strcmp(name, "--timeout")) {
		return seconds(value, &config->timeout_ms);
	} else if (!strcmp(name, "-m") || !strcmp(name, "--memory")) {
		if (!number("--memory", value, &mib))
			return false;
		config->mem_size = mib > 4096 ? SIZE_MAX : (size_t)mib << 20;
	} else {
		fprintf(stderr, "ucall: unknown option %s\n", name);
		return false;
	}
	return true;
}

static bool parse(int argc, char **argv, struct options *o, struct ucall_vm_config *config)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i += 2) {
		if (!strcmp(argv[i], "--dry-run")) {
			o->dry_run = true;
			i--;
			continue;
		}
		if (i + 1 == argc) {
			fprintf(stderr, "ucall: %s needs a value\n", argv[i]);
			return false;
		}
		if (!option(argv[i], argv[i + 1], o, config))
			return false;
	}
	if (i == argc)
		return false;
	config->image = argv[i++];
	for (; i < argc; i++) {
		if (o->nargs == MAX_ARGS) {
			fprintf(stderr, "ucall: a guest function has at most %d arguments\n",
				MAX_ARGS);
			return false;
		}
		if (!number("argument", argv[i], &o->args[o->nargs++]))
			return false;
	}
	return true;
}

static void print_message(int cmd, const struct ucall *uc)
{
	if (cmd == UCALL_SYNC) {
		printf("SYNC %" PRIu64, uc->args[1]);
		for (int i = 2; i < uc->nargs; i++)
			printf("%s0x%" PRIx64, i == 2 ? " (" : " ", uc->args[i]);
	} else {
		printf("command 0x%x", (unsigned int)cmd);
		for (int i = 0; i < uc->nargs; i++)
			printf("%s0x%" PRIx64, i ? " " : " (", uc->args[i]);
	}
	printf("%s\n", uc->nargs > (cmd == UCALL_SYNC ? 2 : 0) ? ")" : "");
}

/* Of a VM with encrypted memory: what its owner would compare. */
static void print_measurement(const struct ucall_vm *vm)
{
	const uint8_t *digest;
	int size = ucall_vm_measurement(vm, &digest);

	if (size < 0)
		return;
	printf("MEASUREMENT ");
	for (int i = 0; i < size; i++)
		printf("%02x", digest[i]);
	printf("\n");
}

/* What ucall_next() ended with. */
static int end_status(const struct ucall_vcpu *vcpu, int error)
{
	const char *report = ucall_fault_report(vcpu);

	fflush(stdout);
	fprintf(stderr, "ucall: %s\n", *report ? report : ucall_error());
	switch (error) {
	case ECANCELED:
		return EXIT_ABORT;
	case ETIMEDOUT:
		return EXIT_TIMEOUT;
	default:
		return EXIT_FAULT;
	}
}

static int run(struct ucall_vcpu *vcpu)
{
	struct ucall uc;
	int cmd;

	while ((cmd = ucall_next(vcpu, &uc)) > 0 && cmd != UCALL_DONE)
		print_message(cmd, &uc);
	if (cmd < 0)
		return end_status(vcpu, errno);
	printf("DONE\n");
	return 0;
}

/* A VM that is set up as one with `protect`, but is emulated, so that any machine has it. */
static bool stand_in(struct ucall_vm_config *config, char *name, size_t size)
{
	const char *protect = config->protect;

	if (!protect || strncmp(protect, "sev", 3) != 0) {
		fprintf(stderr,
			"ucall: --dry-run lists what KVM is asked for: give --protect sev, sev-es or "
			"sev-snp\n");
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

int cmd_run(int argc, char **argv)
{
	struct ucall_vm_config config = { .guest_vc = true };
	struct options o = { .entry = "guest_main" };
	const char *protect;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	int status = EXIT_USAGE;
	char name[64];

	if (!parse(argc, argv, &o, &config)) {
		fprintf(stderr, USAGE);
		return EXIT_USAGE;
	}
	protect = config.protect;
	if (o.dry_run && !stand_in(&config, name, sizeof(name)))
		return EXIT_USAGE;
	vm = ucall_vm_create(&config);
	vcpu = vm ? ucall_vcpu_add_function(vm, 0, o.entry, o.nargs, o.args[0], o.args[1],
					    o.args[2], o.args[3], o.args[4], o.args[5])
		  : NULL;
	if (vcpu && o.dry_run) {
		status = list_launch(vm, protect);
	} else if (vcpu && !ucall_vm_launch(vm)) {
		print_measurement(vm);
		status = run(vcpu);
	} else {
		fprintf(stderr, "ucall: %s\n", ucall_error());
	}
	ucall_vm_free(vm);
	return status;
}
