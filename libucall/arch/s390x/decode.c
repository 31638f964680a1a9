// SPDX-License-Identifier: MIT
/* KVM's exits that s390x alone has (KVM API document, 5: KVM_EXIT_S390_SIEIC). */
#include <linux/kvm.h>

#include "s390x.h"

/* Interception codes of the SIE instruction, as the kernel names them. */
#define ICPT_INSTRUCTION 0x04
#define ICPT_WAIT 0x1c

/* Lowcore (Principles of Operation, 3-56). */
#define LC_SVC_CODE 0x8a
#define LC_PROGRAM_CODE 0x8e
#define LC_TRANSLATION_EXCEPTION 0xa8
#define LC_OLD_SVC 0x140
#define LC_OLD_PROGRAM 0x150

/* Bits 52 and 53 of the translation-exception identification: 10 is a store. */
#define TEID_STORE 0x800
#define TEID_ADDRESS (~0xfffull)

static uint64_t big_endian(const uint8_t *p, int size)
{
	uint64_t v = 0;

	for (int i = 0; i < size; i++)
		v = v << 8 | p[i];
	return v;
}

/* The old PSW of what ended in this wait; NULL: it is the guest's own. */
static const uint8_t *old_psw(const struct s390x_stop *stop)
{
	if ((stop->psw_mask & S390X_PSW_WAIT) != S390X_PSW_WAIT || !stop->lowcore)
		return NULL;
	if (stop->psw_addr == S390X_WAIT_PROGRAM)
		return stop->lowcore + LC_OLD_PROGRAM;
	if (stop->psw_addr == S390X_WAIT_SVC)
		return stop->lowcore + LC_OLD_SVC;
	return NULL;
}

void ucall_s390x_psw(const struct s390x_stop *stop, uint64_t *mask, uint64_t *address)
{
	const uint8_t *old = old_psw(stop);

	*mask = old ? big_endian(old, 8) : stop->psw_mask;
	*address = old ? big_endian(old + 8, 8) : stop->psw_addr;
}

static void decode_wait(const struct s390x_stop *stop, struct ucall_exit *exit)
{
	const uint8_t *lowcore = stop->lowcore;
	uint64_t teid;

	if (!old_psw(stop)) {
		exit->reason = UCALL_EXIT_HALT;
		return;
	}
	exit->reason = UCALL_EXIT_EXCEPTION;
	exit->u.exception.code = 0;
	exit->u.exception.address = 0;
	exit->u.exception.unknown = 0;
	if (stop->psw_addr == S390X_WAIT_SVC) {
		exit->u.exception.vector = S390X_VECTOR_SVC | big_endian(lowcore + LC_SVC_CODE, 2);
		return;
	}
	teid = big_endian(lowcore + LC_TRANSLATION_EXCEPTION, 8);
	exit->u.exception.vector = big_endian(lowcore + LC_PROGRAM_CODE, 2);
	exit->u.exception.code = (teid & TEID_STORE) != 0;
	exit->u.exception.address = teid & TEID_ADDRESS;
}

int ucall_s390x_decode(const struct kvm_run *run, const struct s390x_stop *stop,
		       struct ucall_exit *exit)
{
	struct s390x_diag diag;

	if (run->exit_reason != KVM_EXIT_S390_SIEIC)
		return 0;
	/* ipa and ipb are the instruction's first two bytes and the next four. */
	if (run->s390_sieic.icptcode == ICPT_INSTRUCTION &&
	    s390x_parse_diag((uint32_t)run->s390_sieic.ipa << 16 | run->s390_sieic.ipb >> 16, &diag)) {
		s390x_diag_exit(&diag, stop->gprs[diag.base], stop->gprs[diag.reg], exit);
		return 1;
	}
	if (run->s390_sieic.icptcode == ICPT_WAIT) {
		decode_wait(stop, exit);
		return 1;
	}
	return 0;
}
