/* SPDX-License-Identifier: MIT */
/*
 * Coverage of same-source guests.  Code that is compiled with --coverage counts in the program's
 * data, and the guest counts in its copy of it.
 */
#ifndef LIBUCALL_COVERAGE_H
#define LIBUCALL_COVERAGE_H

#include "machine.h"

/*
 * After the program was copied: finds the counters by the symbols of its file, which is loaded at
 * `base`, and clears the guest's.  0 if there are none; -1 after ucall_fail().
 */
int ucall_coverage_begin(struct ucall_machine *vm, int file, uint64_t base);
void ucall_coverage_end(struct ucall_machine *vm);

/* Adds the guest's counters to the program's and clears them; returns how many have changed. */
int ucall_coverage_collect(const struct ucall_machine *vm);

#endif
