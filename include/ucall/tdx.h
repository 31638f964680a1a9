/* SPDX-License-Identifier: MIT */
/*
 * <ucall/tdx.h> - how a guest protected by Intel TDX (a trust domain, TD) calls the TDX module and,
 * by it, its host.  x86_64 only, and only in a trust domain: elsewhere TDCALL is undefined.
 * (ucall_this_bell()->protection & UCALL_BELL_TYPE) == UCALL_BELL_TDX says whether this is one.
 *
 * Sources: Intel TDX Module ABI specification (348549), "TDG" leaves; Guest-Host-Communication
 * Interface (GHCI, 344426), TDG.VP.VMCALL.
 */
#ifndef UCALL_TDX_H
#define UCALL_TDX_H

#include <ucall/guest.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Leaves of TDCALL, in RAX. */
#define UCALL_TDG_VP_VMCALL 0
#define UCALL_TDG_VP_INFO 1
#define UCALL_TDG_VP_VEINFO_GET 3
#define UCALL_TDG_MR_REPORT 4
#define UCALL_TDG_MEM_PAGE_ACCEPT 6
#define UCALL_TDG_VM_RD 7
#define UCALL_TDG_VM_WR 8

/*
 * What TDCALL returns in RAX.  Compare the upper 32 bits: the lower ones are the number of the
 * wrong operand (1: RCX), or zero.
 */
#define UCALL_TDX_SUCCESS 0
#define UCALL_TDX_OPERAND_INVALID 0xc000010000000000u
#define UCALL_TDX_NO_VE_INFO 0xc000070400000000u
#define UCALL_TDX_PAGE_ALREADY_ACCEPTED 0x00000b0a00000000u
#define UCALL_TDX_PAGE_SIZE_MISMATCH 0xc0000b0b00000000u
#define UCALL_TDX_METADATA_FIELD_ID_INCORRECT 0xc0000c0000000000u

/* TDG.VP.VMCALL's functions, in R11 with R10 = 0 (GHCI, 3). */
#define UCALL_TDVMCALL_CPUID 10
#define UCALL_TDVMCALL_HLT 12
#define UCALL_TDVMCALL_IO 30
#define UCALL_TDVMCALL_RDMSR 31
#define UCALL_TDVMCALL_WRMSR 32
#define UCALL_TDVMCALL_MMIO 48
#define UCALL_TDVMCALL_GET_INFO 0x10000
#define UCALL_TDVMCALL_MAP_GPA 0x10001
#define UCALL_TDVMCALL_GET_QUOTE 0x10002
#define UCALL_TDVMCALL_FATAL_ERROR 0x10003

/* The host's answer, in R10. */
#define UCALL_TDVMCALL_SUCCESS 0
#define UCALL_TDVMCALL_RETRY 1
#define UCALL_TDVMCALL_INVALID_OPERAND 0x8000000000000000u
#define UCALL_TDVMCALL_ALIGN_ERROR 0x8000000000000002u
#define UCALL_TDVMCALL_UNSUPPORTED 0x8000000000000003u

/* Bits of RCX: the registers that TDG.VP.VMCALL shows to the host and takes back. */
#define UCALL_TDX_SHOW_R10_TO_R15 0xfc00u

/*
 * Under emulation, where TDCALL cannot be used, the instruction `out %al, $0x7c` replaces it (not
 * `out %al, %dx`); all registers are as for TDCALL.  A TDCALL of the guest's own needs the option
 * trap=step.
 */
#define UCALL_TDX_PORT 0x7c

/* Registers of TDCALL. */
struct ucall_tdx_regs {
	uint64_t rcx, rdx, r8, r9, r10, r11, r12, r13, r14, r15;
};

/* Why #VE was raised: TDG.VP.VEINFO.GET. */
struct ucall_ve_info {
	uint32_t reason; /* as an exit of VMX: UCALL_TDVMCALL_IO and so on */
	uint32_t length; /* of the instruction; for UCALL_TDVMCALL_MMIO decode it instead */
	uint64_t qualification; /* Intel SDM volume 3, "Exit qualification" */
	uint64_t gla, gpa; /* of a memory access; gla is 0 under emulation */
};

#if defined(__x86_64__)

/* Internal. */
UCALL_INLINE void ucall_tdx_clear(struct ucall_tdx_regs *regs)
{
	regs->rcx = regs->rdx = regs->r8 = regs->r9 = regs->r10 = regs->r11 = 0;
	regs->r12 = regs->r13 = regs->r14 = regs->r15 = 0;
}

/* Internal: TDCALL, or what replaces it; [protection] is struct ucall_bell.protection. */
#define UCALL_TDCALL \
	"testl %[emulated], %[protection]\n" \
	"jnz 1f\n" \
	".byte 0x66, 0x0f, 0x01, 0xcc\n" /* tdcall */ \
	"jmp 2f\n" \
	"1: outb %%al, %[port]\n" \
	"2:\n"
#define UCALL_TDCALL_INPUTS(bell) \
	[emulated] "i"(UCALL_BELL_EMULATED), [port] "i"(UCALL_TDX_PORT), \
		[protection] "m"((bell)->protection)

/* TDCALL.  Ring 0.  Returns RAX; the registers are as TDCALL left them. */
UCALL_INLINE uint64_t guest_tdcall(uint64_t leaf, struct ucall_tdx_regs *regs)
{
	const struct ucall_bell *bell = ucall_this_bell();

	__asm__ volatile("movq 0(%%rbx), %%rcx\n"
			 "movq 8(%%rbx), %%rdx\n"
			 "movq 16(%%rbx), %%r8\n"
			 "movq 24(%%rbx), %%r9\n"
			 "movq 32(%%rbx), %%r10\n"
			 "movq 40(%%rbx), %%r11\n"
			 "movq 48(%%rbx), %%r12\n"
			 "movq 56(%%rbx), %%r13\n"
			 "movq 64(%%rbx), %%r14\n"
			 "movq 72(%%rbx), %%r15\n" UCALL_TDCALL "movq %%rcx, 0(%%rbx)\n"
			 "movq %%rdx, 8(%%rbx)\n"
			 "movq %%r8, 16(%%rbx)\n"
			 "movq %%r9, 24(%%rbx)\n"
			 "movq %%r10, 32(%%rbx)\n"
			 "movq %%r11, 40(%%rbx)\n"
			 "movq %%r12, 48(%%rbx)\n"
			 "movq %%r13, 56(%%rbx)\n"
			 "movq %%r14, 64(%%rbx)\n"
			 "movq %%r15, 72(%%rbx)\n"
			 : "+a"(leaf)
			 : "b"(regs), UCALL_TDCALL_INPUTS(bell)
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			   "memory", "cc");
	return leaf;
}

/*
 * TDG.VP.VMCALL: calls the host's `function` with R12 to R15.  Returns the host's answer, R10, or
 * what TDCALL returned if the call was not made.  regs->r11 is what the host returned.
 */
UCALL_INLINE uint64_t guest_tdvmcall(uint64_t function, struct ucall_tdx_regs *regs)
{
	uint64_t status;

	regs->rcx = UCALL_TDX_SHOW_R10_TO_R15;
	regs->rdx = regs->r8 = regs->r9 = regs->r10 = 0;
	regs->r11 = function;
	status = guest_tdcall(UCALL_TDG_VP_VMCALL, regs);
	return status ? status : regs->r10;
}

/*
 * For backends: TDG.VP.VMCALL of a doorbell, whose answer does not matter.  call[] has R11 to R14,
 * which are loaded directly, since each instruction counts.
 */
UCALL_INLINE void ucall_tdvmcall_ring(const struct ucall_bell *bell, const uint64_t call[4],
				      uint64_t r15)
{
	uint64_t rcx = UCALL_TDX_SHOW_R10_TO_R15, rax = UCALL_TDG_VP_VMCALL;

	__asm__ volatile("movq 0(%[call]), %%r11\n"
			 "movq 8(%[call]), %%r12\n"
			 "movq 16(%[call]), %%r13\n"
			 "movq 24(%[call]), %%r14\n"
			 "movq %[r15], %%r15\n"
			 "movl $0, %%r10d\n" UCALL_TDCALL
			 : "+a"(rax), "+c"(rcx)
			 : [call] "S"(call), [r15] "D"(r15), UCALL_TDCALL_INPUTS(bell)
			 : "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}

/* The bit of guest-physical addresses that means shared memory: TDG.VP.INFO. */
UCALL_INLINE uint64_t guest_td_shared_bit(void)
{
	struct ucall_tdx_regs regs;

	ucall_tdx_clear(&regs);
	guest_tdcall(UCALL_TDG_VP_INFO, &regs);
	return 1ull << ((regs.rcx & 0x3f) - 1);
}

/* Why the last #VE was raised.  A second call for the same #VE returns UCALL_TDX_NO_VE_INFO. */
UCALL_INLINE uint64_t guest_td_ve_info(struct ucall_ve_info *info)
{
	struct ucall_tdx_regs regs;
	uint64_t status;

	ucall_tdx_clear(&regs);
	status = guest_tdcall(UCALL_TDG_VP_VEINFO_GET, &regs);
	info->reason = (uint32_t)regs.rcx;
	info->qualification = regs.rdx;
	info->gla = regs.r8;
	info->gpa = regs.r9;
	info->length = (uint32_t)regs.r10;
	return status;
}

/*
 * TDG.MEM.PAGE.ACCEPT: takes a private page, 4 KiB at level 0, which is zero from then on.  `gpa`
 * has no shared bit.  Returns what TDCALL does; for a page that is not private the guest exits with
 * a memory fault, and calls again.
 */
UCALL_INLINE uint64_t guest_td_accept(uint64_t gpa, unsigned int level)
{
	struct ucall_tdx_regs regs;

	ucall_tdx_clear(&regs);
	regs.rcx = gpa | level;
	return guest_tdcall(UCALL_TDG_MEM_PAGE_ACCEPT, &regs);
}

/*
 * MapGPA: makes whole pages shared or private.  `gpa` must not have the shared bit.  Their contents
 * are lost, and private ones must be accepted then.  The host may do a part at a time: this asks
 * for the rest.  Returns 0, or the host's answer.
 */
UCALL_INLINE uint64_t guest_td_map_gpa(uint64_t gpa, uint64_t size, int is_shared)
{
	const uint64_t shared = guest_td_shared_bit(), bit = is_shared ? shared : 0;
	const uint64_t end = (gpa | bit) + size;
	struct ucall_tdx_regs regs;
	uint64_t next = gpa | bit, answer;

	if (gpa & shared)
		return UCALL_TDVMCALL_INVALID_OPERAND;
	do {
		regs.r12 = next;
		regs.r13 = end - next;
		regs.r14 = regs.r15 = 0;
		answer = guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs);
		if (answer != UCALL_TDVMCALL_RETRY)
			return answer;
		/* The host is not trusted. */
		if (regs.r11 <= next || regs.r11 >= end || regs.r11 % UCALL_PAGE_SIZE)
			return UCALL_TDVMCALL_INVALID_OPERAND;
		next = regs.r11;
	} while (1);
}

/* Internal: UCALL_TDVMCALL_IO and UCALL_TDVMCALL_MMIO. */
UCALL_INLINE uint64_t ucall_td_access(uint64_t function, uint64_t where, unsigned int size,
				      int is_write, uint64_t *value)
{
	struct ucall_tdx_regs regs;
	uint64_t answer;

	regs.r12 = size;
	regs.r13 = (uint64_t)is_write;
	regs.r14 = where;
	regs.r15 = is_write ? *value : 0;
	answer = guest_tdvmcall(function, &regs);
	if (!is_write)
		*value = regs.r11;
	return answer;
}

/* A port access of 1, 2 or 4 bytes; `value` is what to write, and what was read.  Returns 0 or R10. */
UCALL_INLINE uint64_t guest_td_io(uint16_t port, unsigned int size, int is_write, uint64_t *value)
{
	return ucall_td_access(UCALL_TDVMCALL_IO, port, size, is_write, value);
}

/* The same for 1, 2, 4 or 8 bytes at a guest-physical address, which has the shared bit. */
UCALL_INLINE uint64_t guest_td_mmio(uint64_t gpa, unsigned int size, int is_write, uint64_t *value)
{
	return ucall_td_access(UCALL_TDVMCALL_MMIO, gpa, size, is_write, value);
}

/*
 * ReportFatalError: tells the host why the guest cannot go on, with up to 64 bytes of text (no NUL
 * if all 64 are used).  The host's ucall_next() fails with them (ECANCELED); *uc is empty, and the
 * code is in ucall_vcpu_exit()->u.fatal.
 */
UCALL_HIDDEN void guest_td_fatal(uint32_t code, const char *text) __attribute__((noreturn, cold));

#endif /* __x86_64__ */

#ifdef __cplusplus
}
#endif

#endif /* UCALL_TDX_H */
