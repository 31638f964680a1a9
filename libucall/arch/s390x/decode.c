// SPDX-License-Identifier: MIT
/* KVM exits that only s390x has (KVM API document, 5: KVM_EXIT_S390_SIEIC). */
#include <linux/kvm.h>

#include "s390x.h"

/* Interception codes of the SIE instruction, as the kernel names them. */
#define ICPT_INSTRUCTION 0x04
#define ICPT_WAIT 0x1c

int ucall_s390x_decode(const struct kvm_run *run, const uint64_t *gprs, struct ucall_exit *exit)
{
	struct s390x_diag diag;

	if (run->exit_reason != KVM_EXIT_S390_SIEIC)
		return 0;
	/* ipa and ipb are the instruction's first two bytes and the next four. */
	if (run->s390_sieic.icptcode == ICPT_INSTRUCTION &&
	    s390x_parse_diag((uint32_t)run->s390_sieic.ipa << 16 | run->s390_sieic.ipb >> 16,
			     &diag)) {
		s390x_diag_exit(&diag, gprs[diag.base], gprs[diag.reg], exit);
		return 1;
	}
	if (run->s390_sieic.icptcode == ICPT_WAIT) {
		exit->reason = UCALL_EXIT_HALT;
		return 1;
	}
	return 0;
}
