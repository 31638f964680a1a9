/* SPDX-License-Identifier: MIT */
/* x86_64 instructions that the engines must recognise (AMD APM volume 3). */
#ifndef LIBUCALL_X86_64_INSN_H
#define LIBUCALL_X86_64_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UCALL_X86_64_INSN 15 /* bytes, at most */
#define UCALL_X86_64_HLT 0xf4

static inline bool ucall_x86_64_is_endbr(const uint8_t *code)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };

	return !memcmp(code, endbr64, sizeof(endbr64));
}

/* The length of the HLT at `code`, with its prefixes; 0: it is another instruction. */
static inline size_t ucall_x86_64_halt(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size && (code[i] == 0x66 || code[i] == 0x67 || code[i] == 0xf2 ||
			    code[i] == 0xf3 || code[i] == 0x2e || code[i] == 0x36 ||
			    code[i] == 0x3e || code[i] == 0x26 || (code[i] & 0xfe) == 0x64))
		i++;
	while (i < size && (code[i] & 0xf0) == 0x40)
		i++;
	return i < size && code[i] == UCALL_X86_64_HLT ? i + 1 : 0;
}

#endif
