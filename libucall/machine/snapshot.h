/* SPDX-License-Identifier: MIT */
/*
 * Saves and restores a machine's state: memory by copy-on-write, vCPUs and devices by the engine.
 * No vCPU runs, and vm->lock is held.  Functions return 0, or -1 after ucall_fail().
 */
#ifndef LIBUCALL_SNAPSHOT_H
#define LIBUCALL_SNAPSHOT_H

#include "machine.h"

/* Fails if this machine cannot have snapshots.  `what`: the public function, for the error. */
int ucall_snapshot_check(const struct ucall_machine *vm, const char *what);
int ucall_snapshot_take(struct ucall_machine *vm);
/* Fails unless there is a snapshot with the same vCPUs. */
int ucall_snapshot_check_restore(const struct ucall_machine *vm);
int ucall_snapshot_restore(struct ucall_machine *vm);
void ucall_snapshot_free(struct ucall_machine *vm);

#endif
