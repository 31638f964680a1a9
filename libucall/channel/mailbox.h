/* SPDX-License-Identifier: MIT */
/* Messages in guest memory: taken once, checked, acknowledged. */
#ifndef LIBUCALL_MAILBOX_H
#define LIBUCALL_MAILBOX_H

#include "arch/arch.h"
#include "machine-ops.h"

/* Where a message is. */
struct ucall_place {
	struct ucall *view; /* the host's view of all of it; NULL: it is read by: */
	const struct ucall_machine_ops *machine;
	void *cpu;
	uint64_t gva;
};

/*
 * Copies a message from guest memory, in host byte order, and checks the copy; `head` is its head, read once.
 * Returns the command, or -1 after ucall_fail(); *copy then holds the head, and may hold more.
 */
int ucall_message_copy(const struct ucall_arch *arch, const struct ucall_place *from, uint64_t head,
		       struct ucall *copy);

/*
 * The same with its head as it is now, and then stores 0 there.  Returns UCALL_NONE if that is what
 * it was; of a message that is refused the head is 0 all the same.
 */
int ucall_message_take(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy);

/* The same of a message that stays as it is, where the machine gives no view. */
int ucall_message_read(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy);

#endif
