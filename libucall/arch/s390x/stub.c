// SPDX-License-Identifier: MIT
/* s390x: what an exception is, in a guest.  Guest code: arch/dispatch.h. */
#include "lowcore.h"
#include "s390x.h"
#include "arch/stubs.h"

#define STUB_RESULT 2 /* r2 */

/* Bits 52 and 53 of the translation-exception identification: 10 is a store. */
#define TEID_STORE 0x800
#define TEID_ADDRESS (~0xfffull)

#define LOWCORE(type, at) (*(const volatile type *)(stub_lowcore() + (at)))

UCALL_INLINE uint64_t stub_lowcore(void)
{
	return (uint64_t)ucall_this_mailbox() + STUB_LOWCORE - STUB_MAILBOX;
}

/* stubs.S leaves the kind of interruption. */
UCALL_INLINE void stub_complete(struct ucall_frame *frame)
{
	uint64_t teid = LOWCORE(uint64_t, LC_TRANSLATION_EXCEPTION);

	frame->code = frame->address = 0;
	if (frame->vector == UCALL_S390X_PROGRAM) {
		frame->vector = LOWCORE(uint16_t, LC_PROGRAM_CODE) & 0xff; /* without that of PER */
		frame->code = (teid & TEID_STORE) != 0;
		frame->address = teid & TEID_ADDRESS;
	} else if (frame->vector == UCALL_S390X_SVC) {
		frame->code = LOWCORE(uint16_t, LC_SVC_CODE);
	} else if (frame->vector == UCALL_S390X_EXTERNAL) {
		frame->code = LOWCORE(uint16_t, LC_EXTERNAL_CODE);
	}
}

UCALL_INLINE int stub_is_interrupt(uint64_t vector)
{
	return vector >= UCALL_S390X_EXTERNAL;
}

/* The instruction that raised it: but for translation exceptions the old PSW is behind it (6-8). */
UCALL_INLINE uint64_t stub_insn(const struct ucall_frame *frame)
{
	if (frame->vector == S390X_PGM_SEGMENT || frame->vector == S390X_PGM_PAGE ||
	    (frame->vector >= S390X_PGM_ASCE_TYPE && frame->vector <= S390X_PGM_REGION_THIRD))
		return frame->pc;
	return frame->pc - LOWCORE(uint8_t, LC_PROGRAM_ILC);
}

/* The number whose handler takes those that have none. */
UCALL_INLINE uint64_t stub_class(uint64_t vector)
{
	return vector < UCALL_S390X_PROGRAM ? UCALL_S390X_PROGRAM : vector;
}

UCALL_INLINE void stub_stop(const struct ucall_stub_data *data)
{
	__asm__ volatile("lpswe 0(%0)" : : "a"(stub_lowcore() + LC_PSW_STOP) : "memory");
}

#include "arch/dispatch.h"
