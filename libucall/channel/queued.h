/* SPDX-License-Identifier: MIT */
/*
 * A port whose messages come through a queue: many with one exit, or with none while a separate
 * thread runs the vCPU (poller.h).  How a run ended is reported after the messages it left.
 */
#ifndef LIBUCALL_QUEUED_H
#define LIBUCALL_QUEUED_H

#include <errno.h>

#include "channel.h"
#include "queue.h"

struct ucall_poller; /* poller.c */

/* How a run ended, held back until its queued messages are taken. */
struct ucall_held {
	bool is_set;
	bool after_messages; /* queued messages were read first */
	enum ucall_run_end end;
	int error; /* errno and ucall_error() of UCALL_RUN_FAILED, which are per thread */
	char text[512];
};

struct ucall_queued {
	struct ucall_queue_host queue;
	struct ucall_held held;
	struct ucall_poller *poller; /* NULL: the vCPU runs in its user's thread */
	int kicked; /* atomic; used with a poller */
};

/*
 * Gives the port a queue and, if the backend wants one, a poller.  Returns 0, or -1 after
 * ucall_fail().
 */
int ucall_queued_open(struct ucall_port *port);

/* On the thread that ran the vCPU; stores its errno. */
static inline void ucall_held_set(struct ucall_held *held, enum ucall_run_end end)
{
	held->is_set = true;
	held->after_messages = false;
	held->end = end;
	held->error = errno;
	if (end == UCALL_RUN_FAILED)
		snprintf(held->text, sizeof(held->text), "%s", ucall_error());
}

/* What a snapshot keeps of a stopped port. */
struct ucall_queued_state {
	struct ucall_queue_place place;
	struct ucall_held held;
};

void ucall_queued_save(const struct ucall_port *port, struct ucall_queued_state *state);
void ucall_queued_load(struct ucall_port *port, const struct ucall_queued_state *state);

#endif
