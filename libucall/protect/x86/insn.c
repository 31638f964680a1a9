// SPDX-License-Identifier: MIT
/*
 * Finds the instruction that made an exit, and the registers before it.
 *
 * KVM does not always tell it: after a write to an I/O port or to MMIO its emulator is already at
 * the next instruction.  So the bytes before that are searched backwards for an instruction that
 * ends there and would have made this exit (same direction, size, data, address).  The shortest one
 * is taken: the longer ones begin with prefixes that change nothing.
 */
#include <string.h>

#include "cpu.h"

#define DIRECTION_FLAG (1u << 10)

uint64_t *x86_reg(struct kvm_regs *r, unsigned int n)
{
	__u64 *const all[16] = { &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
				 &r->rsi, &r->rdi, &r->r8,  &r->r9,  &r->r10, &r->r11,
				 &r->r12, &r->r13, &r->r14, &r->r15 };

	return (uint64_t *)all[n];
}

static uint64_t low_bytes(uint64_t value, uint32_t size)
{
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* An instruction up to its opcode. */
struct head {
	bool repeats, operand16, other_address; /* F2 or F3; 66; 67 or a segment with a base */
	uint8_t rex;
	bool two_bytes;
	uint8_t opcode;
	size_t size;
};

static bool read_head(const uint8_t *p, size_t n, struct head *h)
{
	size_t i = 0;

	memset(h, 0, sizeof(*h));
	for (; i < n; i++) {
		if (p[i] == 0xf2 || p[i] == 0xf3)
			h->repeats = true;
		else if (p[i] == 0x66)
			h->operand16 = true;
		else if (p[i] == 0x67 || p[i] == 0x64 || p[i] == 0x65)
			h->other_address = true;
		else if (p[i] != 0x2e && p[i] != 0x36 && p[i] != 0x3e && p[i] != 0x26)
			break;
	}
	if (i < n && (p[i] & 0xf0) == 0x40)
		h->rex = p[i++];
	if (i < n && p[i] == 0x0f) {
		h->two_bytes = true;
		i++;
	}
	if (i >= n)
		return false;
	h->opcode = p[i++];
	h->size = i;
	return true;
}

/* For opcodes where a clear bit 0 means a one-byte operand. */
static uint32_t operand_size(const struct head *h)
{
	return !(h->opcode & 1) ? 1 : h->rex & 8 ? 8 : h->operand16 ? 2 : 4;
}

/* ---- string instructions ---- */

struct string_op {
	bool reads_rsi, writes_rdi;
};

static bool find_string(const struct head *h, bool is_io, struct string_op *op)
{
	if (h->two_bytes || h->other_address)
		return false;
	switch (h->opcode & 0xfe) {
	case 0x6c: /* INS */
		*op = (struct string_op){ false, true };
		return is_io;
	case 0x6e: /* OUTS */
		*op = (struct string_op){ true, false };
		return is_io;
	case 0xa4: /* MOVS */
		*op = (struct string_op){ true, true };
		return !is_io;
	case 0xaa: /* STOS */
		*op = (struct string_op){ false, true };
		return !is_io;
	default:
		return false;
	}
}

/* Undoes `count` steps. */
static void rewind_string(const struct head *h, struct string_op op, uint32_t size, uint32_t count,
			  struct kvm_regs *regs)
{
	uint64_t step = (uint64_t)size * count;

	if (regs->rflags & DIRECTION_FLAG)
		step = -step;
	if (op.reads_rsi)
		regs->rsi -= step;
	if (op.writes_rdi)
		regs->rdi -= step;
	if (h->repeats)
		regs->rcx += count;
}

/* ---- port I/O ---- */

static bool is_out(const struct head *h, const uint8_t *p, size_t n, const struct ucall_exit *exit,
		   const struct kvm_regs *regs)
{
	uint32_t size = h->opcode & 1 ? (h->operand16 ? 2 : 4) : 1;

	if (h->two_bytes || size != exit->u.io.size)
		return false;
	if ((h->opcode & 0xfe) == 0xe6)
		return n == h->size + 1 && p[h->size] == exit->u.io.port;
	return (h->opcode & 0xfe) == 0xee && n == h->size && (uint16_t)regs->rdx == exit->u.io.port;
}

static bool io_start(const struct x86_place *at, const struct ucall_exit *exit,
		     struct kvm_regs *regs)
{
	struct string_op op;
	struct head h;

	/* With REP, rip stays in place until the last step is done. */
	if (read_head(at->code, at->have, &h) && h.repeats && find_string(&h, true, &op)) {
		if (exit->u.io.is_write)
			rewind_string(&h, op, exit->u.io.size, exit->u.io.count, regs);
		return true;
	}
	for (size_t n = 1; n <= X86_BEFORE; n++) {
		const uint8_t *p = at->code - n;

		if (!read_head(p, n, &h))
			continue;
		if (is_out(&h, p, n, exit, regs)) {
			regs->rip -= n;
			return true;
		}
		if (h.size == n && !h.repeats && find_string(&h, true, &op) && op.reads_rsi &&
		    exit->u.io.size == (h.opcode & 1 ? (h.operand16 ? 2 : 4) : 1)) {
			regs->rip -= n;
			rewind_string(&h, op, exit->u.io.size, 1, regs);
			return true;
		}
	}
	return false;
}

/* ---- stores to MMIO ---- */

/* The address of the ModRM operand at p; false: a register, or cut short.  *used: its size. */
static bool memory_operand(const struct head *h, const uint8_t *p, size_t n, size_t immediate,
			   struct kvm_regs *regs, uint64_t *gva, size_t *used)
{
	unsigned int mod, rm, base;
	size_t i = 1, displacement;
	bool has_base = true;
	uint64_t address = 0;

	if (!n || p[0] >> 6 == 3)
		return false;
	mod = p[0] >> 6;
	rm = base = p[0] & 7;
	displacement = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	if (rm == 4) {
		unsigned int index;

		if (n < 2)
			return false;
		base = p[1] & 7;
		index = (p[1] >> 3 & 7) | (h->rex & 2) << 2;
		if (index != 4)
			address += *x86_reg(regs, index) << (p[1] >> 6);
		i = 2;
	}
	if (mod == 0 && base == 5) {
		displacement = 4;
		has_base = false;
	}
	if (n < i + displacement)
		return false;
	if (has_base)
		address += *x86_reg(regs, base | (h->rex & 1) << 3);
	else if (rm == 5) /* relative to the next instruction, which is where rip is now */
		address += regs->rip;
	if (displacement == 1)
		address += (uint64_t)(int64_t)(int8_t)p[i];
	if (displacement == 4)
		address += (uint64_t)(int64_t)(int32_t)((uint32_t)p[i] | (uint32_t)p[i + 1] << 8 |
							(uint32_t)p[i + 2] << 16 |
							(uint32_t)p[i + 3] << 24);
	*gva = address;
	*used = i + displacement;
	return *used + immediate == n;
}

/* True if [p, p + n) is a MOV to memory: *gva and *data are what it stores. */
static bool is_mov(const struct head *h, const uint8_t *p, size_t n, struct kvm_regs *regs,
		   uint64_t *gva, uint64_t *data)
{
	uint32_t size = operand_size(h);
	size_t left = n - h->size, used, immediate = 0;
	unsigned int from;

	p += h->size;
	if (h->two_bytes ? h->opcode != 0xc3 /* MOVNTI */
			 : (h->opcode & 0xfe) != 0x88 && (h->opcode & 0xfe) != 0xc6)
		return false;
	if (!h->two_bytes && (h->opcode & 0xfe) == 0xc6)
		immediate = size == 8 ? 4 : size;
	if (!memory_operand(h, p, left, immediate, regs, gva, &used))
		return false;
	if (immediate) {
		uint32_t value = 0;

		for (size_t i = 0; i < immediate; i++)
			value |= (uint32_t)p[used + i] << 8 * i;
		*data = size == 8 ? (uint64_t)(int64_t)(int32_t)value : value;
		return (p[0] >> 3 & 7) == 0;
	}
	from = (p[0] >> 3 & 7) | (h->rex & 4) << 1;
	*data = *x86_reg(regs, from);
	if (size == 1 && !h->rex && from >= 4) /* AH CH DH BH */
		*data = *x86_reg(regs, from - 4) >> 8;
	return true;
}

/*
 * KVM shows a store that crosses a page as two.  If this may be a part of one, so that the instruction
 * is longer by a REX prefix than what was found, it is not recognised.
 */
static bool may_be_part(const struct ucall_exit *exit, const uint8_t *before)
{
	const uint64_t offset = exit->u.mmio.gpa & (UCALL_PAGE_SIZE - 1);

	return (!offset || offset + exit->u.mmio.size == UCALL_PAGE_SIZE) &&
	       (*before & 0xf8) == 0x48; /* REX.W */
}

static bool mmio_start(const struct x86_place *at, const struct ucall_exit *exit,
		       struct kvm_regs *regs)
{
	uint32_t size = exit->u.mmio.size;
	struct string_op op;
	struct head h;

	if (read_head(at->code, at->have, &h) && h.repeats && find_string(&h, false, &op)) {
		rewind_string(&h, op, size, 1, regs);
		return at->is_target(at->data, regs->rdi);
	}
	for (size_t n = 1; n <= X86_BEFORE; n++) {
		const uint8_t *p = at->code - n;
		uint64_t gva, data;

		if (!read_head(p, n, &h) || h.other_address || operand_size(&h) != size)
			continue;
		if (is_mov(&h, p, n, regs, &gva, &data) && at->is_target(at->data, gva) &&
		    low_bytes(data, size) == low_bytes(exit->u.mmio.data, size)) {
			if (n < X86_BEFORE && may_be_part(exit, p - 1))
				return false;
			regs->rip -= n;
			return true;
		}
		if (h.size == n && !h.repeats && find_string(&h, false, &op)) {
			struct kvm_regs before = *regs;

			rewind_string(&h, op, size, 1, &before);
			if (at->is_target(at->data, before.rdi)) {
				*regs = before;
				regs->rip -= n;
				return true;
			}
		}
	}
	return false;
}

bool x86_find_start(const struct x86_place *at, const struct ucall_exit *exit,
		    struct kvm_regs *regs)
{
	*regs = *at->regs;
	if (at->moves)
		return true;
	if (exit->reason == UCALL_EXIT_IO)
		return io_start(at, exit, regs);
	if (exit->reason != UCALL_EXIT_MMIO)
		return false;
	/* A load has not begun; rip did not move because of REP. */
	return !exit->u.mmio.is_write || mmio_start(at, exit, regs);
}
