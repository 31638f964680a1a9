/* SPDX-License-Identifier: MIT */
/* The host's half of struct ucall_queue: messages that come without an exit each. */
#ifndef LIBUCALL_QUEUE_H
#define LIBUCALL_QUEUE_H

#include <ucall/queue.h>

#include "arch/byte-order.h"

/* Where the host is in a queue, in lines as struct ucall_queue counts them. */
struct ucall_queue_place {
	uint64_t taken;
	uint64_t told; /* of these, what the guest knows */
	uint64_t put; /* the guest's, when it was last read */
};

struct ucall_queue_host {
	const struct ucall_arch *arch; /* the guest's */
	struct ucall_queue *shared; /* the host's view; the guest writes it at any time */
	uint32_t lines;
	struct ucall_queue_place place;
};

#define UCALL_QUEUE_LINES_LEAST 64 /* a message can have 34 */

/* Bytes of a queue with so many lines, whole pages. */
size_t ucall_queue_size(uint32_t lines);

/* A new queue, in its zeroed memory; forgets all that is there. */
void ucall_queue_reset(struct ucall_queue_host *q);

/*
 * Is a message there?  On the one thread that takes them.  A hostile guest can have it say
 * anything.
 */
static inline bool ucall_queue_has(struct ucall_queue_host *q)
{
	if (q->place.put == q->place.taken)
		q->place.put =
			ucall_guest64(q->arch, __atomic_load_n(&q->shared->put, __ATOMIC_ACQUIRE));
	return q->place.put != q->place.taken;
}

/*
 * Takes the first message, if ucall_queue_has() one: as ucall_message_take().  A queue that makes
 * no sense is emptied (EPROTO).
 */
int ucall_queue_take(struct ucall_queue_host *q, struct ucall *copy);

/*
 * Does the guest exit only to have the host look at the queue?  Of an exit that holds no message.
 */
bool ucall_queue_was_flush(const struct ucall_queue_host *q);

#endif
