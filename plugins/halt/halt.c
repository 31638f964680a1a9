// SPDX-License-Identifier: MIT
/*
 * halt - the guest executes HLT.
 *
 * The exit carries nothing at all, so this doorbell works where the host can read neither registers
 * nor exit data.  A HLT is a ucall only if the mailbox holds a message.  (By address, RDI holds the
 * message's address, and every HLT is a ucall.)
 *
 * With an in-kernel interrupt controller HLT does not exit, and in ring 3 it raises #GP: the core
 * refuses such VMs because of `needs`.
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
/* Guest: the address goes in RDI, where a function's first argument is. */
UCALL_DOORBELL static void halt_send(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("hlt" : : "D"(uc) : "memory");
}

UCALL_DOORBELL static void halt_send_shared(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("hlt" : : : "memory");
}

UCALL_GUEST_CODE(halt_send, halt_send_shared);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
static int halt_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (exit->reason != UCALL_EXIT_HALT)
		return 0;
	*where = ucall_vcpu_argument(vcpu);
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
#if defined(__x86_64__)
	.send_cmd = halt_send,
	.send_cmd_shared = halt_send_shared,
#endif
	.recv_cmd = halt_recv,
};
#endif
