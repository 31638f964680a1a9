// SPDX-License-Identifier: MIT
/*
 * Checks that a backend's guest code refers to nothing outside its section.  A linear sweep decodes
 * the length of each instruction (AMD APM volume 3, chapter 1 and appendix A), and checks those
 * with an address relative to RIP: branches, calls, and memory operands.
 */
#include <string.h>

#include "x86_64.h"

/* What follows an opcode. */
enum {
	M = 0x01, /* ModRM */
	B = 0x02, /* 8-bit immediate */
	W = 0x04, /* 16-bit immediate */
	Z = 0x08, /* 32-bit immediate, 16-bit with an operand-size prefix */
	R8 = 0x10, /* 8-bit branch */
	R32 = 0x20, /* 32-bit branch */
	S = 0x40, /* special: see decode() */
	X = 0x80, /* not an instruction in 64-bit mode */
};

#define ARITHMETIC M, M, M, M, B, Z, X, X

/* clang-format off */
static const uint8_t one_byte[256] = {
	/* 00 */ ARITHMETIC, ARITHMETIC, ARITHMETIC, ARITHMETIC,
	/* 20 */ ARITHMETIC, ARITHMETIC, ARITHMETIC, ARITHMETIC,
	/* 40 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 50 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	/* 60 */ X, X, S, M, S, S, S, S, Z, M | Z, B, M | B, 0, 0, 0, 0,
	/* 70 */ R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8, R8,
	/* 80 */ M | B, M | Z, X, M | B, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 90 */ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, X, 0, 0, 0, 0, 0,
	/* a0 */ S, S, S, S, 0, 0, 0, 0, B, Z, 0, 0, 0, 0, 0, 0,
	/* b0 */ B, B, B, B, B, B, B, B, S, S, S, S, S, S, S, S,
	/* c0 */ M | B, M | B, W, 0, S, S, M | B, M | Z, W | B, 0, W, 0, 0, B, X, 0,
	/* d0 */ M, M, M, M, X, X, X, 0, M, M, M, M, M, M, M, M,
	/* e0 */ R8, R8, R8, R8, B, B, B, B, R32, R32, X, R8, 0, 0, 0, 0,
	/* f0 */ S, 0, S, S, 0, 0, S, S, 0, 0, 0, 0, 0, 0, M, M,
};

static const uint8_t two_byte[256] = {
	/* 00 */ M, M, M, M, X, 0, 0, 0, 0, 0, X, 0, X, M, 0, M | B,
	/* 10 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 20 */ M, M, M, M, X, X, X, X, M, M, M, M, M, M, M, M,
	/* 30 */ 0, 0, 0, 0, 0, 0, X, 0, S, X, S, X, X, X, X, X,
	/* 40 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 50 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 60 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* 70 */ M | B, M | B, M | B, M | B, M, M, M, 0, M, M, X, X, M, M, M, M,
	/* 80 */ R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32, R32,
	/* 90 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* a0 */ 0, 0, 0, M, M | B, M, X, X, 0, 0, 0, M, M | B, M, M, M,
	/* b0 */ M, M, M, M, M, M, M, M, M, M, M | B, M, M, M, M, M,
	/* c0 */ M, M, M | B, M, M | B, M | B, M | B, M, 0, 0, 0, 0, 0, 0, 0, 0,
	/* d0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* e0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
	/* f0 */ M, M, M, M, M, M, M, M, M, M, M, M, M, M, M, M,
};
/* clang-format on */

struct insn {
	size_t size;
	bool relative; /* has an address: displacement from the next instruction */
	int32_t displacement;
};

/* The bytes that are left; reading past them makes `short_` true and gives 0. */
struct cursor {
	const uint8_t *p, *end;
	bool short_;
};

static uint8_t next(struct cursor *c)
{
	if (c->p < c->end)
		return *c->p++;
	c->short_ = true;
	return 0;
}

static void skip(struct cursor *c, size_t n)
{
	if ((size_t)(c->end - c->p) >= n) {
		c->p += n;
	} else {
		c->p = c->end;
		c->short_ = true;
	}
}

static int32_t next32(struct cursor *c)
{
	uint32_t v = next(c);

	v |= (uint32_t)next(c) << 8;
	v |= (uint32_t)next(c) << 16;
	v |= (uint32_t)next(c) << 24;
	return (int32_t)v;
}

/* ModRM, SIB and displacement; returns the ModRM byte. */
static uint8_t modrm(struct cursor *c, struct insn *insn)
{
	uint8_t m = next(c), mod = m >> 6, rm = m & 7;

	if (mod == 3)
		return m;
	if (rm == 4) {
		uint8_t sib = next(c);

		if (mod == 0 && (sib & 7) == 5)
			skip(c, 4);
	}
	if (mod == 0 && rm == 5) {
		insn->relative = true;
		insn->displacement = next32(c);
	} else if (mod == 1) {
		skip(c, 1);
	} else if (mod == 2) {
		skip(c, 4);
	}
	return m;
}

/* VEX (c4, c5) and EVEX (62) prefixes name the opcode map; all but VZEROUPPER have a ModRM. */
static bool decode_vex(struct cursor *c, struct insn *insn, uint8_t prefix)
{
	unsigned int map = 1;
	uint8_t op;

	if (prefix == 0xc4) {
		map = next(c) & 0x1f;
		skip(c, 1);
	} else if (prefix == 0x62) {
		map = next(c) & 7;
		skip(c, 2);
	} else {
		skip(c, 1);
	}
	op = next(c);
	if (map < 1 || map > 3)
		return false;
	if (!(map == 1 && op == 0x77))
		modrm(c, insn);
	if (map == 3 || (map == 1 && (two_byte[op] & B)))
		skip(c, 1);
	return true;
}

static bool decode(const uint8_t *code, size_t left, struct insn *insn)
{
	struct cursor c = { code, code + (left < 15 ? left : 15), false };
	bool operand16 = false, address32 = false, wide = false;
	uint8_t op, what, m = 0;

	memset(insn, 0, sizeof(*insn));
	for (;;) {
		op = next(&c);
		if (op == 0x66)
			operand16 = true;
		else if (op == 0x67)
			address32 = true;
		else if (op != 0xf0 && op != 0xf2 && op != 0xf3 && op != 0x2e && op != 0x36 &&
			 op != 0x3e && op != 0x26 && op != 0x64 && op != 0x65)
			break;
		if (c.short_)
			return false;
	}
	if ((op & 0xf0) == 0x40) { /* REX */
		wide = op & 8;
		op = next(&c);
	}
	if (op == 0x0f) {
		op = next(&c);
		what = two_byte[op];
		if (what & S) { /* 0f 38, 0f 3a: a third opcode byte */
			next(&c);
			what = op == 0x3a ? M | B : M;
		}
	} else if (op == 0xc4 || op == 0xc5 || op == 0x62) {
		if (!decode_vex(&c, insn, op))
			return false;
		what = 0;
	} else {
		what = one_byte[op];
		if (what & S) {
			if (op >= 0xa0 && op <= 0xa3) { /* MOV with an absolute address */
				skip(&c, address32 ? 4 : 8);
				what = 0;
			} else if (op >= 0xb8 && op <= 0xbf) { /* MOV immediate */
				skip(&c, wide ? 8 : operand16 ? 2 : 4);
				what = 0;
			} else if (op == 0xf6 || op == 0xf7) { /* TEST has an immediate */
				m = modrm(&c, insn);
				what = (m & 0x38) > 0x08 ? 0 : op == 0xf6 ? B : Z;
			} else {
				return false; /* a prefix after REX */
			}
		}
	}
	if (what & X)
		return false;
	if (what & M)
		modrm(&c, insn);
	if (what & W)
		skip(&c, 2);
	if (what & Z)
		skip(&c, operand16 ? 2 : 4);
	if (what & B)
		skip(&c, 1);
	if (what & R8) {
		insn->relative = true;
		insn->displacement = (int8_t)next(&c);
	}
	if (what & R32) {
		insn->relative = true;
		insn->displacement = next32(&c);
	}
	insn->size = (size_t)(c.p - code);
	return !c.short_;
}

int ucall_x86_64_find_escape(const void *code, size_t size, uint64_t address,
			     struct ucall_escape *escape)
{
	struct insn insn;

	for (size_t at = 0; at < size; at += insn.size) {
		escape->at = address + at;
		if (!decode((const uint8_t *)code + at, size - at, &insn)) {
			escape->problem = "invalid x86_64 instruction";
			return 1;
		}
		escape->problem = NULL;
		escape->target = address + at + insn.size + (uint64_t)(int64_t)insn.displacement;
		if (insn.relative && escape->target - address >= size)
			return 1;
	}
	return 0;
}

/* JMP *displacement(%rip), which may follow ENDBR64 or a prefix. */
uint64_t ucall_x86_64_plt_slot(const void *code, size_t size, uint64_t address)
{
	const uint8_t *p = code;
	struct insn insn;

	for (size_t at = 0; at + 6 <= size && at <= 5; at++)
		if (p[at] == 0xff && p[at + 1] == 0x25 && decode(p + at, size - at, &insn))
			return address + at + insn.size + (uint64_t)(int64_t)insn.displacement;
	return 0;
}
