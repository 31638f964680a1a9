/* SPDX-License-Identifier: MIT */
/*
 * Coverage of a separate guest ELF that gcc 12 or later has compiled with --coverage
 * -fprofile-info-section=gcov_info (`ucall cc --coverage`): the host reads the guest's counters and
 * writes the .gcda files that a program writes by itself.
 */
#ifndef LIBUCALL_COVERAGE_FILE_H
#define LIBUCALL_COVERAGE_FILE_H

#include "machine.h"

/*
 * Adds vm->image's counters to its .gcda files and clears them; vm->lock is held.  What is where is
 * read from the ELF file, never from guest memory; the names of the .gcda files are in it too, so
 * this is for files that the user trusts to write there.  Returns how many counters were not 0, or
 * -1 after ucall_fail().
 */
int ucall_coverage_write(struct ucall_machine *vm);

#endif
