/* SPDX-License-Identifier: MIT */
/*
 * The KVM calls that launch a protected VM, as a table: the same table runs them and writes them
 * out.
 *
 * A family's launch.c defines LAUNCH, the type of what is launched, and `union arguments`, all
 * arguments that KVM takes; includes this file; and then defines the functions that are only
 * declared here.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* A step: a call, or a command of KVM_MEMORY_ENCRYPT_OP if it has no request. */
struct step {
	int part; /* of the VM's life */
	uint32_t kinds; /* UCALL_PROTECT_ bits */
	unsigned int apis; /* generations of KVM's interface: the family's own bits */
	const char *name;
	unsigned long request;
	uint32_t command;
	bool no_data; /* the command takes no data */
	/* Fills in the arguments, which are zero. */
	void (*fill)(const LAUNCH *l, union arguments *a);
	/* Writes them out: {...} */
	void (*list)(const union arguments *a, FILE *out);
	/* Takes the results; 1: call again with what is left.  NULL: no results. */
	int (*take)(LAUNCH *l, union arguments *a, int r);
	/* The firmware's code that means success, for a call that fails by design; 0: none. */
	uint32_t expected_error;
};

/* True if the step is one of that part of this launch. */
static bool applies(const struct step *s, const LAUNCH *l, int part);
/* Makes one call.  *firmware is the firmware's code. */
static int call_step(LAUNCH *l, const struct step *s, union arguments *a, uint64_t *firmware);
/* Reports a call that failed (errno), with the firmware's code. */
static int fail_step(const struct step *s, uint64_t firmware);
/* Writes the call as one line. */
static void list_step(const LAUNCH *l, const struct step *s, const union arguments *a, FILE *out);

static int run_step(LAUNCH *l, const struct step *s)
{
	union arguments a;
	const unsigned int most = 1u << 20; /* one page per call, for the largest memory */
	unsigned int calls = 0, tries;
	uint64_t firmware;
	int r, again;

	memset(&a, 0, sizeof(a));
	s->fill(l, &a);
	do {
		tries = 0;
		do
			r = call_step(l, s, &a, &firmware);
		while (r < 0 && (errno == EINTR || errno == EAGAIN) && ++tries < most);
		if (s->expected_error && r < 0 && firmware == s->expected_error)
			r = 0;
		if (r < 0)
			return fail_step(s, firmware);
		again = s->take ? s->take(l, &a, r) : 0;
	} while (again > 0 && ++calls < most);
	return again > 0 ? ucall_fail(EPROTO, "%s: it makes no progress", s->name) : again;
}

/* All steps of one part; -1 after ucall_fail(). */
static int run_steps(const struct step *steps, size_t count, LAUNCH *l, int part)
{
	for (size_t i = 0; i < count; i++)
		if (applies(&steps[i], l, part) && run_step(l, &steps[i]))
			return -1;
	return 0;
}

static void list_steps(const struct step *steps, size_t count, const LAUNCH *l, int part, FILE *out)
{
	union arguments a;

	for (size_t i = 0; i < count; i++) {
		if (!applies(&steps[i], l, part))
			continue;
		memset(&a, 0, sizeof(a));
		steps[i].fill(l, &a);
		list_step(l, &steps[i], &a, out);
	}
}

/* The list of all calls, from begin_list() to end_list(). */
struct call_list {
	FILE *out;
	char *text;
	size_t size;
};

/* -1 after ucall_fail(). */
static int begin_list(struct call_list *list)
{
	list->text = NULL;
	list->out = open_memstream(&list->text, &list->size);
	if (!list->out)
		return ucall_fail(ENOMEM, "out of memory");
	fprintf(list->out, "open(\"/dev/kvm\")\n");
	return 0;
}

/* What the engine does for a vCPU of every VM first. */
static void list_new_vcpu(unsigned int vcpu, FILE *out)
{
	fprintf(out,
		"ioctl(vm, KVM_CREATE_VCPU, %u)\n"
		"ioctl(vcpu%u, KVM_SET_CPUID2, ...)\n",
		vcpu, vcpu);
}

/* The text, for free(); NULL after ucall_fail(). */
static char *end_list(struct call_list *list)
{
	fprintf(list->out, "ioctl(vcpu0, KVM_RUN)\n");
	if (!fclose(list->out))
		return list->text;
	free(list->text);
	ucall_fail(ENOMEM, "out of memory");
	return NULL;
}
