/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses of a separate guest ELF, from a helper program.  The file is not trusted: a
 * few hundred KB can make libdw unpack gigabytes, compute for minutes or open other files.  A
 * program has its own limits, and its crash does not end this process.  A mere fork() would not do,
 * since other threads may hold locks.  The caller's wait() and SIGCHLD do not see the program.
 */
#ifndef LIBUCALL_SYMBOLS_HELPER_H
#define LIBUCALL_SYMBOLS_HELPER_H

#include "symbols.h"

/* The program, in the module folders. */
#define UCALL_SYMBOLS_HELPER "ucall-symbols"

#define UCALL_SYMBOLS_REGS 64

/* The request, one file: this, `words` words of the guest's stack, the ELF's bytes. */
struct ucall_symbols_request {
	char version[32]; /* libucall's: both are built together */
	uint64_t pc, end; /* as struct ucall_unwind */
	uint32_t returns;
	uint32_t most; /* frames wanted */
	uint64_t regs[UCALL_SYMBOLS_REGS];
	uint32_t reg_count;
	uint32_t words;
	uint64_t stack; /* guest address of the first word */
	uint64_t image_size;
};

/* The answer. */
struct ucall_symbols_answer {
	uint32_t complete; /* 0: it ended before it was done */
	uint32_t count;
	struct ucall_backtrace_entry backtrace[UCALL_BACKTRACE_MAX];
};

/* As ucall_backtrace(), for a guest with its own image. */
unsigned int ucall_symbols_ask(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			       unsigned int most, const char **problem);

#endif
