// SPDX-License-Identifier: MIT
/*
 * Where the next instruction is, for a KVM that cannot single-step (RISC-V unprivileged
 * specification, RV64I, A and C).
 */
#include "riscv64.h"

/* Instructions between LR and SC: the specification lets only a loop of 16 make progress. */
#define ATOMIC_MOST 16

static int64_t sign_extend(uint64_t value, unsigned int bits)
{
	return (int64_t)(value << (64 - bits)) >> (64 - bits);
}

/* `count` bits of the instruction from bit `from` on, at bit `to` of an immediate. */
static uint64_t bits(uint32_t insn, unsigned int from, unsigned int count, unsigned int to)
{
	return (uint64_t)(insn >> from & ((1u << count) - 1)) << to;
}

static bool is_compressed(uint32_t insn)
{
	return (insn & 3) != 3;
}

static int64_t jal_offset(uint32_t insn)
{
	return sign_extend(bits(insn, 31, 1, 20) | bits(insn, 12, 8, 12) | bits(insn, 20, 1, 11) |
				   bits(insn, 21, 10, 1),
			   21);
}

static int64_t branch_offset(uint32_t insn)
{
	return sign_extend(bits(insn, 31, 1, 12) | bits(insn, 7, 1, 11) | bits(insn, 25, 6, 5) |
				   bits(insn, 8, 4, 1),
			   13);
}

static int64_t c_jump_offset(uint32_t insn)
{
	return sign_extend(bits(insn, 12, 1, 11) | bits(insn, 11, 1, 4) | bits(insn, 9, 2, 8) |
				   bits(insn, 8, 1, 10) | bits(insn, 7, 1, 6) |
				   bits(insn, 6, 1, 7) | bits(insn, 3, 3, 1) | bits(insn, 2, 1, 5),
			   12);
}

static int64_t c_branch_offset(uint32_t insn)
{
	return sign_extend(bits(insn, 12, 1, 8) | bits(insn, 10, 2, 3) | bits(insn, 5, 2, 6) |
				   bits(insn, 3, 2, 1) | bits(insn, 2, 1, 5),
			   9);
}

/* Where a compressed instruction may go besides to the next one; returns 0 if nowhere else. */
static uint64_t c_target(uint32_t insn, uint64_t pc, const uint64_t *gpr, bool *always)
{
	const unsigned int quadrant = insn & 3, function = insn >> 13 & 7, rs1 = insn >> 7 & 31;

	*always = true;
	if (quadrant == 1 && function == 5)
		return pc + (uint64_t)c_jump_offset(insn);
	/* C.JR and C.JALR; with rs1 = 0 it is C.EBREAK. */
	if (quadrant == 2 && function == 4 && !(insn >> 2 & 31) && rs1)
		return gpr[rs1] & ~1ull;
	*always = false;
	if (quadrant == 1 && function >= 6)
		return pc + (uint64_t)c_branch_offset(insn);
	return 0;
}

#define OPCODE_BRANCH 0x63
#define OPCODE_JALR 0x67
#define OPCODE_JAL 0x6f
#define OPCODE_AMO 0x2f
#define INSN_SRET 0x10200073

static uint64_t target(uint32_t insn, uint64_t pc, const uint64_t *gpr, uint64_t sepc, bool *always)
{
	if (is_compressed(insn))
		return c_target(insn, pc, gpr, always);
	*always = true;
	if ((insn & 0x7f) == OPCODE_JAL)
		return pc + (uint64_t)jal_offset(insn);
	if ((insn & 0x7f) == OPCODE_JALR)
		return (gpr[insn >> 15 & 31] + (uint64_t)sign_extend(insn >> 20, 12)) & ~1ull;
	if (insn == INSN_SRET)
		return sepc;
	*always = false;
	if ((insn & 0x7f) == OPCODE_BRANCH)
		return pc + (uint64_t)branch_offset(insn);
	return 0;
}

static bool is_load_reserved(uint32_t insn)
{
	return (insn & 0x7f) == OPCODE_AMO && insn >> 27 == 2;
}

static bool is_store_conditional(uint32_t insn)
{
	return (insn & 0x7f) == OPCODE_AMO && insn >> 27 == 3;
}

static bool read_insn(const struct ucall_riscv64_code *code, uint64_t pc, uint32_t *insn)
{
	uint16_t half[2] = { 0, 0 };

	if (!code->read(code->data, pc, &half[0]) ||
	    ((half[0] & 3) == 3 && !code->read(code->data, pc + 2, &half[1])))
		return false;
	*insn = half[0] | (uint32_t)half[1] << 16;
	return true;
}

/*
 * A stop between LR and SC would make each SC fail, so the whole sequence is one step: its ends are
 * the instruction after the SC, and the targets of branches that leave it.
 */
static unsigned int atomic_ends(const struct ucall_riscv64_code *code, uint64_t pc,
				const uint64_t *gpr, uint64_t next[UCALL_RISCV64_NEXT])
{
	const uint64_t first = pc;
	unsigned int count = 0;
	uint32_t insn;

	for (int i = 0; i < ATOMIC_MOST && read_insn(code, pc, &insn); i++) {
		bool always;
		uint64_t to = target(insn, pc, gpr, 0, &always);

		pc += is_compressed(insn) ? 2 : 4;
		if (to && (always || count == UCALL_RISCV64_NEXT - 1))
			return 0;
		if (to && (to < first || to > pc))
			next[count++] = to;
		if (is_store_conditional(insn)) {
			next[count++] = pc;
			return count;
		}
	}
	return 0;
}

unsigned int ucall_riscv64_next_pcs(const struct ucall_riscv64_code *code, uint64_t pc,
				    const uint64_t *gpr, uint64_t sepc,
				    uint64_t next[UCALL_RISCV64_NEXT])
{
	unsigned int count = 0;
	bool always;
	uint32_t insn;
	uint64_t to;

	if (!read_insn(code, pc, &insn))
		return 0;
	if (is_load_reserved(insn))
		count = atomic_ends(code, pc, gpr, next);
	if (count)
		return count;
	to = target(insn, pc, gpr, sepc, &always);
	if (to)
		next[count++] = to;
	if (!to || !always)
		next[count++] = pc + (is_compressed(insn) ? 2 : 4);
	return count;
}
