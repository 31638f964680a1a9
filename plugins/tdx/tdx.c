// SPDX-License-Identifier: MIT
/*
 * tdx - for guests protected by Intel TDX.
 *
 * OUT, HLT and stores to MMIO raise #VE in them.  What exits is TDG.VP.VMCALL, which the guest
 * makes here itself, so it needs no #VE handler.  The host finds the message in the mailbox; the
 * call carries nothing of it.  The option chooses what the host sees:
 *
 *	exit=io		KVM_EXIT_IO: a write of one byte to a port
 *	exit=mmio	KVM_EXIT_MMIO: a write of eight bytes, as the kernel's selftests for TDX do it
 *	exit=fatal	KVM_EXIT_SYSTEM_EVENT: ReportFatalError, after which KVM lets the guest go on
 */
#include <ucall/plugin.h>
#include <ucall/tdx.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "tdx",
	.version = "1.0",
	.summary = "the guest calls its host by TDG.VP.VMCALL; the message is in the mailbox",
	.needs = UCALL_NEEDS_RING0,
	.protections = UCALL_PROTECT_TDX,
	.default_for = UCALL_ARCH_X86_64,
	.default_for_protections = UCALL_PROTECT_TDX,
	.options = {
		{ .name = "exit", .type = UCALL_OPTION_CHOICE, .value = "io", .choices = "io|mmio|fatal",
		  .help = "what the call asks for: a port, an address without memory, or the end" },
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x3f8",
		  .help = "the I/O port of exit=io" },
		{ .name = "gpa", .type = UCALL_OPTION_UINT, .max = 0xfffffffff8, .value = "0xd0000000",
		  .help = "the guest-physical address of exit=mmio, a multiple of 8" },
	});
/* clang-format on */

/* As in `choices`. */
enum { EXIT_IO, EXIT_MMIO, EXIT_FATAL };

#define FATAL_CODE 0x6c6c6163 /* R12 of exit=fatal: "call" */

/* It and the next three are R11 to R14 of the call.  R15 is the message's address, as upstream's selftests pass it. */
#define PARAM_FUNCTION 0

#if defined(__x86_64__)
/* Guest. */
UCALL_DOORBELL static void tdx_send(struct ucall *uc, const struct ucall_bell *bell)
{
	ucall_tdvmcall_ring(bell, &bell->param[PARAM_FUNCTION], (uint64_t)uc);
}

UCALL_GUEST_CODE(NULL, tdx_send);
#endif

#ifndef UCALL_GUEST_BUILD
/* Host. */
#include <errno.h>
#include <stdlib.h>

struct tdx {
	uint64_t how, port, gpa;
};

static int set_params(struct ucall_vm *vm, const struct tdx *tdx)
{
	const uint64_t shared = ucall_vm_shared_bit(vm);
	const uint64_t params[3][4] = {
		[EXIT_IO] = { UCALL_TDVMCALL_IO, 1, 1, tdx->port },
		[EXIT_MMIO] = { UCALL_TDVMCALL_MMIO, 8, 1, tdx->gpa | shared },
		[EXIT_FATAL] = { UCALL_TDVMCALL_FATAL_ERROR, FATAL_CODE, 0, 0 },
	};

	for (unsigned int i = 0; i < 4; i++)
		if (ucall_vm_set_param(vm, PARAM_FUNCTION + i, params[tdx->how][i]))
			return -1;
	return 0;
}

static int tdx_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	struct tdx *tdx = calloc(1, sizeof(*tdx));

	if (!tdx)
		return ucall_fail(ENOMEM, "out of memory");
	tdx->how = ucall_args_uint(args, "exit");
	tdx->port = ucall_args_uint(args, "port");
	tdx->gpa = ucall_args_uint(args, "gpa");
	if (tdx->gpa % 8) {
		free(tdx);
		return ucall_fail(EINVAL, "option gpa=0x%llx is not a multiple of 8",
				  (unsigned long long)ucall_args_uint(args, "gpa"));
	}
	if (set_params(vm, tdx) ||
	    (tdx->how == EXIT_MMIO && !ucall_vm_map_device(vm, tdx->gpa, 8))) {
		free(tdx);
		return -1;
	}
	ucall_vm_set_backend_data(vm, tdx);
	return 0;
}

static void tdx_uninit(struct ucall_vm *vm)
{
	free(ucall_vm_backend_data(vm));
}

static int tdx_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	const struct tdx *tdx = ucall_vm_backend_data(ucall_vcpu_vm(vcpu));

	switch (tdx->how) {
	case EXIT_IO:
		return ucall_exit_is_out(exit, tdx->port, 1);
	case EXIT_MMIO:
		return ucall_exit_is_store(exit, tdx->gpa, 8);
	default:
		return exit->reason == UCALL_EXIT_FATAL && exit->u.fatal.code == FATAL_CODE;
	}
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = tdx_init,
	.uninit = tdx_uninit,
#if defined(__x86_64__)
	.send_cmd_shared = tdx_send,
#endif
	.recv_cmd_shared = tdx_recv,
};
#endif
