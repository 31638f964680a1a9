// SPDX-License-Identifier: MIT
/* s390x: decodes exceptions in a guest.  This is guest code, see arch/dispatch.h. */
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

#define PGM_PER 0x80

/* stubs.S stores the kind of interruption here. */
UCALL_INLINE void stub_complete(struct ucall_frame *frame)
{
	uint64_t teid = LOWCORE(uint64_t, LC_TRANSLATION_EXCEPTION);

	frame->code = frame->address = 0;
	if (frame->vector == UCALL_S390X_PROGRAM) {
		uint64_t code = LOWCORE(uint16_t, LC_PROGRAM_CODE) & 0xff;

		/* A PER event sets a bit in the code of another, or comes alone. */
		frame->vector = code == PGM_PER ? code : code & ~(uint64_t)PGM_PER;
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

/* The old PSW is after the instruction that raised it, except for translation exceptions (6-8). */
UCALL_INLINE uint64_t stub_insn(const struct ucall_frame *frame)
{
	if (frame->vector == S390X_PGM_SEGMENT || frame->vector == S390X_PGM_PAGE ||
	    (frame->vector >= S390X_PGM_ASCE_TYPE && frame->vector <= S390X_PGM_REGION_THIRD))
		return frame->pc;
	return frame->pc -
	       LOWCORE(uint8_t, frame->vector == UCALL_S390X_SVC ? LC_SVC_ILC : LC_PROGRAM_ILC);
}

/* The vector whose handler is used if this one has none. */
UCALL_INLINE uint64_t stub_fallback_vector(uint64_t vector)
{
	return vector < UCALL_S390X_PROGRAM ? UCALL_S390X_PROGRAM : vector;
}

UCALL_INLINE void stub_stop(const struct ucall_stub_data *data)
{
	__asm__ volatile("lpswe 0(%0)" : : "a"(stub_lowcore() + LC_PSW_STOP) : "memory");
}

#include "arch/dispatch.h"
