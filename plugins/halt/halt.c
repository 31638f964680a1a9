// SPDX-License-Identifier: MIT
/*
 * halt - the guest executes HLT.
 *
 * The exit carries nothing at all, which is what makes this doorbell of use: it works where the host
 * can read neither registers nor exit data.  A HLT of the guest's own is told from a ucall by the
 * mailbox, which then holds no message.
 *
 * With an in-kernel interrupt controller HLT does not exit, and in ring 3 it is a #GP: the core
 * refuses such VMs by `needs`.
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "halt",
	.version = "1.0",
	.summary = "the guest halts; the host looks into its mailbox",
	.needs = UCALL_NEEDS_NO_IRQCHIP | UCALL_NEEDS_RING0,
	.protections = UCALL_PROTECT_NONE | UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES |
		       UCALL_PROTECT_SEV_SNP);
/* clang-format on */

#if defined(__x86_64__)
/* Guest. */
UCALL_DOORBELL static void halt_send_shared(struct ucall *uc)
{
	__asm__ volatile("hlt" : : : "memory");
}

UCALL_GUEST_CODE(NULL, halt_send_shared);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
static int halt_recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	return exit->reason == UCALL_EXIT_HALT;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
#if defined(__x86_64__)
	.send_cmd_shared = halt_send_shared,
#endif
	.recv_cmd_shared = halt_recv_shared,
};
#endif
