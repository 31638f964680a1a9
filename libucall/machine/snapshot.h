/* SPDX-License-Identifier: MIT */
/*
 * ucall_vm_snapshot(): a VM's state, to come back to.
 *
 * Guest memory becomes a private mapping of a file in memory that holds its pages as they were, at the same
 * host address.  To come back is to drop what was written since, by whom ever: the guest, the library, or
 * the test by a pointer that it was given.
 */
#ifndef LIBUCALL_SNAPSHOT_H
#define LIBUCALL_SNAPSHOT_H

#include "vm.h"

void ucall_snapshot_free(struct ucall_vm *vm);

#endif
