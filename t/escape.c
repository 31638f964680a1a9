// SPDX-License-Identifier: MIT
/*
 * The check that a backend's guest code stays within itself: it must find the end of every
 * instruction, and every reference to the outside.
 */
#include <string.h>

#include <ucall/test.h>

#include "arch/arch.h"
#include "arch/stubs.h"
#include "arch/x86_64/x86_64.h"

/*
 * The assembler puts each instruction between two markers and their distance into a table, so that
 * the decoder can be checked against it.
 */
#define I(text) \
	"771: " text "\n772: .pushsection escape_lengths, \"a\"; .byte 772b - 771b; .popsection\n"

/* clang-format off */
__asm__(".pushsection escape_code, \"ax\"\n"
	"escape_code_start:\n"
	I("nop") I("ret") I("hlt") I("ud2") I("int3") I("endbr64") I("pause") I("leave")
	I("push %rbp") I("pop %r15") I("push $1") I("push $0x12345") I("pushw $0x1234")
	I("mov %rsp, %rbp") I("mov $1, %eax") I("mov $-1, %rax")
	I("movabs $0x8000000000, %rdi") I("movabs 0x8000001008, %rax") I("movw $5, %ax")
	I("addr32 mov (%eax), %ecx") I("movb $1, (%rax)") I("movw $1, (%rax)")
	I("movl $1, 8(%rax)") I("movq $1, 0x1000(%rax,%rbx,8)") I("mov %fs:0x28, %rax")
	I("mov (,%rbx,4), %eax") I("mov 0x10(%rsp), %r8") I("lea 0(%rip), %rax")
	I("out %al, %dx") I("out %eax, %dx") I("out %al, $0x80") I("in %dx, %al")
	I("outsb") I("rep outsb") I("rep movsq") I("lock cmpxchg %rcx, (%rdi)")
	I("lock addq $1, (%rdi)") I("xchg %rax, (%rdi)") I("bswap %rax") I("movzwl (%rax), %edx")
	I("movsbl %al, %eax") I("movslq %eax, %rdx") I("imul $3, %rax, %rdx")
	I("imul $0x300, %rax, %rdx") I("imul %rcx, %rax") I("div %rcx") I("neg %rax")
	I("testb $1, %al") I("testb $1, (%rax)") I("testl $1, (%rax)") I("testw $1, (%rax)")
	I("test $0x100, %eax") I("notq (%rax)") I("shl $3, %rax") I("sar %cl, %rax")
	I("sete %al") I("cmove %rax, %rbx") I("bt $5, %rax") I("shld $3, %rax, %rbx")
	I("cmp $1, %al") I("cmp $0x100, %eax") I("cmpq $0x100, (%rax)") I("cmpw $0x100, (%rax)")
	I("add $1, %rsp") I("enter $16, $0") I("retq $8") I("int $0x80") I("syscall") I("cpuid")
	I("rdmsr") I("wrmsr") I("rdtsc") I("rdtscp") I("vmmcall") I("vmcall") I("lfence")
	I("sfence") I("mfence") I("clflush (%rax)") I("prefetcht0 (%rax)") I("sgdt (%rax)")
	I("lidt (%rax)") I("invlpg (%rax)") I("mov %cr3, %rax") I("mov %rax, %cr3")
	I("wbinvd") I("cli") I("sti") I("cld") I("std") I("swapgs") I("iretq") I("sysretq")
	I("movnti %rax, (%rdi)") I("movbe (%rax), %rcx") I("crc32b %al, %ecx")
	I("movaps %xmm0, (%rax)") I("movdqu (%rax), %xmm1") I("pshufd $1, %xmm0, %xmm1")
	I("pinsrw $1, %eax, %xmm0") I("palignr $1, %xmm0, %xmm1") I("cmpps $1, %xmm0, %xmm1")
	I("vzeroupper") I("vaddps %ymm0, %ymm1, %ymm2") I("vpshufd $1, %ymm0, %ymm1")
	I("vpermq $1, %ymm0, %ymm1") I("vpshufb %ymm0, %ymm1, %ymm2") I("andn %rax, %rbx, %rcx")
	I("vaddps %zmm0, %zmm1, %zmm2") I("vpermq $1, %zmm0, %zmm1") I("rorx $1, %rax, %rbx")
	I("fldl (%rax)") I("fninit") I("xsave (%rax)") I("xgetbv") I("rdrand %rax") I("xlat")
	I("jmp *%rax") I("call *(%rax)") I("jmp *0x1000(%rdi)") I("call *%r11")
	I("loop .") I("jrcxz .") I("jmp .") I("je .") I("call .")
	"escape_code_end:\n"
	".popsection\n");
/* clang-format on */

extern const uint8_t escape_code_start[], escape_code_end[];
extern const uint8_t __start_escape_lengths[], __stop_escape_lengths[];

/* One instruction at a time: too few bytes are never enough, the right number always. */
static void once_lengths(void)
{
	const uint64_t base = 0x1000;
	size_t at = 0, n = (size_t)(__stop_escape_lengths - __start_escape_lengths);
	struct ucall_escape escape;

	for (size_t i = 0; i < n; i++) {
		size_t length = __start_escape_lengths[i];
		uint8_t one[32];

		memcpy(one, escape_code_start + at, length);
		one[length] = 0x06; /* invalid in 64-bit mode: must be met exactly here */
		CHECK_EQ(ucall_x86_64_find_escape(one, length + 1, base, &escape), 1);
		CHECK_EQ(escape.at - base, length);
		for (size_t less = 1; less < length; less++) {
			CHECK_EQ(ucall_x86_64_find_escape(one, less, base, &escape), 1);
			CHECK(escape.at <= base + less);
		}
		at += length;
	}
	CHECK_EQ(at, (size_t)(escape_code_end - escape_code_start));
	CHECK(n > 120);
	CHECK_EQ(ucall_x86_64_find_escape(escape_code_start, at, base, &escape), 0);
}

static void escapes(const char *code, size_t size, int at, int64_t target)
{
	const uint64_t base = 0x2000;
	struct ucall_escape escape;
	int r = ucall_x86_64_find_escape(code, size, base, &escape);

	CHECK_EQ(r, at >= 0);
	if (at < 0)
		return;
	CHECK_EQ(escape.at - base, at);
	CHECK(!escape.problem);
	CHECK_EQ(escape.target - base, target);
}

#define ESCAPES(code, at, target) escapes(code, sizeof(code) - 1, at, target)

static void once_escapes(void)
{
	ESCAPES("\x90\xeb\xfd", -1, 0); /* jmp to the nop */
	ESCAPES("\x90\xeb\xfc", 1, -1); /* jmp before it */
	ESCAPES("\xeb\x00", 0, 2); /* jmp past the end */
	ESCAPES("\xeb\x00\x90", -1, 0);
	ESCAPES("\xe8\x00\x01\x00\x00\xc3", 0, 0x105); /* call */
	ESCAPES("\xe9\xfb\xff\xff\xff", -1, 0); /* jmp to itself */
	ESCAPES("\x0f\x84\x80\x00\x00\x00", 0, 0x86); /* je */
	ESCAPES("\x48\x8d\x05\x00\x10\x00\x00", 0, 0x1007); /* lea 0x1000(%rip) */
	ESCAPES("\x48\x8d\x05\xf9\xff\xff\xff", -1, 0); /* lea of itself */
	ESCAPES("\xc7\x05\x00\x10\x00\x00\x01\x00\x00\x00", 0, 0x100a); /* with an immediate */
	ESCAPES("\xff\x15\x00\x20\x00\x00", 0, 0x2006); /* call *0x2000(%rip) */
	ESCAPES("\xc5\xf8\x28\x05\x00\x10\x00\x00", 0, 0x1008); /* vmovaps 0x1000(%rip), %xmm0 */
}

/* The core's exception stubs are copied into guests too. */
static void once_stubs(void)
{
	struct ucall_escape escape;
	size_t size = (size_t)(ucall_stubs_stop - ucall_stubs_start);

	CHECK(size > 0x1000);
	CHECK(!ucall_x86_64_find_escape(ucall_stubs_start, size, STUB_CODE, &escape));
}

UCALL_TESTS({ "the length of every instruction", .once = once_lengths },
	    { "references to the outside", .once = once_escapes },
	    { "exception stubs refer only to themselves", .once = once_stubs });
