/* SPDX-License-Identifier: MIT */
/*
 * Kinds of memory encryption: their names, what they close to the host, and when.  How one is kept is the
 * engine's.
 */
#ifndef LIBUCALL_PROTECT_H
#define LIBUCALL_PROTECT_H

#include "machine/machine.h"

struct ucall_protection {
	const char *name, *summary;
	uint32_t bit; /* UCALL_PROTECT_ */
	uint32_t bell; /* what the guest is told: struct ucall_bell.protection */
	bool closes_regs; /* registers are encrypted too, and instructions that exit raise #VC */
	const struct ucall_option *options; /* an empty name ends them; NULL: none */
};

/* What an engine does for a VM with one, beside running it.  Functions return 0, or -1 after ucall_fail(). */
struct ucall_protect_ops {
	/* Encrypts and measures what was set up; vm->lock is held. */
	int (*launch)(struct ucall_machine *vm);
	/* Turns pages over; NULL: the guest alone decides, by its page table. */
	int (*set_private)(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);
	/* Is that page, of guest memory, private?  NULL: as it was allocated. */
	bool (*is_private)(const struct ucall_machine *vm, uint64_t gpa);
	/*
	 * Copies to or from (the other is NULL) private memory of a launched VM, within a page, as the
	 * host of hardware sees it.  NULL: it does so by itself.
	 */
	int (*copy)(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size);
	/*
	 * What is beside memory and KVM's own state of the vCPUs, which stand: as struct ucall_engine.save and
	 * so on.  NULL: it cannot, as hardware cannot.
	 */
	void *(*save)(const struct ucall_machine *vm);
	int (*load)(struct ucall_machine *vm, const void *state);
	void (*free_state)(void *state);
	bool apart; /* private memory is not the shared memory of the same address */
};

/* The kind that a config string names; NULL after ucall_fail().  NULL or "": none. */
const struct ucall_protection *ucall_protection_find(const char *protect);

/* Its options, as that config string gives them; NULL after ucall_fail().  ucall_args_free() them. */
struct ucall_args *ucall_protection_options(const struct ucall_protection *p, const char *protect);

/* vm->protection and vm->protect_args from a VM configuration's `protect`, which may be NULL. */
int ucall_protect_choose(struct ucall_machine *vm, const char *protect);

#endif
