/* SPDX-License-Identifier: MIT */
/*
 * Which process a VM belongs to: KVM's descriptors work only in the process that created them, and
 * fork() does not copy threads.
 */
#ifndef LIBUCALL_PROCESS_H
#define LIBUCALL_PROCESS_H

#include <stdbool.h>

/* Identifies this process; stored with what belongs to it. */
unsigned int ucall_process_this(void);

/* True if this process got what belongs to `process` by fork(). */
bool ucall_process_is_inherited(unsigned int process);

/*
 * Returns 0, or -1 (EPERM) after ucall_fail() if a VM belongs to another process.  `what`: the
 * function that fails.
 */
int ucall_process_check(unsigned int process, const char *what);

#endif
