// SPDX-License-Identifier: MIT
/*
 * The core's #VC handler, for VMs with `guest_vc`: port I/O, CPUID and MSRs through the GHCB (GHCB
 * specification, 4.1).  It is a part of the stubs (arch/stubs.h), and must be self-contained.
 *
 * The host of such a guest is not trusted.  It can inject #VC with any error code at any
 * instruction (CVE-2024-25742, "WeSee").  So each part checks that the instruction at RIP is the
 * right one before it reads or changes a register; if not, the guest ends with this exception.
 */
#include <ucall/sev.h>

#include "arch/stubs.h"
#include "exits.h"

#define BIT_0(field) (1ull << UCALL_GHCB_BIT(field))
#define BIT_1(field) (1ull << (UCALL_GHCB_BIT(field) - 64))

UCALL_STUB_OWN uint64_t low_bytes(uint64_t value, unsigned int size)
{
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* Checks the host's answer.  0: go on; 1: the guest ends with the exception in *frame. */
UCALL_STUB_OWN int check(struct ucall_frame *frame, uint32_t answer)
{
	if (answer == UCALL_GHCB_DONE)
		return 0;
	if (answer == UCALL_GHCB_INJECT) {
		frame->vector = ucall_this_ghcb()->sw_exit_info_2 & 0xff;
		frame->code = 0;
	}
	return 1;
}

/* Skips prefixes after which it is still the same instruction: operand size and REX. */
UCALL_STUB_OWN const uint8_t *skip_prefixes(const struct ucall_frame *frame, int *operand16)
{
	const uint8_t *p = (const uint8_t *)frame->pc;

	*operand16 = 0;
	for (; *p == 0x66 || (*p & 0xf0) == 0x40; p++)
		*operand16 |= *p == 0x66;
	return p;
}

/* The address after the instruction, if its bytes are 0F and `second`; else 0. */
UCALL_STUB_OWN uint64_t after_0f(const struct ucall_frame *frame, uint8_t second)
{
	int operand16;
	const uint8_t *p = skip_prefixes(frame, &operand16);

	return p[0] == 0x0f && p[1] == second ? (uint64_t)(p + 2) : 0;
}

/* IN and OUT, except the string forms. */
UCALL_STUB_OWN int handle_io(struct ucall_frame *frame)
{
	unsigned int size, port;
	uint64_t info;
	int operand16;
	const uint8_t *p = skip_prefixes(frame, &operand16);

	if ((*p & 0xf4) != 0xe4)
		return 1;
	size = !(*p & 1) ? 1 : operand16 ? 2 : 4;
	port = *p & 8 ? (uint16_t)frame->gpr[UCALL_RDX] : p[1];
	info = (uint64_t)port << 16 | UCALL_IOIO_ADDRESS64 | (uint64_t)size << 4;
	if (!(*p & 2))
		info |= UCALL_IOIO_IN;
	ucall_this_ghcb()->rax = low_bytes(frame->gpr[UCALL_RAX], size);
	if (check(frame, ucall_ghcb_call(UCALL_SVM_EXIT_IOIO, info, BIT_0(rax), 0)))
		return 1;
	if (info & UCALL_IOIO_IN) {
		uint64_t value = low_bytes(ucall_this_ghcb()->rax, size);

		frame->gpr[UCALL_RAX] =
			size == 4 ? value
				  : (frame->gpr[UCALL_RAX] & ~low_bytes(~0ull, size)) | value;
	}
	frame->pc = (uint64_t)(p + (*p & 8 ? 1 : 2));
	return 0;
}

UCALL_STUB_OWN int handle_cpuid(struct ucall_frame *frame)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	uint64_t low = BIT_0(rax), high = BIT_1(rcx), next = after_0f(frame, 0xa2);

	if (!next)
		return 1;
	g->rax = (uint32_t)frame->gpr[UCALL_RAX];
	g->rcx = (uint32_t)frame->gpr[UCALL_RCX];
	if ((uint32_t)frame->gpr[UCALL_RAX] == 0xd) { /* XSETBV has not been used: x87 only */
		g->xcr0 = 1;
		high |= BIT_1(xcr0);
	}
	if (check(frame, ucall_ghcb_call(UCALL_SVM_EXIT_CPUID, 0, low, high)))
		return 1;
	frame->gpr[UCALL_RAX] = (uint32_t)g->rax;
	frame->gpr[UCALL_RBX] = (uint32_t)g->rbx;
	frame->gpr[UCALL_RCX] = (uint32_t)g->rcx;
	frame->gpr[UCALL_RDX] = (uint32_t)g->rdx;
	frame->pc = next;
	return 0;
}

/*
 * MSRs that the hardware handles for a guest with encrypted registers, without asking the host (AMD
 * APM volume 2, section 15.36 and table B-1: they are in the VMSA, or the processor's own).  A #VC
 * for one of them must have been made up by the host.
 */
UCALL_STUB_OWN int is_handled_by_hardware(uint32_t msr)
{
	return (msr >= 0x174 && msr <= 0x176) || /* SYSENTER_CS, _ESP, _EIP */
	       msr == 0x277 || /* PAT */
	       (msr >= 0xc0000080 && msr <= 0xc0000084) || /* EFER STAR LSTAR CSTAR SFMASK */
	       (msr >= 0xc0000100 && msr <= 0xc0000102) || /* FS_BASE GS_BASE KERNEL_GS_BASE */
	       msr == UCALL_MSR_GHCB || msr == UCALL_MSR_SEV_STATUS;
}

UCALL_STUB_OWN int handle_msr(struct ucall_frame *frame)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	uint64_t low = 0, high = BIT_1(rcx), next = after_0f(frame, 0x30);
	int is_write = next != 0;

	if (!is_write)
		next = after_0f(frame, 0x32);
	if (!next || is_handled_by_hardware((uint32_t)frame->gpr[UCALL_RCX]))
		return 1;
	g->rcx = (uint32_t)frame->gpr[UCALL_RCX];
	if (is_write) {
		g->rax = (uint32_t)frame->gpr[UCALL_RAX];
		g->rdx = (uint32_t)frame->gpr[UCALL_RDX];
		low |= BIT_0(rax);
		high |= BIT_1(rdx);
	}
	if (check(frame, ucall_ghcb_call(UCALL_SVM_EXIT_MSR, (uint64_t)is_write, low, high)))
		return 1;
	if (!is_write) {
		frame->gpr[UCALL_RAX] = (uint32_t)g->rax;
		frame->gpr[UCALL_RDX] = (uint32_t)g->rdx;
	}
	frame->pc = next;
	return 0;
}

UCALL_STUB int ucall_x86_64_vc(struct ucall_frame *frame)
{
	if (frame->code == UCALL_SVM_EXIT_IOIO)
		return handle_io(frame);
	if (frame->code == UCALL_SVM_EXIT_CPUID)
		return handle_cpuid(frame);
	if (frame->code == UCALL_SVM_EXIT_MSR)
		return handle_msr(frame);
	return 1;
}
