/* SPDX-License-Identifier: MIT */
/*
 * Names for guest addresses.  What finds them is a module of its own, which needs libdw; it is loaded
 * when the first guest faults.
 */
#ifndef LIBUCALL_SYMBOLS_H
#define LIBUCALL_SYMBOLS_H

#include <ucall/ucall.h>

/* Where a guest stopped.  Registers are numbered as in DWARF (System V ABI of the architecture). */
struct ucall_unwind {
	uint64_t pc;
	bool returns; /* pc is where a call returns to, not what was executed last */
	uint64_t end; /* where the outermost function returns to */
	const uint64_t *regs;
	unsigned int count;
	/* Reads a word of guest memory; false if there is none. */
	bool (*read)(void *data, uint64_t address, uint64_t *value);
	void *data;
	/* The guest's ELF file and what it is called; NULL: the image is this process. */
	const void *image;
	size_t image_size;
	const char *name;
};

/* What the module exports, as `ucall_symbols`. */
struct ucall_symbols {
	const char *version; /* of libucall: both are built together */
	/*
	 * The function that was stopped and its callers.  Returns how many frames were filled in,
	 * `most` at most.
	 */
	unsigned int (*backtrace)(const struct ucall_unwind *at, struct ucall_frame *frames,
				  unsigned int most);
};

/* Calls the module's backtrace(); 0 and *problem if it cannot be loaded. */
unsigned int ucall_backtrace(const struct ucall_unwind *at, struct ucall_frame *frames,
			     unsigned int most, const char **problem);

#endif
