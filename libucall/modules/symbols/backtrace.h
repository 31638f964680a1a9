/* SPDX-License-Identifier: MIT */
/*
 * Names guest addresses with libdwfl.  A guest that is this program runs at the addresses of this
 * process and has its symbols and unwind tables; those of a separate guest ELF are in its file.
 */
#ifndef SYMBOLS_BACKTRACE_H
#define SYMBOLS_BACKTRACE_H

#include "report/symbols.h"

/*
 * Finds up to `most` frames of this program or a separate guest ELF (at->image); *count grows with
 * each.
 */
void symbols_backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
		       unsigned int most, uint32_t *count);

#endif
