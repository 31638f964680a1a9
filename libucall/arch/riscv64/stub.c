// SPDX-License-Identifier: MIT
/* riscv64: decodes exceptions in a guest.  This is guest code, see arch/dispatch.h. */
#include "arch/stubs.h"

#define STUB_RESULT 10 /* a0 */

/* stubs.S stores scause here, whose highest bit marks interrupts. */
UCALL_INLINE void stub_complete(struct ucall_frame *frame)
{
	if ((int64_t)frame->vector < 0)
		frame->vector = UCALL_RISCV64_INTERRUPT + (frame->vector & 0x3f);
}

UCALL_INLINE int stub_is_interrupt(uint64_t vector)
{
	return vector >= UCALL_RISCV64_INTERRUPT;
}

/* The instruction that raised it. */
UCALL_INLINE uint64_t stub_insn(const struct ucall_frame *frame)
{
	return frame->pc;
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
