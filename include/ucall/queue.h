/* SPDX-License-Identifier: MIT */
/*
 * <ucall/queue.h> - the guest's half of struct ucall_queue, for backends that queue messages
 * instead of exiting for each.  Their init() requests a queue with ucall_vm_set_queue(); the core
 * is the host's half.
 */
#ifndef UCALL_QUEUE_H
#define UCALL_QUEUE_H

#include <ucall/guest.h>

#ifdef __cplusplus
extern "C" {
#endif

/* This vCPU's queue and mailbox, relative to the bell page. */
UCALL_INLINE struct ucall_queue *ucall_bell_queue(const struct ucall_bell *bell)
{
	return (struct ucall_queue *)((uintptr_t)bell + UCALL_QUEUE_ADDRESS - UCALL_BELL_ADDRESS);
}

UCALL_INLINE struct ucall_mailbox *ucall_bell_mailbox(const struct ucall_bell *bell)
{
	return (struct ucall_mailbox *)((uintptr_t)bell -
					(UCALL_BELL_ADDRESS - UCALL_MAILBOX_ADDRESS));
}

/* Number of lines of a message with `nargs` arguments and `text_size` bytes of text. */
UCALL_INLINE uint64_t ucall_queue_lines(unsigned int nargs, uint32_t text_size)
{
	if (!text_size && nargs <= UCALL_QUEUE_LINE / 8 - 1)
		return 1;
	return (offsetof(struct ucall, text) + (uint64_t)text_size + UCALL_QUEUE_LINE - 1) /
	       UCALL_QUEUE_LINE;
}

enum ucall_queue_put {
	UCALL_QUEUE_FULL = 0,
	UCALL_QUEUE_NEVER = 1, /* it is from a handler that interrupted another, or not a message */
	UCALL_QUEUE_DONE = 2, /* it is in the queue; the mailbox is free again */
};

/*
 * For a doorbell: moves the mailbox's message into the queue.  Unless the result is
 * UCALL_QUEUE_DONE, the message is still in the mailbox; the doorbell must then exit, and the host
 * takes it there.
 *
 * A handler may interrupt this at any instruction.  Before `busy` is set, it finds the queue
 * between two messages; afterwards it uses only the mailbox, and `put` does not change.  The
 * mailbox is saved for it (struct ucall_nest).
 */
UCALL_INLINE enum ucall_queue_put ucall_queue_put(struct ucall_queue *q, struct ucall *uc)
{
	const volatile ucall_head_t *from = (const volatile ucall_head_t *)uc;
	volatile ucall_head_t *to;
	uint64_t put, lines = ucall_queue_lines(uc->nargs, uc->text_size);
	unsigned int i;

	if (q->busy || !uc->cmd || uc->text_size >= UCALL_TEXT_SIZE)
		return UCALL_QUEUE_NEVER;
	*(volatile uint32_t *)&q->busy = 1;
	put = *(volatile uint64_t *)&q->put;
	if (put + lines - q->seen > q->lines) {
		q->seen = __atomic_load_n(&q->taken, __ATOMIC_ACQUIRE);
		if (put + lines - q->seen > q->lines) {
			*(volatile uint32_t *)&q->busy = 0;
			return UCALL_QUEUE_FULL;
		}
	}
	/* Word by word and volatile: compilers would otherwise call memcpy(), which guests lack. */
	to = (volatile ucall_head_t *)(uintptr_t)((uintptr_t)(q + 1) +
						  (put & (q->lines - 1)) * UCALL_QUEUE_LINE);
	to[0] = from[0];
	for (i = 0; i < uc->nargs && i < UCALL_MAX_ARGS; i++)
		to[1 + i] = from[1 + i];
	for (i = 0; i < uc->text_size; i += 8)
		to[(offsetof(struct ucall, text) + i) / 8] =
			from[(offsetof(struct ucall, text) + i) / 8];
	__atomic_store_n(&q->put, put + lines, __ATOMIC_RELEASE);
	*(volatile uint32_t *)&q->busy = 0;
	*(volatile ucall_head_t *)uc = 0;
	return UCALL_QUEUE_DONE;
}

#ifdef __cplusplus
}
#endif

#endif
