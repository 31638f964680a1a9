/* SPDX-License-Identifier: MIT */
/*
 * Protections: what hides a guest's memory and registers from its host.  A const descriptor has all
 * that differs between them; the rest of the library reads it.  A guard (guard.h) enforces the
 * rules for the VMs of an engine.
 */
#ifndef LIBUCALL_PROTECT_H
#define LIBUCALL_PROTECT_H

#include "machine/machine.h"

/* When the host loses access to a vCPU's registers. */
enum ucall_registers {
	UCALL_REGISTERS_OPEN, /* never */
	UCALL_REGISTERS_CLOSED_BY_LAUNCH,
	UCALL_REGISTERS_CLOSED, /* from the start */
};

/* A protection that an engine emulates which acts as the CPU itself, not by KVM. */
struct ucall_emulation {
	/* Sets vm->memory.has_private and vm->guard. */
	int (*vm_init)(struct ucall_machine *vm);
	void (*vm_fini)(struct ucall_machine *vm);
	/* The guest calls its hypervisor; returns the answer. */
	uint64_t (*hypercall)(struct ucall_cpu *vcpu, const uint64_t args[4]);
};

struct ucall_protection {
	const char *name, *summary;
	uint32_t bit; /* UCALL_PROTECT_ */
	const char *engine; /* the only one that has it; NULL: any */
	uint32_t archs; /* UCALL_ARCH_ bits: guests that can have it */
	uint32_t bell; /* what the guest sees in struct ucall_bell.protection */
	enum ucall_registers registers;
	/* The guest exception that an instruction raises instead of exiting, and its name; 0: it exits. */
	unsigned int exit_vector;
	const char *exit_exception;
	/* The guest address of a page that each vCPU shares with the host; 0: no page. */
	uint64_t vcpu_page;
	/* How an exception stub exits if a halt does not: the architecture's number; 0: default. */
	unsigned int stop;
	const struct ucall_emulation *emulation; /* NULL: there is none */
	/* The same with closed registers, by the option regs=closed.  NULL: there is no such option. */
	const struct ucall_protection *closed;
	const struct ucall_option *options; /* the last one has an empty name; NULL: none */
};

static inline bool ucall_protection_closes(const struct ucall_protection *p)
{
	return p->registers != UCALL_REGISTERS_OPEN;
}

/* True if software emulates it, on any KVM. */
static inline bool ucall_protection_is_emulated(const struct ucall_protection *p)
{
	return p->bell & UCALL_BELL_EMULATED;
}

/* True if the host can no longer access the registers of the machine's vCPUs. */
static inline bool ucall_machine_registers_are_closed(const struct ucall_machine *vm)
{
	return vm->protection->registers == UCALL_REGISTERS_CLOSED ||
	       (ucall_protection_closes(vm->protection) && ucall_machine_is_encrypted(vm));
}

/* 0, or -1 after ucall_fail() if they are closed; `what` is what was tried. */
int ucall_machine_check_registers(const struct ucall_machine *vm, const char *what);

/* struct ucall_guard.copy where the host cannot touch the guest's own memory: fails with EPERM. */
int ucall_protection_refuse_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from,
				 size_t size);

/* The protection that a config string names (NULL or "": "none"); NULL after ucall_fail(). */
const struct ucall_protection *ucall_protection_find(const char *protect);

/* The config string's options for it, for ucall_args_free(); NULL after ucall_fail(). */
struct ucall_args *ucall_protection_options(const struct ucall_protection *p, const char *protect);

/* Sets vm->protection and vm->protection_options from a config string, which may be NULL. */
int ucall_protect_choose(struct ucall_machine *vm, const char *protect);

#endif
