// SPDX-License-Identifier: MIT
/* x86_64: names of exceptions and registers. */
#include <elf.h>
#include <string.h>

#include <ucall/sev.h>

#include "machine/memory.h"
#include "base/text.h"
#include "arch/radix.h"
#include "exceptions.h"
#include "x86_64.h"

/* APM volume 2, appendix C: the exit that SEV-ES leaves to the guest. */
static void describe_vc(uint64_t code, struct ucall_text *text)
{
	const char *what = code == UCALL_SVM_EXIT_CPUID	    ? "CPUID"
			   : code == UCALL_SVM_EXIT_HLT	    ? "HLT"
			   : code == UCALL_SVM_EXIT_IOIO    ? "port I/O"
			   : code == UCALL_SVM_EXIT_MSR	    ? "RDMSR or WRMSR"
			   : code == UCALL_SVM_EXIT_VMMCALL ? "VMMCALL"
			   : code == UCALL_SVM_EXIT_NPF ? "access where there is no memory (MMIO)"
							: "an instruction that exits";

	ucall_text_add(
		text,
		" (%s): with SEV-ES and SEV-SNP the guest must ask the host for it through "
		"the GHCB, as its registers are encrypted; the core's handler (guest_vc) does so for "
		"port I/O but its string forms, CPUID and MSRs",
		what);
}

/*
 * KVM writes the CPU's own hypercall instruction over the other vendor's (KVM API document,
 * KVM_X86_QUIRK_FIX_HYPERCALL_INSN), with the guest's rights.
 */
static bool is_patched_hypercall(const struct ucall_fault_info *fault)
{
	static const uint8_t vmcall[] = { 0x0f, 0x01, 0xc1 }, vmmcall[] = { 0x0f, 0x01, 0xd9 };

	return (fault->frame.code & PF_WRITE) && fault->frame.address == fault->frame.pc &&
	       fault->byte_count >= 3 &&
	       (!memcmp(fault->bytes, vmcall, 3) || !memcmp(fault->bytes, vmmcall, 3));
}

static void describe_fault(const struct ucall_fault_info *fault, bool mapped,
			   struct ucall_text *text)
{
	static const char *const names[32] = {
		"#DE divide error",
		"#DB debug",
		"NMI",
		"#BP breakpoint",
		"#OF overflow",
		"#BR bound range",
		"#UD invalid opcode",
		"#NM no floating-point unit",
		"#DF double fault",
		NULL,
		"#TS invalid TSS",
		"#NP segment not present",
		"#SS stack segment",
		"#GP general protection",
		"#PF page fault",
		NULL,
		"#MF x87 floating point",
		"#AC alignment check",
		"#MC machine check",
		"#XF SIMD floating point",
		"#VE virtualization",
		"#CP control protection",
		NULL,
		NULL,
		NULL,
		NULL,
		NULL,
		NULL,
		"#HV hypervisor injection",
		"#VC VMM communication",
		"#SX security",
		NULL,
	};
	const char *name = fault->frame.vector < 32 ? names[fault->frame.vector] : NULL;

	ucall_text_add(text, "guest exception %s (vector %llu)",
		       name			  ? name
		       : fault->frame.vector < 32 ? "reserved"
						  : "interrupt",
		       (unsigned long long)fault->frame.vector);
	if (fault->frame.unknown & UCALL_UNKNOWN_CODE)
		ucall_text_add(text, ", error code unknown");
	else
		ucall_text_add(text, ", error code 0x%llx", (unsigned long long)fault->frame.code);
	ucall_text_add(text, ", at RIP 0x%llx", (unsigned long long)fault->frame.pc);
	if (fault->frame.vector == VECTOR_PF) {
		ucall_describe_access(text, "CR2", fault->frame.address,
				      fault->frame.code & PF_FETCH   ? UCALL_ACCESS_FETCH
				      : fault->frame.code & PF_WRITE ? UCALL_ACCESS_WRITE
								     : UCALL_ACCESS_READ,
				      (fault->frame.code & PF_PRESENT) &&
					      !(fault->frame.code & PF_RESERVED));
		if (fault->frame.code & PF_RESERVED)
			ucall_text_add(text, " (its page table entry is wrong)");
		if (fault->frame.code & PF_USER)
			ucall_text_add(text, ", from ring 3");
		if (is_patched_hypercall(fault))
			ucall_text_add(text, "; KVM tried to write this CPU's hypercall "
					     "instruction over this one, and "
					     "the code is read-only: use the CPU's own (Intel "
					     "VMCALL, AMD VMMCALL), or "
					     "disable KVM_X86_QUIRK_FIX_HYPERCALL_INSN");
	} else if (fault->frame.vector == VECTOR_VC) {
		describe_vc(fault->frame.code, text);
	} else if (fault->frame.vector == VECTOR_VE) {
		ucall_text_add(
			text,
			": with TDX such an instruction does not exit, but the guest must ask the "
			"host by TDG.VP.VMCALL; the core's handler (guest_vc) does so for port I/O "
			"but its string forms, MMIO by MOV, CPUID, MSRs and HLT");
	} else if (fault->frame.code && fault->frame.vector >= VECTOR_TS &&
		   fault->frame.vector <= VECTOR_GP) {
		ucall_text_add(text, ": selector 0x%llx",
			       (unsigned long long)(fault->frame.code & 0xfffc));
	}
}

static void describe_regs(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					       "rsi", "rdi", "r8",  "r9",  "r10", "r11",
					       "r12", "r13", "r14", "r15" };

	ucall_text_add(text, "  rip %016llx  rflags %08llx\n", (unsigned long long)fault->frame.pc,
		       (unsigned long long)fault->frame.flags);
	ucall_describe_gprs(text, names, fault->frame.gpr, 16);
}

static bool is_fetch(const struct ucall_fault_info *fault)
{
	return fault->frame.vector == VECTOR_PF && (fault->frame.code & PF_FETCH);
}

/* SSE, AVX and AVX-512 (AMD APM volume 3, appendix A), by prefixes and opcode map. */
static bool is_vector_insn(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size && (code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3))
		i++;
	if (i < size && (code[i] & 0xf0) == 0x40)
		i++;
	if (i + 1 >= size)
		return false;
	if (code[i] == 0xc4 || code[i] == 0xc5 || code[i] == 0x62)
		return true;
	if (code[i] != 0x0f)
		return false;
	i++;
	return (code[i] >= 0x10 && code[i] <= 0x17) || (code[i] >= 0x28 && code[i] <= 0x2f) ||
	       (code[i] >= 0x50 && code[i] <= 0x7f) || code[i] == 0xc2 ||
	       (code[i] >= 0xc4 && code[i] <= 0xc6) || (code[i] >= 0xd0 && code[i] <= 0xfe);
}

static bool is_vector_fault(const struct ucall_fault_info *fault)
{
	return (fault->frame.vector == VECTOR_UD || fault->frame.vector == VECTOR_NM) &&
	       is_vector_insn(fault->bytes, fault->byte_count);
}

/* System V ABI, x86_64, figure 3.36: rax rdx rcx rbx rsi rdi rbp rsp r8..r15, return address. */
static unsigned int dwarf_regs(const struct ucall_fault_info *fault, uint64_t *regs)
{
	static const uint8_t order[8] = { 0, 2, 1, 3, 6, 7, 5, 4 };

	for (unsigned int i = 0; i < 16; i++)
		regs[i] = fault->frame.gpr[i < 8 ? order[i] : i];
	regs[7] = fault->frame.sp;
	regs[16] = fault->frame.pc;
	return 17;
}

/*
 * struct user_regs_struct: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs rflags
 * rsp ss, and the bases and selectors of others, which a frame does not have.
 */
static unsigned int core_regs(const struct ucall_frame *frame, uint64_t *regs)
{
	static const uint8_t order[15] = { 15, 14, 13, 12, 5, 3, 11, 10, 9, 8, 0, 1, 2, 6, 7 };
	const uint64_t rest[] = { UINT64_MAX,	frame->pc, frame->extra[0],
				  frame->flags, frame->sp, frame->extra[1] };

	memset(regs, 0, 27 * sizeof(*regs));
	for (unsigned int i = 0; i < 15; i++)
		regs[i] = frame->gpr[order[i]];
	memcpy(regs + 15, rest, sizeof(rest));
	return 27;
}

static const struct ucall_register registers[] = {
	{ "rax", UCALL_REGISTER_GPR, 0, 64, "int64", "i386.core" },
	UCALL_REGISTER("rbx", GPR, 3, 64, "int64"),
	UCALL_REGISTER("rcx", GPR, 1, 64, "int64"),
	UCALL_REGISTER("rdx", GPR, 2, 64, "int64"),
	UCALL_REGISTER("rsi", GPR, 6, 64, "int64"),
	UCALL_REGISTER("rdi", GPR, 7, 64, "int64"),
	UCALL_REGISTER("rbp", GPR, 5, 64, "data_ptr"),
	UCALL_REGISTER("rsp", SP, 0, 64, "data_ptr"),
	UCALL_REGISTER("r8", GPR, 8, 64, "int64"),
	UCALL_REGISTER("r9", GPR, 9, 64, "int64"),
	UCALL_REGISTER("r10", GPR, 10, 64, "int64"),
	UCALL_REGISTER("r11", GPR, 11, 64, "int64"),
	UCALL_REGISTER("r12", GPR, 12, 64, "int64"),
	UCALL_REGISTER("r13", GPR, 13, 64, "int64"),
	UCALL_REGISTER("r14", GPR, 14, 64, "int64"),
	UCALL_REGISTER("r15", GPR, 15, 64, "int64"),
	UCALL_REGISTER("rip", PC, 0, 64, "code_ptr"),
	UCALL_REGISTER("eflags", FLAGS, 0, 32, NULL),
	UCALL_REGISTER("cs", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("ss", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("ds", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("es", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fs", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("gs", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("st0", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st1", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st2", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st3", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st4", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st5", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st6", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("st7", UNKNOWN, 0, 80, "i387_ext"),
	UCALL_REGISTER("fctrl", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fstat", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("ftag", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fiseg", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fioff", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("foseg", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fooff", UNKNOWN, 0, 32, NULL),
	UCALL_REGISTER("fop", UNKNOWN, 0, 32, NULL),
	{ "orig_rax", UCALL_REGISTER_UNKNOWN, 0, 64, NULL, "i386.linux" },
	{ .name = NULL },
};

const struct ucall_arch ucall_arch_x86_64 = {
	.name = "x86_64",
	.bit = UCALL_ARCH_X86_64,
	.machine = EM_X86_64,
	.vectors = 256,
	.result_register = 0,
	.root_size = UCALL_PAGE_SIZE,
	.new_root = ucall_radix_new_root,
	.map = ucall_x86_64_map,
	.share = ucall_x86_64_share,
	.walk = ucall_x86_64_walk,
	.next = ucall_x86_64_next,
	.core_regs = core_regs,
	.gdb_name = "i386:x86-64",
	.registers = registers,
	.describe_fault = describe_fault,
	.describe_regs = describe_regs,
	.is_fetch = is_fetch,
	.is_vector_fault = is_vector_fault,
	.is_vector_insn = is_vector_insn,
	.vector_unit = "SSE or AVX",
	.dwarf_regs = dwarf_regs,
	.find_escape = ucall_x86_64_find_escape,
	.plt_slot = ucall_x86_64_plt_slot,
};
