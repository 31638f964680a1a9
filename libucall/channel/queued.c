// SPDX-License-Identifier: MIT
/* See queued.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "poller.h"
#include "queued.h"

/* Reports to the user how the run ended. */
static int report_end(struct ucall_port *port)
{
	struct ucall_held *held = &port->queued->held;

	held->is_set = false;
	if (held->end == UCALL_RUN_FAILED)
		return ucall_fail(held->error, "%s", held->text);
	return port->channel->machine->report(port->cpu, held->end,
					      ucall_channel_timeout(port->channel));
}

/* True if the guest only wanted the host to look at its queue, which is empty by now. */
static bool was_flush(struct ucall_port *port)
{
	uint64_t where;

	return ucall_queue_was_flush(&port->queued->queue) && ucall_port_rang(port, &where) &&
	       !ucall_port_find(port);
}

/*
 * True if the run's end need not be reported: the guest only asked the host to look at its queue;
 * or the run timed out, but there were messages, so the guest was not idle.
 */
static bool can_be_dropped(struct ucall_port *port)
{
	const struct ucall_held *held = &port->queued->held;

	if (held->end == UCALL_RUN_EXIT)
		return was_flush(port);
	return held->after_messages && held->end == UCALL_RUN_TIMEOUT;
}

/* Runs in a row for a guest that only asks the host to look at an empty queue. */
#define MAX_EMPTY_FLUSHES 8

static int run(struct ucall_port *port, struct ucall_limit *limit)
{
	const struct ucall_machine_ops *machine = port->channel->machine;
	struct ucall_queued *q = port->queued;

	for (int i = 0;; i++) {
		bool stopped = !ucall_poller_is_running(q->poller);

		/* Queued messages come first, however the run ended. */
		if (ucall_queue_has(&q->queue)) {
			if (stopped)
				q->held.after_messages = true;
			return 0;
		}
		if (stopped && q->held.is_set && (i == MAX_EMPTY_FLUSHES || !can_be_dropped(port)))
			return report_end(port);
		/* check_run() clears the last report, so not while the vCPU runs. */
		if (stopped && machine->check_run(port->cpu))
			return -1;
		if (stopped)
			q->held.is_set = false;
		if (!q->poller)
			ucall_held_set(&q->held,
				       machine->run(port->cpu, ucall_limit_deadline(limit)));
		else if (ucall_poller_run(q->poller, limit))
			return -1;
	}
}

static void stop(struct ucall_port *port)
{
	ucall_poller_stop(port->queued->poller);
}

static int receive(struct ucall_port *port, const uint64_t *only, struct ucall *uc)
{
	struct ucall_queued *q = port->queued;
	int cmd;

	if (ucall_queue_has(&q->queue)) {
		if (only)
			return UCALL_NONE;
		ucall_port_count(port);
		cmd = ucall_queue_take(&q->queue, uc);
		if (cmd < 0)
			stop(port);
		return cmd;
	}
	if (ucall_poller_is_running(q->poller))
		return UCALL_NONE;
	cmd = ucall_port_plain.receive(port, only, uc);
	if (cmd)
		q->held.is_set =
			false; /* the run ended with this message, so there is nothing to report */
	return cmd;
}

static void kick(struct ucall_port *port)
{
	if (port->queued->poller)
		__atomic_store_n(&port->queued->kicked, 1, __ATOMIC_RELEASE);
	port->channel->machine->kick(port->cpu);
}

static void reset(struct ucall_port *port)
{
	port->queued->held.is_set = false;
	ucall_queue_reset(&port->queued->queue);
}

static void close_queued(struct ucall_port *port, bool inherited)
{
	ucall_poller_free(port->queued->poller, inherited);
	free(port->queued);
	port->queued = NULL;
}

static const struct ucall_port_ops queued_ops = {
	.run = run,
	.receive = receive,
	.kick = kick,
	.stop = stop,
	.reset = reset,
	.close = close_queued,
};

int ucall_queued_open(struct ucall_port *port)
{
	const struct ucall_channel *c = port->channel;
	struct ucall_queued *q = ucall_calloc(1, sizeof(*q));

	if (!q)
		return -1;
	port->queued = q;
	port->ops = &queued_ops;
	q->queue.arch = c->traits.arch;
	q->queue.lines = c->queue_lines;
	q->queue.shared =
		c->machine->map_own(port->cpu, ucall_channel_address(c, UCALL_QUEUE_ADDRESS),
				    ucall_queue_size(c->queue_lines), UCALL_MAP_WRITE);
	if (!q->queue.shared)
		return -1;
	ucall_queue_reset(&q->queue);
	if (c->queue_polled)
		q->poller = ucall_poller_new(port);
	return c->queue_polled && !q->poller ? -1 : 0;
}

void ucall_queued_save(const struct ucall_port *port, struct ucall_queued_state *state)
{
	memset(state, 0, sizeof(*state));
	if (!port->queued)
		return;
	state->place = port->queued->queue.place;
	state->held = port->queued->held;
}

void ucall_queued_load(struct ucall_port *port, const struct ucall_queued_state *state)
{
	if (!port->queued)
		return;
	port->queued->queue.place = state->place;
	port->queued->held = state->held;
}
