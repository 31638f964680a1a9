/* SPDX-License-Identifier: MIT */
/*
 * A function on a stack of its own, which can be suspended and resumed: Unicorn's uc_emu_start(),
 * suspended from within a hook.  (Stopping the emulation there instead would lose the state of the
 * current block.)  Different threads may enter it, one after another.
 */
#ifndef UNICORN_FIBER_H
#define UNICORN_FIBER_H

#include <stddef.h>

struct fiber {
	void *stack; /* its lowest page is a guard */
	size_t size;
	void *own_sp, *caller_sp; /* saved for the side that is not running */
	void (*function)(void *data); /* never returns */
	void *data;
	/* For sanitizers: both sides of the switch. */
	const void *caller_stack;
	size_t caller_size;
	void *caller_fake, *own_fake;
	void *caller_fiber, *own_fiber;
};

/* 0, or -1 with errno.  Does not enter the function yet. */
int fiber_init(struct fiber *f, void (*function)(void *data), void *data);
/* The function may be suspended: it is then never resumed. */
void fiber_fini(struct fiber *f);

void fiber_enter(struct fiber *f); /* from outside; returns at the next fiber_leave() */
void fiber_leave(struct fiber *f); /* from inside; returns at the next fiber_enter() */

#endif
