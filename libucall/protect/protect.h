/* SPDX-License-Identifier: MIT */
/*
 * Protections: what keeps a guest's memory and registers from its host.  A const descriptor says all that
 * differs between them; the rest of the library asks it.  A guard (guard.h) keeps the rules for the VMs of
 * an engine.
 */
#ifndef LIBUCALL_PROTECT_H
#define LIBUCALL_PROTECT_H

#include "machine/machine.h"

/* From when on the host can neither read nor write a vCPU's registers. */
enum ucall_registers {
	UCALL_REGISTERS_OPEN, /* never */
	UCALL_REGISTERS_CLOSED_BY_LAUNCH,
	UCALL_REGISTERS_CLOSED, /* from the start */
};

struct ucall_protection {
	const char *name, *summary;
	uint32_t bit; /* UCALL_PROTECT_ */
	uint32_t bell; /* what the guest is told: struct ucall_bell.protection */
	enum ucall_registers registers;
	/* The guest exception that an instruction raises instead of exiting; 0: it exits. */
	unsigned int exit_vector;
	uint64_t vcpu_page; /* guest address of a page that each vCPU shares with the host; 0: no page */
	/* How an exception stub stops for the host where a halt does not exit: the architecture's number; 0: its default. */
	unsigned int stop;
	const struct ucall_option *options; /* an empty name ends them; NULL: none */
};

static inline bool ucall_protection_closes(const struct ucall_protection *p)
{
	return p->registers != UCALL_REGISTERS_OPEN;
}

/* True if software keeps the rules, on any KVM. */
static inline bool ucall_protection_is_emulated(const struct ucall_protection *p)
{
	return p->bell & UCALL_BELL_EMULATED;
}

/* True if the host cannot reach the registers of that machine's vCPUs by now. */
static inline bool ucall_machine_registers_are_closed(const struct ucall_machine *vm)
{
	return vm->protection->registers == UCALL_REGISTERS_CLOSED ||
	       (ucall_protection_closes(vm->protection) && ucall_machine_is_closed(vm));
}

/* The kind that a config string names; NULL after ucall_fail().  NULL or "": none. */
const struct ucall_protection *ucall_protection_find(const char *protect);

/* Its options, as that config string gives them; NULL after ucall_fail().  ucall_args_free() them. */
struct ucall_args *ucall_protection_options(const struct ucall_protection *p, const char *protect);

/* vm->protection and vm->protection_options from a VM configuration's `protect`, which may be NULL. */
int ucall_protect_choose(struct ucall_machine *vm, const char *protect);

#endif
