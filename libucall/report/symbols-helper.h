/* SPDX-License-Identifier: MIT */
/*
 * Names for addresses of a separate guest ELF, by a program of their own.  The file can be anybody's: a few hundred
 * KB of it make libdw unpack gigabytes, compute for minutes or open other files.  A program of its own has limits of
 * its own, and its crash does not end this process.  It is not made by fork() alone, since other threads may hold
 * locks; and the caller's wait() and SIGCHLD do not see it.
 */
#ifndef LIBUCALL_SYMBOLS_HELPER_H
#define LIBUCALL_SYMBOLS_HELPER_H

#include "symbols.h"

/* The program, in the folders where modules are. */
#define UCALL_SYMBOLS_HELPER "ucall-symbols"

#define UCALL_SYMBOLS_REGS 64

/* What it is asked, as one file: this, `words` of the guest's stack, the ELF's bytes. */
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

/* What it answers. */
struct ucall_symbols_answer {
	uint32_t complete; /* else it was ended before it had all */
	uint32_t count;
	struct ucall_backtrace_entry backtrace[UCALL_BACKTRACE_MOST];
};

/* As ucall_backtrace(), of a guest with an image of its own. */
unsigned int ucall_symbols_ask(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			       unsigned int most, const char **problem);

#endif
