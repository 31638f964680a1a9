/* SPDX-License-Identifier: MIT */
/* How an engine enforces a protection's rules: what the machine calls, besides running vCPUs. */
#ifndef LIBUCALL_GUARD_H
#define LIBUCALL_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine/pages.h"

struct ucall_machine; /* machine/machine.h */

/* Addresses are guest-physical.  Functions return 0, or -1 after ucall_fail(). */
struct ucall_guard {
	/* Encrypts and measures what was set up; vm->lock is held. */
	int (*launch)(struct ucall_machine *vm);
	/* Makes pages private or shared; NULL: only the guest decides, by its page table. */
	int (*set_private)(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);
	/* The guest says that pages are private or shared, and may lie.  NULL: it has other ways. */
	int (*told)(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);
	/* True if that page of guest memory is private.  NULL: pages stay as allocated. */
	bool (*is_private)(const struct ucall_machine *vm, uint64_t gpa);
	/*
	 * Copies to or from (the other is NULL) private memory of a launched VM, within a page, as
	 * a host sees it on hardware.  NULL: a plain copy does that.
	 */
	int (*copy)(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from,
		    size_t size);
	/* True if the guest took back a page that it had shared, and said nothing.  NULL: it cannot. */
	bool (*is_lost)(const struct ucall_machine *vm, const void *page);
	/*
	 * State that is not in memory or in the engine's state of the vCPUs; no vCPU runs.  Like
	 * struct ucall_engine.save and so on.  NULL: it cannot be saved, as on hardware.
	 */
	void *(*save)(const struct ucall_machine *vm);
	int (*load)(struct ucall_machine *vm, const void *state);
	void (*free_state)(void *state);
	enum ucall_private_memory private_memory;
};

#endif
