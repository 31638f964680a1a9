/* SPDX-License-Identifier: MIT */
/*
 * Names guest addresses by libdwfl.  A guest that is this program runs at the addresses of this process, so the
 * process's own symbols and unwind tables are the guest's; those of a separate guest ELF are in its file.
 */
#ifndef SYMBOLS_BACKTRACE_H
#define SYMBOLS_BACKTRACE_H

#include "report/symbols.h"

/* Finds the frames, `most` at most, of this program or a separate guest ELF (at->image); *count grows with each. */
void symbols_backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
		       unsigned int most, uint32_t *count);

#endif
