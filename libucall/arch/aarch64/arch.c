// SPDX-License-Identifier: MIT
/* aarch64: names of exceptions and registers. */
#include <elf.h>

#include "base/text.h"
#include "arch/radix.h"
#include "aarch64.h"
#include "exceptions.h"

static const char *name_of(uint64_t ec)
{
	switch (ec) {
	case EC_UNKNOWN:
		return "undefined instruction";
	case EC_FP:
		return "access to the floating-point unit";
	case EC_SVC:
		return "supervisor call (SVC)";
	case EC_HVC:
		return "hypervisor call (HVC)";
	case EC_FETCH_LOWER:
	case EC_FETCH:
		return "instruction abort";
	case EC_PC_ALIGNMENT:
		return "misaligned PC";
	case EC_DATA_LOWER:
	case EC_DATA:
		return "data abort";
	case EC_SP_ALIGNMENT:
		return "misaligned SP";
	case EC_SERROR:
		return "SError";
	case EC_BRK:
		return "breakpoint (BRK)";
	default:
		return "exception";
	}
}

static bool is_fetch(const struct ucall_fault_info *fault)
{
	uint64_t ec = fault->frame.vector;

	return ec == EC_FETCH || ec == EC_FETCH_LOWER;
}

static void describe_fault(const struct ucall_fault_info *fault, bool mapped,
			   struct ucall_text *text)
{
	uint64_t ec = fault->frame.vector;
	bool data = ec == EC_DATA || ec == EC_DATA_LOWER;

	if (fault->frame.vector >= UCALL_AARCH64_IRQ) {
		ucall_text_add(text, "guest %s without a handler, at PC 0x%llx",
			       fault->frame.vector == UCALL_AARCH64_IRQ	  ? "interrupt (IRQ)"
			       : fault->frame.vector == UCALL_AARCH64_FIQ ? "interrupt (FIQ)"
									  : "system error (SError)",
			       (unsigned long long)fault->frame.pc);
		return;
	}
	if (fault->frame.unknown & UCALL_UNKNOWN_CODE)
		ucall_text_add(text, "guest exception, ESR unknown, at PC 0x%llx",
			       (unsigned long long)fault->frame.pc);
	else
		ucall_text_add(text, "guest exception %s, ESR 0x%llx, at PC 0x%llx", name_of(ec),
			       (unsigned long long)fault->frame.code,
			       (unsigned long long)fault->frame.pc);
	if (data || is_fetch(fault))
		ucall_describe_access(text, "FAR", fault->frame.address,
				      !data			      ? UCALL_ACCESS_FETCH
				      : fault->frame.code & ISS_WRITE ? UCALL_ACCESS_WRITE
								      : UCALL_ACCESS_READ,
				      STATUS_IS_PERMISSION(ISS_STATUS(fault->frame.code)));
}

static void describe_regs(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[31] = { "x0",  "x1",  "x2",  "x3",  "x4",  "x5",	 "x6",
					       "x7",  "x8",  "x9",  "x10", "x11", "x12", "x13",
					       "x14", "x15", "x16", "x17", "x18", "x19", "x20",
					       "x21", "x22", "x23", "x24", "x25", "x26", "x27",
					       "x28", "x29", "x30" };

	ucall_text_add(text, "  pc  %016llx  sp  %016llx  pstate %08llx\n",
		       (unsigned long long)fault->frame.pc, (unsigned long long)fault->frame.sp,
		       (unsigned long long)fault->frame.flags);
	ucall_describe_gprs(text, names, fault->frame.gpr, 31);
}

static bool is_vector_fault(const struct ucall_fault_info *fault)
{
	return fault->frame.vector == EC_FP;
}

/* DWARF for the Arm 64-bit architecture, 4.1: x0..x30, sp. */
static unsigned int dwarf_regs(const struct ucall_fault_info *fault, uint64_t *regs)
{
	for (unsigned int i = 0; i < 31; i++)
		regs[i] = fault->frame.gpr[i];
	regs[31] = fault->frame.sp;
	return 32;
}

/* struct user_pt_regs: x0..x30, sp, pc, pstate. */
static unsigned int core_regs(const struct ucall_frame *frame, uint64_t *regs)
{
	for (unsigned int i = 0; i < 31; i++)
		regs[i] = frame->gpr[i];
	regs[31] = frame->sp;
	regs[32] = frame->pc;
	regs[33] = frame->flags;
	return 34;
}

static const struct ucall_register registers[] = {
	{ "x0", UCALL_REGISTER_GPR, 0, 64, NULL, "aarch64.core" },
	UCALL_REGISTER("x1", GPR, 1, 64, NULL),
	UCALL_REGISTER("x2", GPR, 2, 64, NULL),
	UCALL_REGISTER("x3", GPR, 3, 64, NULL),
	UCALL_REGISTER("x4", GPR, 4, 64, NULL),
	UCALL_REGISTER("x5", GPR, 5, 64, NULL),
	UCALL_REGISTER("x6", GPR, 6, 64, NULL),
	UCALL_REGISTER("x7", GPR, 7, 64, NULL),
	UCALL_REGISTER("x8", GPR, 8, 64, NULL),
	UCALL_REGISTER("x9", GPR, 9, 64, NULL),
	UCALL_REGISTER("x10", GPR, 10, 64, NULL),
	UCALL_REGISTER("x11", GPR, 11, 64, NULL),
	UCALL_REGISTER("x12", GPR, 12, 64, NULL),
	UCALL_REGISTER("x13", GPR, 13, 64, NULL),
	UCALL_REGISTER("x14", GPR, 14, 64, NULL),
	UCALL_REGISTER("x15", GPR, 15, 64, NULL),
	UCALL_REGISTER("x16", GPR, 16, 64, NULL),
	UCALL_REGISTER("x17", GPR, 17, 64, NULL),
	UCALL_REGISTER("x18", GPR, 18, 64, NULL),
	UCALL_REGISTER("x19", GPR, 19, 64, NULL),
	UCALL_REGISTER("x20", GPR, 20, 64, NULL),
	UCALL_REGISTER("x21", GPR, 21, 64, NULL),
	UCALL_REGISTER("x22", GPR, 22, 64, NULL),
	UCALL_REGISTER("x23", GPR, 23, 64, NULL),
	UCALL_REGISTER("x24", GPR, 24, 64, NULL),
	UCALL_REGISTER("x25", GPR, 25, 64, NULL),
	UCALL_REGISTER("x26", GPR, 26, 64, NULL),
	UCALL_REGISTER("x27", GPR, 27, 64, NULL),
	UCALL_REGISTER("x28", GPR, 28, 64, NULL),
	UCALL_REGISTER("x29", GPR, 29, 64, NULL),
	UCALL_REGISTER("x30", GPR, 30, 64, NULL),
	UCALL_REGISTER("sp", SP, 0, 64, "data_ptr"),
	UCALL_REGISTER("pc", PC, 0, 64, "code_ptr"),
	UCALL_REGISTER("cpsr", FLAGS, 0, 32, NULL),
	{ .name = NULL },
};

const struct ucall_arch ucall_arch_aarch64 = {
	.name = "aarch64",
	.bit = UCALL_ARCH_AARCH64,
	.machine = EM_AARCH64,
	.vectors = UCALL_AARCH64_SERROR + 1,
	.result_register = 0,
	.link_register = 30,
	.root_size = UCALL_PAGE_SIZE,
	.new_root = ucall_radix_new_root,
	.map = ucall_aarch64_map,
	.share = ucall_aarch64_share,
	.walk = ucall_aarch64_walk,
	.next = ucall_aarch64_next,
	.core_regs = core_regs,
	.gdb_name = "aarch64",
	.registers = registers,
	.describe_fault = describe_fault,
	.describe_regs = describe_regs,
	.is_fetch = is_fetch,
	.is_vector_fault = is_vector_fault,
	.vector_unit = "SIMD or floating-point",
	.dwarf_regs = dwarf_regs,
};
