// SPDX-License-Identifier: MIT
/* Guest runtime: instructions that may raise an exception, with fix-ups. */
#include <ucall/guest.h>

#ifdef UCALL_GUEST_BUILD
/* Makes the linker define these symbols; the host finds fix-ups by them (machine/image-elf.c). */
extern const char fixups_start[] __asm__("__start_ucall_fixups") UCALL_HIDDEN;
extern const char fixups_stop[] __asm__("__stop_ucall_fixups") UCALL_HIDDEN;
UCALL_HIDDEN const char *const ucall_guest_fixups[2]
	__attribute__((used)) = { fixups_start, fixups_stop };
#endif

/* Holds the result of a function: 0, or what a fix-up puts there. */
#if defined(__x86_64__)
#define RESULT(r) register uint64_t r __asm__("rax") = 0
#elif defined(__aarch64__)
#define RESULT(r) register uint64_t r __asm__("x0") = 0
#elif defined(__s390x__)
#define RESULT(r) register uint64_t r __asm__("r2") = 0
#else
#define RESULT(r) register uint64_t r __asm__("a0") = 0
#endif

/* One instruction, with `r` among its outputs. */
#define SAFE(insn) "1:	" insn "\n2:\n" UCALL_FIXUP("1b", "2b")
#define READ(insn) \
	__asm__ volatile(SAFE(insn) : "+r"(r), "=&r"(v) : "r"(address), "1"(v) : "memory")
#define WRITE(insn) __asm__ volatile(SAFE(insn) : "+r"(r) : "r"(address), "r"(value) : "memory")

UCALL_GUEST int guest_read_safe(uint64_t address, unsigned int size, uint64_t *value)
{
	uint64_t v = 0;
	RESULT(r);

#if defined(__x86_64__)
	if (size == 1)
		READ("movzbl (%2), %k1");
	else if (size == 2)
		READ("movzwl (%2), %k1");
	else if (size == 4)
		READ("movl (%2), %k1");
	else if (size == 8)
		READ("movq (%2), %1");
#elif defined(__aarch64__)
	if (size == 1)
		READ("ldrb %w1, [%2]");
	else if (size == 2)
		READ("ldrh %w1, [%2]");
	else if (size == 4)
		READ("ldr %w1, [%2]");
	else if (size == 8)
		READ("ldr %1, [%2]");
#elif defined(__s390x__)
	if (size == 1)
		__asm__ volatile(SAFE("llgc %1, 0(%2)")
				 : "+r"(r), "=&r"(v)
				 : "a"(address), "1"(v)
				 : "memory");
	else if (size == 2)
		__asm__ volatile(SAFE("llgh %1, 0(%2)")
				 : "+r"(r), "=&r"(v)
				 : "a"(address), "1"(v)
				 : "memory");
	else if (size == 4)
		__asm__ volatile(SAFE("llgf %1, 0(%2)")
				 : "+r"(r), "=&r"(v)
				 : "a"(address), "1"(v)
				 : "memory");
	else if (size == 8)
		__asm__ volatile(SAFE("lg %1, 0(%2)")
				 : "+r"(r), "=&r"(v)
				 : "a"(address), "1"(v)
				 : "memory");
#else
	if (size == 1)
		READ("lbu %1, 0(%2)");
	else if (size == 2)
		READ("lhu %1, 0(%2)");
	else if (size == 4)
		READ("lwu %1, 0(%2)");
	else if (size == 8)
		READ("ld %1, 0(%2)");
#endif
	else
		return -1;
	if (!r)
		*value = v;
	return (int)r;
}

UCALL_GUEST int guest_write_safe(uint64_t address, unsigned int size, uint64_t value)
{
	RESULT(r);

#if defined(__x86_64__)
	if (size == 1)
		WRITE("movb %b2, (%1)");
	else if (size == 2)
		WRITE("movw %w2, (%1)");
	else if (size == 4)
		WRITE("movl %k2, (%1)");
	else if (size == 8)
		WRITE("movq %2, (%1)");
#elif defined(__aarch64__)
	if (size == 1)
		WRITE("strb %w2, [%1]");
	else if (size == 2)
		WRITE("strh %w2, [%1]");
	else if (size == 4)
		WRITE("str %w2, [%1]");
	else if (size == 8)
		WRITE("str %2, [%1]");
#elif defined(__s390x__)
	if (size == 1)
		__asm__ volatile(SAFE("stc %2, 0(%1)")
				 : "+r"(r)
				 : "a"(address), "r"(value)
				 : "memory");
	else if (size == 2)
		__asm__ volatile(SAFE("sth %2, 0(%1)")
				 : "+r"(r)
				 : "a"(address), "r"(value)
				 : "memory");
	else if (size == 4)
		__asm__ volatile(SAFE("st %2, 0(%1)")
				 : "+r"(r)
				 : "a"(address), "r"(value)
				 : "memory");
	else if (size == 8)
		__asm__ volatile(SAFE("stg %2, 0(%1)")
				 : "+r"(r)
				 : "a"(address), "r"(value)
				 : "memory");
#else
	if (size == 1)
		WRITE("sb %2, 0(%1)");
	else if (size == 2)
		WRITE("sh %2, 0(%1)");
	else if (size == 4)
		WRITE("sw %2, 0(%1)");
	else if (size == 8)
		WRITE("sd %2, 0(%1)");
#endif
	else
		return -1;
	return (int)r;
}

#if defined(__x86_64__)
UCALL_GUEST int guest_rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint64_t result = 0, low = 0, high = 0;

	/* rdmsr's own rax is not the result: without an exception it is moved to `low`. */
	__asm__ volatile("	xor %%eax, %%eax\n"
			 "1:	rdmsr\n"
			 "	mov %%rax, %[low]\n"
			 "	xor %%eax, %%eax\n"
			 "2:\n" UCALL_FIXUP("1b", "2b")
			 : "=a"(result), "=d"(high), [low] "=&r"(low)
			 : "c"(msr)
			 : "memory");
	if (!result)
		*value = low | high << 32;
	return (int)result;
}

UCALL_GUEST int guest_wrmsr_safe(uint32_t msr, uint64_t value)
{
	uint64_t result = (uint32_t)value;

	__asm__ volatile("1:	wrmsr\n"
			 "	xor %%eax, %%eax\n"
			 "2:\n" UCALL_FIXUP("1b", "2b")
			 : "+a"(result)
			 : "c"(msr), "d"(value >> 32)
			 : "memory", "cc");
	return (int)result;
}

UCALL_GUEST int guest_xsetbv_safe(uint32_t index, uint64_t value)
{
	uint64_t result = (uint32_t)value;

	__asm__ volatile("1:	xsetbv\n"
			 "	xor %%eax, %%eax\n"
			 "2:\n" UCALL_FIXUP("1b", "2b")
			 : "+a"(result)
			 : "c"(index), "d"(value >> 32)
			 : "memory", "cc");
	return (int)result;
}
#endif
