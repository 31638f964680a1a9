// SPDX-License-Identifier: MIT
/*
 * pio - the guest writes a byte to an I/O port.
 *
 * OUT is the cheapest x86 exit that says what it is: port, size and direction are in the exit data,
 * so no register needs to be read.  IN would do as well, but the host would have to complete it
 * with a value.  In ring 3 OUT needs the I/O permission bitmap, which the core opens.
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "pio",
	.version = "1.0",
	.summary = "the guest writes to an I/O port",
	.needs = UCALL_NEEDS_GUEST_VC,
	.protections = UCALL_PROTECT_NONE | UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES |
		       UCALL_PROTECT_SEV_SNP | UCALL_PROTECT_TDX,
	.default_for = UCALL_ARCH_X86_64,
	.default_for_protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x3f8",
		  .help = "the I/O port" },
	});
/* clang-format on */

#if defined(__x86_64__)
/* Guest: the address goes in RDI, where a function's first argument is. */
UCALL_DOORBELL static void pio_send(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[0]), "D"(uc) : "memory");
}

UCALL_DOORBELL static void pio_send_shared(struct ucall *uc, const struct ucall_bell *bell)
{
	__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[0]) : "memory");
}

UCALL_GUEST_CODE(pio_send, pio_send_shared);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
static int pio_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t port = ucall_args_uint(args, "port");

	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)port);
	return ucall_vm_set_param(vm, 0, port);
}

static int pio_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (!ucall_exit_is_out(exit, (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu)), 1))
		return 0;
	*where = ucall_vcpu_argument(vcpu);
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = pio_init,
#if defined(__x86_64__)
	.send_cmd = pio_send,
	.send_cmd_shared = pio_send_shared,
#endif
	.recv_cmd = pio_recv,
};
#endif
