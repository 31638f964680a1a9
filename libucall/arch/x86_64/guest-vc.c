// SPDX-License-Identifier: MIT
/*
 * The core's #VC handler, for guests whose VM says `guest_vc`: port I/O, CPUID and MSRs by the GHCB
 * (GHCB specification, 4.1).  This is data to the host: the section is copied to X86_VC in the guest, and
 * must be self-contained.
 *
 * The host of such a guest is not trusted.  It can inject #VC with any error code at any instruction (CVE-2024-25742,
 * "WeSee"): so each part does only what the instruction at RIP says, and before it has read or changed a
 * register; at another instruction the guest ends with this exception.
 */
#include <ucall/sev.h>

#include "layout.h"
#include "vc.h"

#define GP_FAULT 13
#define BIT_0(field) (1ull << UCALL_GHCB_BIT(field))
#define BIT_1(field) (1ull << (UCALL_GHCB_BIT(field) - 64))

static __attribute__((section("ucall_vc"))) UCALL_GUEST uint64_t low_bytes(uint64_t value,
									   unsigned int size)
{
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* The host's answer: 0 go on, 1 the exception in *regs is the end. */
static __attribute__((section("ucall_vc"))) UCALL_GUEST int check(struct ucall_ex_regs *regs,
								  uint32_t answer)
{
	if (answer == UCALL_GHCB_DONE)
		return 0;
	if (answer == UCALL_GHCB_INJECT) {
		regs->vector = ucall_this_ghcb()->sw_exit_info_2 & 0xff;
		regs->error_code = 0;
	}
	return 1;
}

/* After the prefixes that leave the instruction what it is: operand size and REX. */
static __attribute__((section("ucall_vc"))) UCALL_GUEST const uint8_t *
skip_prefixes(const struct ucall_ex_regs *regs, int *operand16)
{
	const uint8_t *p = (const uint8_t *)regs->rip;

	*operand16 = 0;
	for (; *p == 0x66 || (*p & 0xf0) == 0x40; p++)
		*operand16 |= *p == 0x66;
	return p;
}

/* The address after the instruction, if that is 0F and that byte; else 0. */
static __attribute__((section("ucall_vc"))) UCALL_GUEST uint64_t
after_0f(const struct ucall_ex_regs *regs, uint8_t second)
{
	int operand16;
	const uint8_t *p = skip_prefixes(regs, &operand16);

	return p[0] == 0x0f && p[1] == second ? (uint64_t)(p + 2) : 0;
}

/* IN and OUT, all but the string forms. */
static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_io(struct ucall_ex_regs *regs)
{
	unsigned int size, port;
	uint64_t info;
	int operand16;
	const uint8_t *p = skip_prefixes(regs, &operand16);

	if ((*p & 0xf4) != 0xe4)
		return 1;
	size = !(*p & 1) ? 1 : operand16 ? 2 : 4;
	port = *p & 8 ? (uint16_t)regs->rdx : p[1];
	info = (uint64_t)port << 16 | UCALL_IOIO_ADDRESS64 | (uint64_t)size << 4;
	if (!(*p & 2))
		info |= UCALL_IOIO_IN;
	ucall_this_ghcb()->rax = low_bytes(regs->rax, size);
	if (check(regs, ucall_ghcb_call(UCALL_SVM_EXIT_IOIO, info, BIT_0(rax), 0)))
		return 1;
	if (info & UCALL_IOIO_IN) {
		uint64_t value = low_bytes(ucall_this_ghcb()->rax, size);

		regs->rax = size == 4 ? value : (regs->rax & ~low_bytes(~0ull, size)) | value;
	}
	regs->rip = (uint64_t)(p + (*p & 8 ? 1 : 2));
	return 0;
}

static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_cpuid(struct ucall_ex_regs *regs)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	uint64_t low = BIT_0(rax), high = BIT_1(rcx), next = after_0f(regs, 0xa2);

	if (!next)
		return 1;
	g->rax = (uint32_t)regs->rax;
	g->rcx = (uint32_t)regs->rcx;
	if ((uint32_t)regs->rax == 0xd) { /* XSETBV has not been used: x87 alone */
		g->xcr0 = 1;
		high |= BIT_1(xcr0);
	}
	if (check(regs, ucall_ghcb_call(UCALL_SVM_EXIT_CPUID, 0, low, high)))
		return 1;
	regs->rax = (uint32_t)g->rax;
	regs->rbx = (uint32_t)g->rbx;
	regs->rcx = (uint32_t)g->rcx;
	regs->rdx = (uint32_t)g->rdx;
	regs->rip = next;
	return 0;
}

/*
 * MSRs that hardware gives a guest with closed registers without asking the host (AMD APM volume 2, section 15.36 and
 * table B-1: they are in the VMSA, or the processor's own).  An exception for one of them is the host's invention.
 */
static __attribute__((section("ucall_vc"))) UCALL_GUEST int is_never_asked_for(uint32_t msr)
{
	return (msr >= 0x174 && msr <= 0x176) || /* SYSENTER_CS, _ESP, _EIP */
	       msr == 0x277 || /* PAT */
	       (msr >= 0xc0000080 && msr <= 0xc0000084) || /* EFER STAR LSTAR CSTAR SFMASK */
	       (msr >= 0xc0000100 && msr <= 0xc0000102) || /* FS_BASE GS_BASE KERNEL_GS_BASE */
	       msr == X86_MSR_GHCB || msr == UCALL_MSR_SEV_STATUS;
}

static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_msr(struct ucall_ex_regs *regs)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	uint64_t low = 0, high = BIT_1(rcx), next = after_0f(regs, 0x30);
	int is_write = next != 0;

	if (!is_write)
		next = after_0f(regs, 0x32);
	if (!next || is_never_asked_for((uint32_t)regs->rcx))
		return 1;
	g->rcx = (uint32_t)regs->rcx;
	if (is_write) {
		g->rax = (uint32_t)regs->rax;
		g->rdx = (uint32_t)regs->rdx;
		low |= BIT_0(rax);
		high |= BIT_1(rdx);
	}
	if (check(regs, ucall_ghcb_call(UCALL_SVM_EXIT_MSR, (uint64_t)is_write, low, high)))
		return 1;
	if (!is_write) {
		regs->rax = (uint32_t)g->rax;
		regs->rdx = (uint32_t)g->rdx;
	}
	regs->rip = next;
	return 0;
}

__attribute__((section("ucall_vc"))) UCALL_GUEST int ucall_x86_64_vc(struct ucall_ex_regs *regs)
{
	if (regs->error_code == UCALL_SVM_EXIT_IOIO)
		return handle_io(regs);
	if (regs->error_code == UCALL_SVM_EXIT_CPUID)
		return handle_cpuid(regs);
	if (regs->error_code == UCALL_SVM_EXIT_MSR)
		return handle_msr(regs);
	return 1;
}
