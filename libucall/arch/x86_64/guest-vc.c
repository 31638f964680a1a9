// SPDX-License-Identifier: MIT
/*
 * The core's #VC handler, for guests whose VM says `guest_vc`: port I/O, CPUID and MSRs by the GHCB
 * (GHCB specification, 4.1).  This is data to the host: the section is copied to X86_VC in the guest, and
 * must be self-contained.
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

/* IN and OUT, all but the string forms. */
static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_io(struct ucall_ex_regs *regs)
{
	const uint8_t *code = (const uint8_t *)regs->rip, *p = code;
	unsigned int size, port;
	uint64_t info;
	int operand16 = 0;

	for (; *p == 0x66 || (*p & 0xf0) == 0x40; p++)
		operand16 |= *p == 0x66;
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
	regs->rip += (uint64_t)(p - code) + (*p & 8 ? 1 : 2);
	return 0;
}

static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_cpuid(struct ucall_ex_regs *regs)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	uint64_t low = BIT_0(rax), high = BIT_1(rcx);

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
	regs->rip += 2;
	return 0;
}

static __attribute__((section("ucall_vc"))) UCALL_GUEST int handle_msr(struct ucall_ex_regs *regs)
{
	const uint8_t *code = (const uint8_t *)regs->rip;
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	int is_write = code[1] == 0x30;

	g->rcx = (uint32_t)regs->rcx;
	g->rax = (uint32_t)regs->rax;
	g->rdx = (uint32_t)regs->rdx;
	if (check(regs, ucall_ghcb_call(UCALL_SVM_EXIT_MSR, (uint64_t)is_write, BIT_0(rax),
					BIT_1(rcx) | BIT_1(rdx))))
		return 1;
	if (!is_write) {
		regs->rax = (uint32_t)g->rax;
		regs->rdx = (uint32_t)g->rdx;
	}
	regs->rip += 2;
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
