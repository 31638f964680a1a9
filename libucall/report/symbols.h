/* SPDX-License-Identifier: MIT */
/*
 * Names for guest addresses, found with libdw.  For guests in this program a module finds them,
 * which is loaded when the first guest faults; for separate guest ELFs a program does
 * (symbols-helper.h).
 */
#ifndef LIBUCALL_SYMBOLS_H
#define LIBUCALL_SYMBOLS_H

#include <ucall/ucall.h>

/* Where a guest stopped.  Registers are numbered as in DWARF (System V ABI of the architecture). */
struct ucall_unwind {
	uint64_t pc;
	bool returns; /* pc is where a call returns to, not what was executed last */
	uint64_t end; /* where the outermost function returns to */
	uint64_t stack; /* the lowest stack address needed to find callers */
	const uint64_t *regs;
	unsigned int count;
	/* Reads a word of guest memory; false if there is none. */
	bool (*read)(void *data, uint64_t address, uint64_t *value);
	void *data;
	/* A separate guest's ELF file and its name; NULL: the guest is this process. */
	const void *image;
	size_t image_size;
	const char *name;
};

/* What the module for guests that are this process exports, as `ucall_symbols`. */
struct ucall_symbols {
	const char *version; /* of libucall: both are built together */
	/*
	 * Finds the stopped function and its callers.  Returns how many frames were filled in, at
	 * most `most`.
	 */
	unsigned int (*backtrace)(const struct ucall_unwind *at,
				  struct ucall_backtrace_entry *frames, unsigned int most);
};

/* Finds the frames, at most `most`; *problem says why names are missing, or is NULL. */
unsigned int ucall_backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			     unsigned int most, const char **problem);

#endif
