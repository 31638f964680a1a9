/* SPDX-License-Identifier: MIT */
/*
 * A function on a stack of its own, which can be left in its midst and entered there again: Unicorn's
 * uc_emu_start(), left from within a hook.  (Stopping the emulation there instead would lose the
 * state of the block that is under way.)  It may be entered by one thread after another.
 */
#ifndef UNICORN_FIBER_H
#define UNICORN_FIBER_H

#include <stddef.h>

struct fiber {
	void *stack; /* its lowest page is a guard */
	size_t size;
	void *own_sp, *caller_sp; /* of the side that does not run */
	void (*function)(void *data); /* never returns */
	void *data;
	/* For sanitizers: who came in. */
	const void *caller_stack;
	size_t caller_size;
	void *caller_fake, *own_fake;
	void *caller_fiber, *own_fiber;
};

/* 0, or -1 with errno.  Enters nothing yet. */
int fiber_init(struct fiber *f, void (*function)(void *data), void *data);
/* It may be in the midst of its function, which just ends. */
void fiber_fini(struct fiber *f);

void fiber_enter(struct fiber *f); /* from outside; returns at the next fiber_leave() */
void fiber_leave(struct fiber *f); /* from inside; returns at the next fiber_enter() */

#endif
