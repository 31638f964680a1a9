// SPDX-License-Identifier: MIT
/* aarch64: decodes exceptions in a guest.  This is guest code, see arch/dispatch.h. */
#include "exceptions.h"
#include "arch/stubs.h"

#define STUB_RESULT 0 /* x0 */

/* stubs.S stores the offset into the vector table here. */
UCALL_INLINE void stub_complete(struct ucall_frame *frame)
{
	uint64_t kind = frame->vector >> 7 & 3;

	frame->vector = kind ? UCALL_AARCH64_IRQ + kind - 1 : ESR_EC(frame->code);
}

UCALL_INLINE int stub_is_interrupt(uint64_t vector)
{
	return vector >= UCALL_AARCH64_IRQ;
}

/* The instruction that raised it: after a supervisor call the frame's is the next one. */
UCALL_INLINE uint64_t stub_insn(const struct ucall_frame *frame)
{
	return frame->vector == EC_SVC ? frame->pc - 4 : frame->pc;
}

/* The vector whose handler is used if this one has none. */
UCALL_INLINE uint64_t stub_fallback_vector(uint64_t vector)
{
	return vector;
}

UCALL_INLINE void stub_stop(const struct ucall_stub_data *data)
{
	*(volatile uint32_t *)((uint64_t)data + STUB_STOP - STUB_DATA) = 0;
}

#include "arch/dispatch.h"
