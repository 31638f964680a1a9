/* SPDX-License-Identifier: MIT */
/* Messages in guest memory: taken once, checked, acknowledged. */
#ifndef LIBUCALL_MAILBOX_H
#define LIBUCALL_MAILBOX_H

#include "vm.h"

/*
 * Takes a message: copies it from guest memory, in host byte order, checks the copy, and then
 * stores 0 into its head.  `uc` is the host's view of a message that is contiguous, or NULL, and
 * the message is at guest address `gva` in the page tables at `root`.  Returns the command,
 * UCALL_NONE if there is no message, or -1 after ucall_fail(), with the message acknowledged all the
 * same.  *copy may hold a part of the message then.
 */
int ucall_message_take(struct ucall_vm *vm, struct ucall *uc, uint64_t root, uint64_t gva,
		       struct ucall *copy);

#endif
