/* SPDX-License-Identifier: MIT */
/* Messages in guest memory: taken once, checked, acknowledged. */
#ifndef LIBUCALL_MAILBOX_H
#define LIBUCALL_MAILBOX_H

#include "machine/vm.h"

/*
 * Copies a message from guest memory, in host byte order, and checks the copy.  `uc` is the host's view
 * of a message that is contiguous, or NULL, and the message is at guest address `gva` in the page tables
 * at `root`; `head` is its head, read once.  Returns the command, or -1 after ucall_fail(); *copy then
 * holds the head, and may hold more.
 */
int ucall_message_copy(struct ucall_vm *vm, const struct ucall *uc, uint64_t root, uint64_t gva,
		       uint64_t head, struct ucall *copy);

/*
 * The same with its head as it is now, and then stores 0 there.  Returns UCALL_NONE if that is what it
 * was; of a message that is refused the head is 0 all the same.
 */
int ucall_message_take(struct ucall_vm *vm, struct ucall *uc, uint64_t root, uint64_t gva,
		       struct ucall *copy);

#endif
