// SPDX-License-Identifier: MIT
/* s390x: names of exceptions and registers. */
#include <elf.h>
#include <string.h>

#include "base/text.h"
#include "s390x.h"

/* Principles of Operation, figure 6-1. */
static const char *name_of(uint64_t code)
{
	switch (code) {
	case S390X_PGM_OPERATION:
		return "operation";
	case 0x02:
		return "privileged operation";
	case 0x03:
		return "execute";
	case S390X_PGM_PROTECTION:
		return "protection";
	case S390X_PGM_ADDRESSING:
		return "addressing";
	case 0x06:
		return "specification";
	case 0x07:
		return "data";
	case 0x08:
		return "fixed-point overflow";
	case 0x09:
		return "fixed-point divide";
	case S390X_PGM_SEGMENT:
		return "segment translation";
	case S390X_PGM_PAGE:
		return "page translation";
	case 0x12:
		return "translation specification";
	case 0x1b:
		return "vector processing";
	case S390X_PGM_ASCE_TYPE:
		return "ASCE type";
	case 0x39:
	case 0x3a:
	case S390X_PGM_REGION_THIRD:
		return "region translation";
	default:
		return "exception";
	}
}

static bool is_translation(uint64_t code)
{
	return code == S390X_PGM_SEGMENT || code == S390X_PGM_PAGE ||
	       (code >= S390X_PGM_ASCE_TYPE && code <= S390X_PGM_REGION_THIRD);
}

/* True if it is due to an access, to fault->frame.address. */
static bool is_access(uint64_t code)
{
	return is_translation(code) || code == S390X_PGM_ADDRESSING || code == S390X_PGM_PROTECTION;
}

/* The translation-exception identification does not mark fetches (but see the access bits). */
static bool is_fetch(const struct ucall_fault_info *fault)
{
	return is_access(fault->frame.vector) && fault->frame.address == fault->frame.pc;
}

static void describe_fault(const struct ucall_fault_info *fault, bool mapped,
			   struct ucall_text *text)
{
	if (fault->frame.unknown & UCALL_UNKNOWN_VECTOR)
		ucall_text_add(text,
			       "guest exception, program interruption code unknown, at PSW "
			       "address 0x%llx",
			       (unsigned long long)fault->frame.pc);
	else if (fault->frame.vector > UCALL_S390X_SVC)
		ucall_text_add(text,
			       "guest interruption %s without a handler, at PSW address 0x%llx",
			       fault->frame.vector == UCALL_S390X_EXTERNAL	  ? "external"
			       : fault->frame.vector == UCALL_S390X_IO		  ? "I/O"
			       : fault->frame.vector == UCALL_S390X_MACHINE_CHECK ? "machine check"
										  : "restart",
			       (unsigned long long)fault->frame.pc);
	else if (fault->frame.vector == UCALL_S390X_SVC)
		ucall_text_add(
			text, "guest exception supervisor call (SVC %llu), at PSW address 0x%llx",
			(unsigned long long)fault->frame.code, (unsigned long long)fault->frame.pc);
	else
		ucall_text_add(
			text,
			"guest exception %s (program interruption code 0x%llx), at PSW address "
			"0x%llx",
			name_of(fault->frame.vector), (unsigned long long)fault->frame.vector,
			(unsigned long long)fault->frame.pc);
	if (is_access(fault->frame.vector) && !(fault->frame.unknown & UCALL_UNKNOWN_ADDRESS))
		ucall_describe_access(text, "address", fault->frame.address,
				      is_fetch(fault)	  ? UCALL_ACCESS_FETCH
				      : fault->frame.code ? UCALL_ACCESS_WRITE
							  : UCALL_ACCESS_READ,
				      fault->frame.vector == S390X_PGM_PROTECTION);
}

static void describe_regs(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[16] = {
		"r0", "r1", "r2",  "r3",  "r4",	 "r5",	"r6",  "r7",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"
	};

	ucall_text_add(text, "  psw %016llx  %016llx\n", (unsigned long long)fault->frame.flags,
		       (unsigned long long)fault->frame.pc);
	ucall_describe_gprs(text, names, fault->frame.gpr, 16);
}

static bool is_vector_fault(const struct ucall_fault_info *fault)
{
	return false; /* guests have the floating-point unit */
}

/* ELF ABI supplement s390x, DWARF register mapping: r0..r15. */
static unsigned int dwarf_regs(const struct ucall_fault_info *fault, uint64_t *regs)
{
	for (unsigned int i = 0; i < 16; i++)
		regs[i] = fault->frame.gpr[i];
	return 16;
}

static unsigned int fallback_vector(uint64_t vector)
{
	return vector < UCALL_S390X_PROGRAM ? UCALL_S390X_PROGRAM : (unsigned int)vector;
}

/* s390_regs: the PSW's mask and address, r0..r15, access registers (two in a word), orig_gpr2. */
static unsigned int core_regs(const struct ucall_frame *frame, uint64_t *regs)
{
	memset(regs, 0, 27 * sizeof(*regs));
	regs[0] = frame->flags;
	regs[1] = frame->pc;
	for (unsigned int i = 0; i < 16; i++)
		regs[2 + i] = frame->gpr[i];
	regs[2 + 15] = frame->sp;
	return 27;
}

static const struct ucall_register registers[] = {
	{ "pswm", UCALL_REGISTER_FLAGS, 0, 64, "uint64", "s390.core" },
	UCALL_REGISTER("pswa", PC, 0, 64, "code_ptr"),
	UCALL_REGISTER("r0", GPR, 0, 64, "uint64"),
	UCALL_REGISTER("r1", GPR, 1, 64, "uint64"),
	UCALL_REGISTER("r2", GPR, 2, 64, "uint64"),
	UCALL_REGISTER("r3", GPR, 3, 64, "uint64"),
	UCALL_REGISTER("r4", GPR, 4, 64, "uint64"),
	UCALL_REGISTER("r5", GPR, 5, 64, "uint64"),
	UCALL_REGISTER("r6", GPR, 6, 64, "uint64"),
	UCALL_REGISTER("r7", GPR, 7, 64, "uint64"),
	UCALL_REGISTER("r8", GPR, 8, 64, "uint64"),
	UCALL_REGISTER("r9", GPR, 9, 64, "uint64"),
	UCALL_REGISTER("r10", GPR, 10, 64, "uint64"),
	UCALL_REGISTER("r11", GPR, 11, 64, "uint64"),
	UCALL_REGISTER("r12", GPR, 12, 64, "uint64"),
	UCALL_REGISTER("r13", GPR, 13, 64, "uint64"),
	UCALL_REGISTER("r14", GPR, 14, 64, "uint64"),
	UCALL_REGISTER("r15", SP, 0, 64, "uint64"),
	{ "acr0", UCALL_REGISTER_UNKNOWN, 0, 32, "uint32", "s390.acr" },
	UCALL_REGISTER("acr1", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr2", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr3", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr4", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr5", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr6", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr7", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr8", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr9", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr10", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr11", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr12", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr13", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr14", UNKNOWN, 0, 32, "uint32"),
	UCALL_REGISTER("acr15", UNKNOWN, 0, 32, "uint32"),
	{ "fpc", UCALL_REGISTER_UNKNOWN, 0, 32, "uint32", "s390.fpr" },
	UCALL_REGISTER("f0", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f1", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f2", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f3", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f4", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f5", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f6", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f7", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f8", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f9", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f10", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f11", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f12", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f13", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f14", UNKNOWN, 0, 64, "ieee_double"),
	UCALL_REGISTER("f15", UNKNOWN, 0, 64, "ieee_double"),
	{ .name = NULL },
};

const struct ucall_arch ucall_arch_s390x = {
	.name = "s390x",
	.bit = UCALL_ARCH_S390X,
	.machine = EM_S390,
	.vectors = UCALL_S390X_RESTART + 1,
	.handler_class = fallback_vector,
	.result_register = 2,
	.big_endian = true,
	.link_register = 14,
	.root_size = 4 * UCALL_PAGE_SIZE,
	.new_root = ucall_s390x_new_root,
	.map = ucall_s390x_map,
	.share = ucall_s390x_share,
	.walk = ucall_s390x_walk,
	.next = ucall_s390x_next,
	.core_regs = core_regs,
	.gdb_name = "s390:64-bit",
	.registers = registers,
	.describe_fault = describe_fault,
	.describe_regs = describe_regs,
	.is_fetch = is_fetch,
	.is_vector_fault = is_vector_fault,
	.dwarf_regs = dwarf_regs,
};
