/* SPDX-License-Identifier: MIT */
/* Messages in guest memory: taken once, checked, acknowledged. */
#ifndef LIBUCALL_MAILBOX_H
#define LIBUCALL_MAILBOX_H

#include "arch/arch.h"
#include "machine-ops.h"

/* Where a message is. */
struct ucall_place {
	struct ucall *view; /* the host's view of the whole message; NULL: read with: */
	const struct ucall_machine_ops *machine;
	void *cpu;
	uint64_t gva;
};

/*
 * Copies a message from guest memory, in host byte order, and checks the copy; `head` is its head,
 * read once.  Returns the command, or -1 after ucall_fail(); even then *copy holds the head, and
 * perhaps more.
 */
int ucall_message_copy(const struct ucall_arch *arch, const struct ucall_place *from, uint64_t head,
		       struct ucall *copy);

/*
 * The same, but reads the head itself, and then sets it to 0 in guest memory.  Returns UCALL_NONE
 * if it was 0 already.  The head of a malformed message is set to 0 too.
 */
int ucall_message_take(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy);

/* The same, but leaves the message as it is: for machines that give no view. */
int ucall_message_read(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy);

#endif
