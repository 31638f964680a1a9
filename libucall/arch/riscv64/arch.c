// SPDX-License-Identifier: MIT
/* riscv64: names of exceptions and registers. */
#include <elf.h>

#include "base/text.h"
#include "arch/radix.h"
#include "exceptions.h"
#include "riscv64.h"

static const char *name_of(uint64_t cause)
{
	static const char *const names[16] = {
		"misaligned instruction",
		"instruction access fault",
		"illegal instruction",
		"breakpoint",
		"misaligned load",
		"load access fault",
		"misaligned store",
		"store access fault",
		"environment call from U-mode",
		"environment call",
		"exception",
		"environment call from M-mode",
		"instruction page fault",
		"load page fault",
		"exception",
		"store page fault",
	};

	return cause < 16			  ? names[cause]
	       : cause >= UCALL_RISCV64_INTERRUPT ? "interrupt"
						  : "exception";
}

static bool is_fetch(const struct ucall_fault_info *fault)
{
	return fault->frame.vector == CAUSE_FETCH_PAGE || fault->frame.vector == CAUSE_FETCH_ACCESS;
}

static void describe_fault(const struct ucall_fault_info *fault, bool mapped,
			   struct ucall_text *text)
{
	uint64_t v = fault->frame.vector;

	if (fault->frame.unknown & UCALL_UNKNOWN_VECTOR)
		ucall_text_add(text, "guest exception, cause unknown, at PC 0x%llx",
			       (unsigned long long)fault->frame.pc);
	else
		ucall_text_add(text, "guest exception %s (scause %llu), at PC 0x%llx", name_of(v),
			       (unsigned long long)(v % UCALL_RISCV64_INTERRUPT),
			       (unsigned long long)fault->frame.pc);
	if (is_fetch(fault) || v == CAUSE_LOAD_PAGE || v == CAUSE_STORE_PAGE ||
	    v == CAUSE_LOAD_ACCESS || v == CAUSE_STORE_ACCESS)
		ucall_describe_access(text, "stval", fault->frame.address,
				      is_fetch(fault) ? UCALL_ACCESS_FETCH
				      : v == CAUSE_STORE_PAGE || v == CAUSE_STORE_ACCESS
					      ? UCALL_ACCESS_WRITE
					      : UCALL_ACCESS_READ,
				      mapped);
}

static void describe_regs(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[32] = { "zero", "ra", "sp",  "gp",  "tp", "t0", "t1", "t2",
					       "s0",   "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
					       "a6",   "a7", "s2",  "s3",  "s4", "s5", "s6", "s7",
					       "s8",   "s9", "s10", "s11", "t3", "t4", "t5", "t6" };

	ucall_text_add(text, "  pc  %016llx  sstatus %016llx\n",
		       (unsigned long long)fault->frame.pc, (unsigned long long)fault->frame.flags);
	ucall_describe_gprs(text, names, fault->frame.gpr, 32);
}

/* Unprivileged specification, chapter 34: loads, stores and operations of F and D, and vectors. */
static bool is_vector_insn(const uint8_t *code, size_t size)
{
	unsigned int opcode = size ? code[0] & 0x7f : 0;

	return opcode == 0x07 || opcode == 0x27 || opcode == 0x43 || opcode == 0x47 ||
	       opcode == 0x4b || opcode == 0x4f || opcode == 0x53 || opcode == 0x57;
}

static bool is_vector_fault(const struct ucall_fault_info *fault)
{
	return fault->frame.vector == CAUSE_ILLEGAL &&
	       is_vector_insn(fault->bytes, fault->byte_count);
}

/* DWARF for RISC-V: x0..x31. */
static unsigned int dwarf_regs(const struct ucall_fault_info *fault, uint64_t *regs)
{
	for (unsigned int i = 0; i < 32; i++)
		regs[i] = fault->frame.gpr[i];
	return 32;
}

/* struct user_regs_struct: pc, x1..x31. */
static unsigned int core_regs(const struct ucall_frame *frame, uint64_t *regs)
{
	regs[0] = frame->pc;
	for (unsigned int i = 1; i < 32; i++)
		regs[i] = frame->gpr[i];
	regs[2] = frame->sp;
	return 32;
}

static const struct ucall_register registers[] = {
	{ "zero", UCALL_REGISTER_GPR, 0, 64, NULL, "riscv.cpu" },
	UCALL_REGISTER("ra", GPR, 1, 64, "code_ptr"),
	UCALL_REGISTER("sp", SP, 0, 64, "data_ptr"),
	UCALL_REGISTER("gp", GPR, 3, 64, "data_ptr"),
	UCALL_REGISTER("tp", GPR, 4, 64, "data_ptr"),
	UCALL_REGISTER("t0", GPR, 5, 64, NULL),
	UCALL_REGISTER("t1", GPR, 6, 64, NULL),
	UCALL_REGISTER("t2", GPR, 7, 64, NULL),
	UCALL_REGISTER("fp", GPR, 8, 64, "data_ptr"),
	UCALL_REGISTER("s1", GPR, 9, 64, NULL),
	UCALL_REGISTER("a0", GPR, 10, 64, NULL),
	UCALL_REGISTER("a1", GPR, 11, 64, NULL),
	UCALL_REGISTER("a2", GPR, 12, 64, NULL),
	UCALL_REGISTER("a3", GPR, 13, 64, NULL),
	UCALL_REGISTER("a4", GPR, 14, 64, NULL),
	UCALL_REGISTER("a5", GPR, 15, 64, NULL),
	UCALL_REGISTER("a6", GPR, 16, 64, NULL),
	UCALL_REGISTER("a7", GPR, 17, 64, NULL),
	UCALL_REGISTER("s2", GPR, 18, 64, NULL),
	UCALL_REGISTER("s3", GPR, 19, 64, NULL),
	UCALL_REGISTER("s4", GPR, 20, 64, NULL),
	UCALL_REGISTER("s5", GPR, 21, 64, NULL),
	UCALL_REGISTER("s6", GPR, 22, 64, NULL),
	UCALL_REGISTER("s7", GPR, 23, 64, NULL),
	UCALL_REGISTER("s8", GPR, 24, 64, NULL),
	UCALL_REGISTER("s9", GPR, 25, 64, NULL),
	UCALL_REGISTER("s10", GPR, 26, 64, NULL),
	UCALL_REGISTER("s11", GPR, 27, 64, NULL),
	UCALL_REGISTER("t3", GPR, 28, 64, NULL),
	UCALL_REGISTER("t4", GPR, 29, 64, NULL),
	UCALL_REGISTER("t5", GPR, 30, 64, NULL),
	UCALL_REGISTER("t6", GPR, 31, 64, NULL),
	UCALL_REGISTER("pc", PC, 0, 64, "code_ptr"),
	{ .name = NULL },
};

const struct ucall_arch ucall_arch_riscv64 = {
	.name = "riscv64",
	.bit = UCALL_ARCH_RISCV64,
	.machine = EM_RISCV,
	.vectors = UCALL_RISCV64_INTERRUPT + 64,
	.result_register = 10,
	.link_register = 1,
	.root_size = UCALL_PAGE_SIZE,
	.new_root = ucall_radix_new_root,
	.map = ucall_riscv64_map,
	.share = ucall_riscv64_share,
	.walk = ucall_riscv64_walk,
	.next = ucall_riscv64_next,
	.core_regs = core_regs,
	.gdb_name = "riscv:rv64",
	.registers = registers,
	.describe_fault = describe_fault,
	.describe_regs = describe_regs,
	.is_fetch = is_fetch,
	.is_vector_fault = is_vector_fault,
	.is_vector_insn = is_vector_insn,
	.vector_unit = "floating-point or vector",
	.dwarf_regs = dwarf_regs,
};
