/* SPDX-License-Identifier: MIT */
/*
 * A thread that runs one vCPU, while another thread takes its messages out of the queue.  That
 * other thread calls these functions.  It looks at the vCPU's exit, registers and `held` only while
 * the vCPU is stopped.
 */
#ifndef LIBUCALL_POLLER_H
#define LIBUCALL_POLLER_H

#include "queued.h"

/* For a port with a queue; its thread starts with the first run.  NULL after ucall_fail(). */
struct ucall_poller *ucall_poller_new(struct ucall_port *port);

/*
 * Lets the vCPU start or continue, until a message is in its queue or its run ends; `held` then
 * says how it ended.  When neither happens in time, stops the vCPU; `held` says that too.  Returns
 * 0, or -1 after ucall_fail() if no thread can be created.
 */
int ucall_poller_run(struct ucall_poller *poller, struct ucall_limit *limit);

/* From here on NULL is allowed, and means a stopped vCPU. */
bool ucall_poller_is_running(const struct ucall_poller *poller);

/* Stops the vCPU until ucall_poller_run(). */
void ucall_poller_stop(struct ucall_poller *poller);

/* Ends the thread, which does not exist in a forked child (`inherited`). */
void ucall_poller_free(struct ucall_poller *poller, bool inherited);

#endif
