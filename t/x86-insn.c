// SPDX-License-Identifier: MIT
/* Which instruction caused an exit is found from the bytes before RIP; registers are restored. */
#include <string.h>

#include <ucall/test.h>

#include "protect/x86/cpu.h"

#define RIP 0x401000
#define BASE 0x18000000000

static bool is_target(void *data, uint64_t gva)
{
	return gva == *(const uint64_t *)data;
}

/*
 * Returns where `insn` of `size` bytes starts, which was executed after the bytes `before`; -1 if
 * it is not found.  *regs are the registers after it, and on return those before it.
 */
static int start_of(const char *before, const char *insn, size_t size,
		    const struct ucall_exit *exit, uint64_t gva, struct kvm_regs *regs)
{
	uint8_t code[2 * X86_BEFORE];
	struct kvm_regs at = *regs, found;
	struct x86_place place = { .code = code + X86_BEFORE,
				   .have = X86_BEFORE,
				   .regs = &at,
				   .is_target = is_target,
				   .data = &gva };

	memset(code, 0x90, sizeof(code));
	memcpy(code + X86_BEFORE - size - strlen(before), before, strlen(before));
	memcpy(code + X86_BEFORE - size, insn, size);
	at.rip = RIP + size;
	if (!x86_find_start(&place, exit, &found))
		return -1;
	*regs = found;
	return (int)(found.rip - RIP);
}

static struct ucall_exit out(uint16_t port, uint8_t size)
{
	return (struct ucall_exit){
		.reason = UCALL_EXIT_IO,
		.u.io = { .port = port, .size = size, .count = 1, .is_write = 1 }
	};
}

static struct ucall_exit store(uint32_t size, uint64_t data)
{
	return (struct ucall_exit){ .reason = UCALL_EXIT_MMIO,
				    .u.mmio = {
					    .gpa = 1, .data = data, .size = size, .is_write = 1 } };
}

#define INSN(bytes) bytes, sizeof(bytes) - 1

static void once_out(void)
{
	const struct ucall_exit byte = out(0x3f8, 1), word = out(0x3f8, 2), dword = out(0x3f8, 4);
	const struct ucall_exit imm = out(0x80, 1), immd = out(0x80, 4);
	const struct ucall_exit other = out(0xee, 1);
	struct kvm_regs regs = { .rdx = 0x3f8 };

	CHECK_EQ(start_of("", INSN("\xee"), &byte, 0, &regs), 0);
	CHECK_EQ(start_of("", INSN("\x66\xef"), &word, 0, &regs), 0);
	CHECK_EQ(start_of("", INSN("\xef"), &dword, 0, &regs), 0);
	CHECK_EQ(start_of("", INSN("\xe6\x80"), &imm, 0, &regs), 0);
	CHECK_EQ(start_of("", INSN("\xe7\x80"), &immd, 0, &regs), 0);
	/* The byte before could be a prefix, but is the end of another instruction. */
	CHECK_EQ(start_of("\xb0\x66", INSN("\xef"), &dword, 0, &regs), 0);
	/* An immediate that looks like OUT to DX, where DX is another port. */
	CHECK_EQ(start_of("", INSN("\xe6\xee"), &other, 0, &regs), 0);
	/* Another port, another size: not found. */
	CHECK_EQ(start_of("", INSN("\xee"), &imm, 0, &regs), -1);
	CHECK_EQ(start_of("", INSN("\xee"), &dword, 0, &regs), -1);
	CHECK_EQ(start_of("", INSN("\x90"), &byte, 0, &regs), -1);
}

static void once_outs(void)
{
	const struct ucall_exit byte = out(0x3f8, 1), dword = out(0x3f8, 4);
	struct kvm_regs regs = { .rdx = 0x3f8, .rsi = 0x1001, .rcx = 7 };

	CHECK_EQ(start_of("", INSN("\x6e"), &byte, 0, &regs), 0);
	CHECK_EQ(regs.rsi, 0x1000);
	CHECK_EQ(regs.rcx, 7);
	regs = (struct kvm_regs){ .rdx = 0x3f8, .rsi = 0x1000, .rflags = 1 << 10 };
	CHECK_EQ(start_of("", INSN("\x6f"), &dword, 0, &regs), 0);
	CHECK_EQ(regs.rsi, 0x1004);
}

/* With REP, RIP stays at the instruction until it is done. */
static void once_rep(void)
{
	uint8_t code[2 * X86_BEFORE];
	struct ucall_exit exit = out(0x3f8, 4), mmio = store(8, 1);
	struct kvm_regs at = { .rip = RIP, .rdx = 0x3f8, .rsi = 0x1008, .rcx = 3 }, regs;
	uint64_t gva = BASE;
	struct x86_place place = { .code = code + X86_BEFORE,
				   .have = 2,
				   .regs = &at,
				   .is_target = is_target,
				   .data = &gva };

	memset(code, 0x90, sizeof(code));
	memcpy(code + X86_BEFORE, "\xf3\x6f", 2);
	exit.u.io.count = 2;
	CHECK(x86_find_start(&place, &exit, &regs));
	CHECK_EQ(regs.rip, RIP);
	CHECK_EQ(regs.rsi, 0x1000);
	CHECK_EQ(regs.rcx, 5);
	/* A part of a longer instruction, at the end of a page: not found. */
	place.have = 1;
	CHECK(!x86_find_start(&place, &exit, &regs));

	memcpy(code + X86_BEFORE, "\xf3\x48\xab", 3);
	place.have = 3;
	at.rdi = BASE + 8;
	CHECK(x86_find_start(&place, &mmio, &regs));
	CHECK_EQ(regs.rdi, BASE);
	CHECK_EQ(regs.rcx, 4);
	/* The access went elsewhere: not found. */
	at.rdi = BASE + 16;
	CHECK(!x86_find_start(&place, &mmio, &regs));
}

static void once_mov(void)
{
	static const struct {
		const char *before, *insn;
		size_t size;
		uint32_t width;
		uint64_t data, gva;
		int start;
	} cases[] = {
		{ "", INSN("\x89\x07"), 4, 0xa0, BASE, 0 }, /* mov %eax, (%rdi) */
		{ "", INSN("\x48\x89\x07"), 8, 0xa0, BASE, 0 },
		{ "", INSN("\x66\x89\x07"), 2, 0xa0, BASE, 0 },
		{ "", INSN("\x88\x07"), 1, 0xa0, BASE, 0 },
		{ "", INSN("\x44\x89\x07"), 4, 0xa8, BASE, 0 }, /* mov %r8d, (%rdi) */
		{ "\xb0\x44", INSN("\x89\x07"), 4, 0xa0, BASE, 0 }, /* after mov $0x44, %al */
		{ "", INSN("\x41\x89\x00"), 4, 0xa0, 0xa8, 0 }, /* mov %eax, (%r8) */
		{ "", INSN("\x89\x47\x10"), 4, 0xa0, BASE + 0x10, 0 },
		{ "", INSN("\x89\x47\xf0"), 4, 0xa0, BASE - 0x10, 0 },
		{ "", INSN("\x89\x87\x00\x01\x00\x00"), 4, 0xa0, BASE + 0x100, 0 },
		{ "", INSN("\x89\x04\x8f"), 4, 0xa0, BASE + 4 * 0xa1, 0 }, /* (%rdi,%rcx,4) */
		{ "", INSN("\x89\x04\x25\x00\x10\x00\x00"), 4, 0xa0, 0x1000, 0 }, /* 0x1000 */
		{ "", INSN("\x89\x05\x10\x00\x00\x00"), 4, 0xa0, RIP + 6 + 0x10, 0 }, /* (%rip) */
		{ "", INSN("\xc6\x07\x05"), 1, 5, BASE, 0 },
		{ "", INSN("\xc7\x07\x05\x00\x00\x00"), 4, 5, BASE, 0 },
		{ "", INSN("\x48\xc7\x07\xfb\xff\xff\xff"), 8, -5ull, BASE, 0 },
		{ "", INSN("\x66\xc7\x07\x05\x00"), 2, 5, BASE, 0 },
		{ "", INSN("\x0f\xc3\x07"), 4, 0xa0, BASE, 0 }, /* movnti */
		{ "", INSN("\x88\x27"), 1, 0xaa, BASE, 0 }, /* mov %ah, (%rdi) */
		{ "", INSN("\x40\x88\x27"), 1, 0xa4, BASE, 0 }, /* mov %spl, (%rdi) */
		{ "", INSN("\x89\x07"), 4, 0xa1, BASE, -1 }, /* other data */
		{ "", INSN("\x89\x07"), 4, 0xa0, BASE + 1, -1 }, /* elsewhere */
		{ "", INSN("\x89\xc7"), 4, 0xa0, BASE, -1 }, /* mov %eax, %edi */
		{ "", INSN("\xc7\x4f\x05\x00\x00\x00\x00"), 4, 0, BASE + 5, -1 }, /* not /0 */
		{ "", INSN("\x01\x07"), 4, 0xa0, BASE, -1 }, /* add: it reads first */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kvm_regs regs = {
			.rax = 0xaaa0, .rcx = 0xa1, .rsp = 0xa4, .rdi = BASE, .r8 = 0xa8
		};
		struct ucall_exit exit = store(cases[i].width, cases[i].data);
		int start;

		if (cases[i].data == 0xa0)
			regs.rax = 0xa0;
		start = start_of(cases[i].before, cases[i].insn, cases[i].size, &exit, cases[i].gva,
				 &regs);
		if (start != cases[i].start)
			FAIL("case %zu: %d, not %d", i, start, cases[i].start);
	}
}

static void once_string(void)
{
	struct kvm_regs regs = { .rdi = BASE + 4, .rsi = 0x1004, .rcx = 9 };
	struct ucall_exit exit = store(4, 0);

	CHECK_EQ(start_of("", INSN("\xab"), &exit, BASE, &regs), 0); /* stosl */
	CHECK_EQ(regs.rdi, BASE);
	CHECK_EQ(regs.rsi, 0x1004);
	regs = (struct kvm_regs){ .rdi = BASE + 4, .rsi = 0x1004, .rcx = 9 };
	CHECK_EQ(start_of("", INSN("\xa5"), &exit, BASE, &regs), 0); /* movsl */
	CHECK_EQ(regs.rdi, BASE);
	CHECK_EQ(regs.rsi, 0x1000);
	CHECK_EQ(regs.rcx, 9);
}

UCALL_TESTS({ "OUT", .once = once_out }, { "OUTS", .once = once_outs }, { "REP", .once = once_rep },
	    { "MOV to MMIO", .once = once_mov }, { "STOS and MOVS to MMIO", .once = once_string });
