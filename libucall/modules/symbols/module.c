// SPDX-License-Identifier: MIT
/* The symbols module: for guests that are this program.  It reads only the program's own files. */
#include "backtrace.h"

static unsigned int backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			      unsigned int most)
{
	uint32_t count;

	symbols_backtrace(at, frames, most, &count);
	return count;
}

extern UCALL_PUBLIC const struct ucall_symbols ucall_symbols;
const struct ucall_symbols ucall_symbols = {
	.version = UCALL_VERSION,
	.backtrace = backtrace,
};
