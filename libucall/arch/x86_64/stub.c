// SPDX-License-Identifier: MIT
/* x86_64: decodes exceptions in a guest.  This is guest code, see arch/dispatch.h. */
#include <ucall/sev.h>
#include <ucall/tdx.h>

#include "exceptions.h"
#include "layout.h"
#include "arch/stubs.h"

#define STUB_RESULT 0 /* rax */

/* stubs.S has filled in everything. */
UCALL_INLINE void stub_complete(struct ucall_frame *frame)
{
}

/* Interrupts, and what comes between two instructions. */
UCALL_INLINE int stub_is_interrupt(uint64_t vector)
{
	return vector >= 32 || vector == VECTOR_DB || vector == VECTOR_NMI || vector == VECTOR_MC;
}

/* The instruction that raised it: INT3 is a trap, so the frame's is the next one. */
UCALL_INLINE uint64_t stub_insn(const struct ucall_frame *frame)
{
	return frame->vector == VECTOR_BP ? frame->pc - 1 : frame->pc;
}

#define STUB_STEP_FLAG 0x100 /* RFLAGS.TF */
#define DR6_BS 0x4000 /* a step */

/*
 * A step that the host no longer wants: it was turned off when the flag was on the stack already.
 * ucall_stub_dispatch() has cleared it.
 */
UCALL_INLINE int stub_was_step(const struct ucall_frame *frame)
{
	uint64_t dr6;

	if (frame->vector != VECTOR_DB)
		return 0;
	__asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
	__asm__ volatile("mov %0, %%dr6" : : "r"(dr6 & ~(uint64_t)DR6_BS));
	return (dr6 & DR6_BS) != 0;
}

/* The vector whose handler is used if this one has none. */
UCALL_INLINE uint64_t stub_fallback_vector(uint64_t vector)
{
	return vector;
}

UCALL_INLINE void stub_stop(const struct ucall_stub_data *data)
{
	if (data->stop == X86_STOP_HLT) {
		__asm__ volatile("hlt" : : : "memory");
	} else if (data->stop == X86_STOP_OUT) {
		__asm__ volatile("outb %%al, %%dx" : : "a"(0), "d"(X86_FAULT_PORT) : "memory");
	} else if (data->stop == X86_STOP_TDX) {
		struct ucall_tdx_regs regs;

		regs.r12 = regs.r13 = regs.r14 = regs.r15 = 0;
		guest_tdvmcall(UCALL_TDVMCALL_FATAL_ERROR, &regs);
	} else {
		ucall_wrmsr(UCALL_MSR_GHCB, UCALL_GHCB_TERMINATE);
		if (data->stop == X86_STOP_EMULATED)
			ucall_wrmsr(UCALL_MSR_VMGEXIT, UCALL_GHCB_TERMINATE);
		else
			__asm__ volatile("rep; vmmcall" : : : "memory");
	}
}

#include "arch/dispatch.h"
