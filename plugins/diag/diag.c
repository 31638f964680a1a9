// SPDX-License-Identifier: MIT
/*
 * diag - the s390x guest executes DIAGNOSE with a function code that the host does not know.
 *
 * KVM intercepts DIAG and passes function codes that it does not handle to user space (KVM API
 * document, KVM_EXIT_S390_SIEIC).  0x501 is the code of the kernel's selftests; KVM itself uses
 * 0x500.  The message's address is in the instruction's first register operand.  DIAG is
 * privileged: in the problem state the guest gets a program interruption instead.
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "diag",
	.version = "1.0",
	.summary = "the guest executes DIAG 0x501",
	.needs = UCALL_NEEDS_RING0,
	.protections = UCALL_PROTECT_NONE,
	.default_for = UCALL_ARCH_S390X,
	.default_for_protections = UCALL_PROTECT_NONE);
/* clang-format on */

#define FUNCTION 0x501

#if defined(__s390x__)
/* Guest: DIAG R1,R3,D2(B2). */
UCALL_DOORBELL static void diag_send(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("diag %0,0,0x501" : : "d"(uc) : "memory");
}

UCALL_GUEST_CODE(diag_send, diag_send);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
static int diag_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (exit->reason != UCALL_EXIT_DIAG || exit->u.diag.code != FUNCTION)
		return 0;
	*where = exit->u.diag.value;
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
#if defined(__s390x__)
	.send_cmd = diag_send,
	.send_cmd_shared = diag_send,
#endif
	.recv_cmd = diag_recv,
};
#endif
