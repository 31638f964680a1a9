/* SPDX-License-Identifier: MIT */
/*
 * Handles an exception in a guest of the host's own architecture: applies a fix-up, calls the
 * guest's handler, or ends the guest.  This is guest code (see stubs.h) and must not call anything
 * outside its section.  Its loops are volatile, because compilers turn copy loops into calls.
 *
 * arch/ARCH/stub.c includes this file last, after STUB_RESULT and the functions stub_complete(),
 * stub_is_interrupt(), stub_insn(), stub_fallback_vector() and stub_stop().  If KVM steps guests by
 * a flag in struct ucall_frame.flags, it also defines STUB_STEP_FLAG and stub_was_step().
 */
#include "stubs.h"

typedef volatile uint64_t word_t __attribute__((may_alias));

UCALL_INLINE const struct ucall_stub_data *stub_data(void)
{
	return (const struct ucall_stub_data *)(uintptr_t)((uint64_t)ucall_this_mailbox() +
							   STUB_DATA - STUB_MAILBOX);
}

UCALL_INLINE void copy_words(void *to, const void *from, unsigned int count)
{
#if defined(__x86_64__)
	uint64_t n = count; /* one instruction in all, in case each is interpreted */

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
	word_t *t = to;
	const word_t *f = from;

	while (count--)
		*t++ = *f++;
#endif
}

/*
 * Reports to the host in the fault area, and stops.  An exception in here, due to a bad stack
 * pointer, stops at once.
 */
UCALL_STUB_OWN __attribute__((noreturn)) void end(const struct ucall_frame *frame)
{
	struct ucall_fault_area *area = &ucall_this_mailbox()->fault;

	if (__atomic_load_n(&area->state, __ATOMIC_RELAXED) == UCALL_FAULT_NONE) {
		copy_words(&area->frame, frame, sizeof(*frame) / 8);
		__atomic_store_n(&area->state, UCALL_FAULT_REGS, __ATOMIC_RELEASE);
		copy_words(area->stack, (const void *)(uintptr_t)frame->sp,
			   UCALL_FAULT_STACK_WORDS);
		__atomic_store_n(&area->state, UCALL_FAULT_STACK, __ATOMIC_RELEASE);
	}
	for (;;)
		stub_stop(stub_data());
}

UCALL_STUB_OWN int fix_up(struct ucall_frame *frame)
{
	const uint64_t insn = stub_insn(frame);
	const struct ucall_fixup *f = (const struct ucall_fixup *)(uintptr_t)stub_data()->fixups;
	const struct ucall_fixup *stop =
		(const struct ucall_fixup *)(uintptr_t)stub_data()->fixups_end;

	for (; f < stop; f++) {
		if ((uint64_t)&f->at + (uint64_t)(int64_t)f->at != insn)
			continue;
		frame->gpr[STUB_RESULT] = UCALL_TRAPPED + frame->vector;
		frame->pc = (uint64_t)&f->to + (uint64_t)(int64_t)f->to;
		return 1;
	}
	return 0;
}

/*
 * Calls the handler, and saves the mailbox's message area around that: the exception may have
 * interrupted a message.
 */
UCALL_STUB_OWN void call(struct ucall_frame *frame, uint64_t handler)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	uint64_t saved[UCALL_NEST_SIZE / 8];

	copy_words(saved, m, UCALL_NEST_SIZE / 8);
	*(word_t *)(void *)m = 0;
	*(word_t *)&m->shared = 0;
	((void (*)(struct ucall_frame *))(uintptr_t)handler)(frame);
	copy_words(m, saved, UCALL_NEST_SIZE / 8);
}

/*
 * For an exception that is raised instead of an exit: its instruction may be a doorbell, so the
 * message area is not touched.
 */
UCALL_STUB_OWN int serve_exit(struct ucall_frame *frame)
{
	const struct ucall_stub_data *data = stub_data();
	uint64_t handler = data->handlers[frame->vector];

	if (handler) {
		((void (*)(struct ucall_frame *))(uintptr_t)handler)(frame);
		return 1;
	}
	handler = data->exit_handler;
	return handler && !((int (*)(struct ucall_frame *))(uintptr_t)handler)(frame);
}

UCALL_INLINE const volatile struct ucall_stub_cpu *stub_cpu(void)
{
	return (const volatile struct ucall_stub_cpu *)(uintptr_t)((uint64_t)stub_data() +
								   STUB_CPU - STUB_DATA);
}

UCALL_STUB_OWN void handle(struct ucall_frame *frame)
{
	const struct ucall_stub_data *data = stub_data();
	uint64_t handler, depth = stub_cpu()->depth;

	if (depth > STUB_LAST_PART ||
	    __atomic_load_n(&ucall_this_mailbox()->fault.state, __ATOMIC_RELAXED) !=
		    UCALL_FAULT_NONE)
		end(frame);
	if (data->exit_vector && frame->vector == data->exit_vector && serve_exit(frame))
		return;
	if (!stub_is_interrupt(frame->vector) && fix_up(frame))
		return;
	handler = data->handlers[frame->vector % UCALL_VECTORS];
	if (!handler)
		handler = data->handlers[stub_fallback_vector(frame->vector) % UCALL_VECTORS];
#ifdef STUB_STEP_FLAG
	if (!handler && stub_cpu()->stepped && stub_was_step(frame))
		return;
#endif
	if (!handler || depth > STUB_DEPTH ||
	    (data->exit_vector && frame->vector == data->exit_vector))
		end(frame);
	call(frame, handler);
}

/*
 * The host's stepping is not visible in the frame.  It goes on afterwards, unless the host has
 * turned it off meanwhile.
 */
UCALL_STUB void ucall_stub_dispatch(struct ucall_frame *frame)
{
#ifdef STUB_STEP_FLAG
	uint64_t step = 0;

	if (stub_cpu()->stepped) {
		step = frame->flags & STUB_STEP_FLAG;
		frame->flags &= ~(uint64_t)STUB_STEP_FLAG;
	}
	stub_complete(frame);
	handle(frame);
	if (stub_cpu()->stepped == STUB_STEPPING)
		frame->flags |= step;
#else
	stub_complete(frame);
	handle(frame);
#endif
}
