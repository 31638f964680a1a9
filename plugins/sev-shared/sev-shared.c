// SPDX-License-Identifier: MIT
/*
 * sev-shared - for guests whose memory is encrypted (SEV, SEV-ES, SEV-SNP).
 *
 * Their host can read neither private memory, nor page tables, nor (with ES and SNP) registers.  So
 * this doorbell carries nothing, and the host looks into the one place that it shares with the
 * vCPU: its mailbox.  The option chooses an exit that such a guest can make:
 *
 *	exit=hlt	HLT exits by itself in all of them (an automatic exit, AMD APM volume 2,
 *			15.35.4), and needs no #VC handler
 *	exit=pio	OUT, which with ES and SNP raises #VC instead: plain SEV only
 *	exit=ghcb	OUT as a request in the GHCB, with VMGEXIT: ES and SNP
 */
#include <ucall/plugin.h>
#include <ucall/sev.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "sev-shared",
	.version = "1.0",
	.summary = "the guest's exit carries nothing; the host looks into the shared mailbox",
	.protections = UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES | UCALL_PROTECT_SEV_SNP,
	.default_for = UCALL_ARCH_X86_64,
	.default_for_protections = UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES | UCALL_PROTECT_SEV_SNP,
	.options = {
		{ .name = "exit", .type = UCALL_OPTION_CHOICE, .value = "hlt", .choices = "hlt|pio|ghcb",
		  .help = "how the guest exits: HLT, OUT (SEV only), or OUT by the GHCB (ES and SNP)" },
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x3f8",
		  .help = "the I/O port of exit=pio and exit=ghcb" },
	});
/* clang-format on */

/* As in `choices`. */
enum { EXIT_HLT, EXIT_PIO, EXIT_GHCB };

#if defined(__x86_64__)
/* Guest. */
UCALL_DOORBELL static void sev_shared_send(struct ucall *uc, const struct ucall_bell *bell)
{
	uint64_t how = bell->param[0], flags;

	if (how == EXIT_HLT) {
		__asm__ volatile("hlt" : : : "memory");
	} else if (how == EXIT_PIO) {
		__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[1]) : "memory");
	} else {
		/* A handler that makes ucalls uses the same GHCB. */
		__asm__ volatile("pushfq; cli; popq %0" : "=r"(flags) : : "memory");
		ucall_this_ghcb()->rax = 0;
		ucall_ghcb_call(UCALL_SVM_EXIT_IOIO,
				bell->param[1] << 16 | UCALL_IOIO_SIZE8 | UCALL_IOIO_ADDRESS64,
				1ull << UCALL_GHCB_BIT(rax), 0);
		__asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
	}
}

/* With the address in RDI, which the host of plain SEV can read. */
UCALL_DOORBELL static void sev_shared_send_address(struct ucall *uc, const struct ucall_bell *bell)
{
	if (bell->param[0] == EXIT_HLT)
		__asm__ volatile("hlt" : : "D"(uc) : "memory");
	else
		__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[1]), "D"(uc) : "memory");
}

UCALL_GUEST_CODE(sev_shared_send_address, sev_shared_send);
#endif

#ifndef UCALL_GUEST_BUILD
#include <errno.h>

/* Host. */
static int check_hlt(const struct ucall_vm *vm)
{
	if (ucall_vm_has_irqchip(vm))
		return ucall_fail(
			EOPNOTSUPP,
			"exit=hlt cannot serve a VM with an in-kernel interrupt controller "
			"(irqchip), where HLT does not exit; use %s",
			ucall_vm_protection_bit(vm) == UCALL_PROTECT_SEV ? "exit=pio"
									 : "exit=ghcb");
	if (ucall_vm_ring(vm) != 0)
		return ucall_fail(
			EOPNOTSUPP,
			"exit=hlt needs guest functions in ring 0: HLT is a privileged "
			"instruction; this VM has ring %d%s",
			ucall_vm_ring(vm),
			ucall_vm_protection_bit(vm) == UCALL_PROTECT_SEV ? "; use exit=pio" : "");
	return 0;
}

static int check_pio(const struct ucall_vm *vm)
{
	if (ucall_vm_protection_bit(vm) == UCALL_PROTECT_SEV)
		return 0;
	return ucall_fail(
		EOPNOTSUPP,
		"exit=pio is for plain SEV only: with SEV-ES and SEV-SNP, OUT raises #VC in the "
		"guest, because the host cannot see its registers; use exit=hlt or exit=ghcb");
}

static int check_ghcb(const struct ucall_vm *vm)
{
	if (ucall_vm_protection_bit(vm) == UCALL_PROTECT_SEV)
		return ucall_fail(
			EOPNOTSUPP,
			"exit=ghcb is for SEV-ES and SEV-SNP: a plain SEV guest has no GHCB; use "
			"exit=hlt or exit=pio");
	if (ucall_vm_ring(vm) != 0)
		return ucall_fail(EOPNOTSUPP,
				  "exit=ghcb needs guest functions in ring 0, to write the GHCB's "
				  "MSR; this VM "
				  "has ring %d",
				  ucall_vm_ring(vm));
	return 0;
}

static int sev_shared_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	static int (*const checks[])(const struct ucall_vm *vm) = { check_hlt, check_pio,
								    check_ghcb };
	uint64_t how = ucall_args_uint(args, "exit"), port = ucall_args_uint(args, "port");

	if (checks[how](vm))
		return -1;
	/* What the exit must look like: -1, HLT; else OUT to that port. */
	ucall_vm_set_backend_data(vm, (void *)(how == EXIT_HLT ? (intptr_t)-1 : (intptr_t)port));
	if (ucall_vm_set_param(vm, 0, how))
		return -1;
	return ucall_vm_set_param(vm, 1, port);
}

static int sev_shared_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	intptr_t port = (intptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu));

	if (port < 0 ? exit->reason != UCALL_EXIT_HALT
		     : !ucall_exit_is_out(exit, (uint64_t)port, 1))
		return 0;
	*where = ucall_vcpu_argument(vcpu);
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = sev_shared_init,
#if defined(__x86_64__)
	.send_cmd = sev_shared_send_address,
	.send_cmd_shared = sev_shared_send,
#endif
	.recv_cmd = sev_shared_recv,
};
#endif
