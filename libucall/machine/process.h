/* SPDX-License-Identifier: MIT */
/* Which process a VM belongs to: KVM's descriptors serve the one that made it, and threads stay behind in fork(). */
#ifndef LIBUCALL_PROCESS_H
#define LIBUCALL_PROCESS_H

#include <stdbool.h>

#include "vm.h"

/* Makes the VM this process's. */
void ucall_process_own(struct ucall_vm *vm);

/* True in a process that has the VM by fork(). */
bool ucall_process_inherited(const struct ucall_vm *vm);

/* 0, or -1 (EPERM) after ucall_fail() if the VM is another process's.  `what`: the function that refuses. */
int ucall_process_check(const struct ucall_vm *vm, const char *what);

#endif
