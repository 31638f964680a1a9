// SPDX-License-Identifier: MIT
/* Guest runtime: a trust domain's last words. */
#include <ucall/tdx.h>

#if defined(__x86_64__)
/* The registers that hold the text, in its order (GHCI, ReportFatalError): R14 R15 RBX RDI RSI R8 R9 RDX. */
#define TEXT_WORDS 8
#define SHOW 0xffccu /* R8 to R15, RDI, RSI, RBX, RDX */

UCALL_GUEST void guest_td_fatal(uint32_t code, const char *text)
{
	uint64_t words[TEXT_WORDS + 1] = { 0 };
	const uint64_t emulated = ucall_this_bell()->protection & UCALL_BELL_EMULATED;
	uint64_t *at, flag;

	for (unsigned int i = 0; i < 8 * TEXT_WORDS && text[i]; i++)
		words[i / 8] |= (uint64_t)(uint8_t)text[i] << 8 * (i % 8);
	words[TEXT_WORDS] = code;
	for (;;)
		/* MOV changes no flag. */
		__asm__ volatile(
			"test %%rcx, %%rcx\n"
			"mov 64(%%rax), %%r12\n"
			"mov 0(%%rax), %%r14\n"
			"mov 8(%%rax), %%r15\n"
			"mov 16(%%rax), %%rbx\n"
			"mov 24(%%rax), %%rdi\n"
			"mov 32(%%rax), %%rsi\n"
			"mov 40(%%rax), %%r8\n"
			"mov 48(%%rax), %%r9\n"
			"mov 56(%%rax), %%rdx\n"
			"mov $0, %%r13d\n"
			"mov $0, %%r10d\n"
			"mov %[function], %%r11d\n"
			"mov %[show], %%ecx\n"
			"mov $0, %%eax\n"
			"jnz 1f\n"
			".byte 0x66, 0x0f, 0x01, 0xcc\n" /* tdcall */
			"jmp 2f\n"
			"1: outb %%al, %[port]\n"
			"2:\n"
			: "=a"(at), "=c"(flag)
			: "a"(words), "c"(emulated), [show] "i"(SHOW),
			  [function] "i"(UCALL_TDVMCALL_FATAL_ERROR), [port] "i"(UCALL_TDX_PORT)
			: "rbx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
			  "r15", "memory", "cc");
}
#endif
