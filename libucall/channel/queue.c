// SPDX-License-Identifier: MIT
/* See queue.h, and struct ucall_queue for the order of accesses. */
#include <errno.h>
#include <string.h>

#include <ucall/queue.h>

#include "base/error.h"
#include "mailbox.h"
#include "queue.h"

static size_t page_align(size_t size)
{
	return (size + UCALL_PAGE_SIZE - 1) & ~(size_t)(UCALL_PAGE_SIZE - 1);
}

size_t ucall_queue_size(uint32_t lines)
{
	/* The last message may begin at the last line. */
	return page_align(sizeof(struct ucall_queue) + (size_t)lines * UCALL_QUEUE_LINE +
			  sizeof(struct ucall));
}

void ucall_queue_reset(struct ucall_queue_host *q)
{
	memset(q->shared, 0, sizeof(*q->shared));
	q->shared->lines = ucall_guest32(q->arch, q->lines);
	q->place.taken = q->place.told = q->place.put = 0;
}

static int take(struct ucall_queue_host *q, struct ucall *copy)
{
	uint64_t lines, there = q->place.put - q->place.taken;
	uint8_t *ring = (uint8_t *)(q->shared + 1);
	struct ucall_place place = { .view = NULL };
	struct ucall *uc;
	int cmd;

	if (there > q->lines) {
		q->place.taken = q->place.put;
		return ucall_fail(EPROTO,
				  "the guest's queue claims to hold %llu lines of messages; its "
				  "size is %u",
				  (unsigned long long)there, q->lines);
	}
	uc = (struct ucall *)(void *)(ring + (q->place.taken & (q->lines - 1)) * UCALL_QUEUE_LINE);
	place.view = uc;
	cmd = ucall_message_copy(q->arch, &place, *(const uint64_t *)(const void *)uc, copy);
	/* From the copy, which the guest cannot change. */
	lines = copy->text_size < UCALL_TEXT_SIZE ? ucall_queue_lines(copy->nargs, copy->text_size)
						  : there;
	q->place.taken += lines < there ? lines : there;
	return cmd;
}

/*
 * Tells the guest only now and then how many are taken: each time moves a cache line between the
 * CPUs and back, and a guest that waits for room would get it one line at a time.
 */
int ucall_queue_take(struct ucall_queue_host *q, struct ucall *copy)
{
	int cmd = take(q, copy);

	if (q->place.taken == q->place.put || q->place.taken - q->place.told >= q->lines / 4) {
		q->place.told = q->place.taken;
		__atomic_store_n(&q->shared->taken, ucall_guest64(q->arch, q->place.taken),
				 __ATOMIC_RELEASE);
	}
	return cmd;
}

bool ucall_queue_was_flush(const struct ucall_queue_host *q)
{
	return __atomic_load_n(&q->shared->flush, __ATOMIC_RELAXED);
}
