// SPDX-License-Identifier: MIT
/*
 * mmio - the guest stores to an address where there is no memory.
 *
 * One 64-bit store, whose data is the message's address: all that the host needs is in the exit.
 * The core maps the page at `gpa` for the guest, and refuses an address within guest memory.
 *
 * On aarch64 it must be a plain store: only then does the exception syndrome name the register
 * (Arm ARM, ESR_EL2.ISV), which KVM needs to know what was stored.  s390x has no MMIO.
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "mmio",
	.version = "1.0",
	.summary = "the guest stores to an address without memory",
	.needs = UCALL_NEEDS_GUEST_VC,
	.protections = UCALL_PROTECT_NONE | UCALL_PROTECT_SEV | UCALL_PROTECT_PKVM |
		       UCALL_PROTECT_TDX,
	.default_for = UCALL_ARCH_AARCH64,
	.default_for_protections = UCALL_PROTECT_NONE | UCALL_PROTECT_PKVM,
	.options = {
		{ .name = "gpa", .type = UCALL_OPTION_UINT, .max = 0xfffffffff8,
		  .value = "0xd0000000",
		  .help = "guest-physical address of the doorbell, a multiple of 8" },
	});
/* clang-format on */

#if !defined(__s390x__)
/* Guest: bell->param[0] is the doorbell's guest-virtual address. */
UCALL_DOORBELL static void mmio_send(struct ucall *uc, const struct ucall_bell *bell)
{
	*(volatile uint64_t *)bell->param[0] = (uint64_t)uc;
}

UCALL_GUEST_CODE(mmio_send, mmio_send);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
#include <errno.h>

static int mmio_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t gpa = ucall_args_uint(args, "gpa"), gva;

	if (gpa % 8)
		return ucall_fail(EINVAL, "option gpa=0x%llx is not a multiple of 8",
				  (unsigned long long)gpa);
	gva = ucall_vm_map_device(vm, gpa, 8);
	if (!gva)
		return -1;
	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)gpa);
	return ucall_vm_set_param(vm, 0, gva);
}

static int mmio_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (!ucall_exit_is_store(exit, (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu)), 8))
		return 0;
	*where = exit->u.mmio.data;
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = mmio_init,
#if !defined(__s390x__)
	.send_cmd = mmio_send,
	.send_cmd_shared = mmio_send,
#endif
	.recv_cmd = mmio_recv,
};
#endif
