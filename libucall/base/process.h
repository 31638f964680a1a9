/* SPDX-License-Identifier: MIT */
/* Which process a VM belongs to: KVM's descriptors serve the one that made it, and threads stay behind in fork(). */
#ifndef LIBUCALL_PROCESS_H
#define LIBUCALL_PROCESS_H

#include <stdbool.h>

/* This process, to be kept with what belongs to it. */
unsigned int ucall_process_this(void);

/* True in a process that has what belongs to `process` by fork(). */
bool ucall_process_inherited(unsigned int process);

/* 0, or -1 (EPERM) after ucall_fail() if a VM is another process's.  `what`: the function that refuses. */
int ucall_process_check(unsigned int process, const char *what);

#endif
