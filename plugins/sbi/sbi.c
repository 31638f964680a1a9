// SPDX-License-Identifier: MIT
/*
 * sbi - the riscv64 guest makes an SBI call to an experimental extension.
 *
 * KVM passes calls to extensions 0x08000000 to 0x08ffffff to user space (KVM API document,
 * KVM_EXIT_RISCV_SBI; SBI specification, chapter "Experimental SBI Extension Space").  The
 * message's address is the call's first argument.
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "sbi",
	.version = "1.0",
	.summary = "the guest calls an experimental SBI extension",
	.protections = UCALL_PROTECT_NONE,
	.default_for = UCALL_ARCH_RISCV64,
	.default_for_protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "extension", .type = UCALL_OPTION_UINT, .min = 0x08000000, .max = 0x08ffffff,
		  .value = "0x08554341", .help = "the SBI extension's number" },
	});
/* clang-format on */

#define FUNCTION 0

#if defined(__riscv)
/* Guest: bell->param[0] is the extension.  The call returns an error in a0 and a value in a1. */
UCALL_DOORBELL static void sbi_send(struct ucall *uc, const struct ucall_bell *bell)
{
	register uint64_t a0 __asm__("a0") = (uint64_t)uc;
	register uint64_t a1 __asm__("a1");
	register uint64_t a6 __asm__("a6") = FUNCTION;
	register uint64_t a7 __asm__("a7") = bell->param[0];

	__asm__ volatile("ecall" : "+r"(a0), "=r"(a1) : "r"(a6), "r"(a7) : "memory");
}

UCALL_GUEST_CODE(sbi_send, sbi_send);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
static int sbi_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t extension = ucall_args_uint(args, "extension");

	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)extension);
	return ucall_vm_set_param(vm, 0, extension);
}

static int sbi_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (exit->reason != UCALL_EXIT_SBI || exit->u.sbi.function != FUNCTION ||
	    exit->u.sbi.extension != (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu)))
		return 0;
	*where = exit->u.sbi.args[0];
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = sbi_init,
#if defined(__riscv)
	.send_cmd = sbi_send,
	.send_cmd_shared = sbi_send,
#endif
	.recv_cmd = sbi_recv,
};
#endif
