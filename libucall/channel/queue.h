/* SPDX-License-Identifier: MIT */
/* The host's half of struct ucall_queue: messages that do not need one exit each. */
#ifndef LIBUCALL_QUEUE_H
#define LIBUCALL_QUEUE_H

#include <ucall/queue.h>

#include "arch/byte-order.h"

/* Where the host is in a queue, in lines as struct ucall_queue counts them. */
struct ucall_queue_place {
	uint64_t taken;
	uint64_t told; /* of these, how many the guest knows of */
	uint64_t put; /* the guest's `put`, when it was last read */
};

struct ucall_queue_host {
	const struct ucall_arch *arch; /* the guest's */
	struct ucall_queue *shared; /* the host's view; the guest writes it at any time */
	uint32_t lines;
	struct ucall_queue_place place;
};

#define UCALL_QUEUE_LINES_LEAST 64 /* a message can take 34 */

/* Bytes of a queue with that many lines, in whole pages. */
size_t ucall_queue_size(uint32_t lines);

/* Initialises a queue in its memory, or empties it. */
void ucall_queue_reset(struct ucall_queue_host *q);

/*
 * True if there is a message.  Only for the thread that takes them.  A hostile guest can make it
 * return anything.
 */
static inline bool ucall_queue_has(struct ucall_queue_host *q)
{
	if (q->place.put == q->place.taken)
		q->place.put =
			ucall_guest64(q->arch, __atomic_load_n(&q->shared->put, __ATOMIC_ACQUIRE));
	return q->place.put != q->place.taken;
}

/*
 * Takes the first message, after ucall_queue_has().  Returns as ucall_message_take().  A queue with
 * impossible contents is emptied (EPROTO).
 */
int ucall_queue_take(struct ucall_queue_host *q, struct ucall *copy);

/* For an exit without a message: true if the guest only wants the host to look at the queue. */
bool ucall_queue_was_flush(const struct ucall_queue_host *q);

#endif
