/* SPDX-License-Identifier: MIT */
/*
 * A thread that runs one vCPU while another takes its messages out of the queue: these functions are for that
 * other thread.  It looks at the vCPU's exit, registers and `held` only while the vCPU is stopped.
 */
#ifndef LIBUCALL_POLLER_H
#define LIBUCALL_POLLER_H

#include "queued.h"

/* For a port with a queue; its thread starts with the first run.  NULL after ucall_fail(). */
struct ucall_poller *ucall_poller_new(struct ucall_port *port);

/*
 * Lets the vCPU run, or go on, until a message is in its queue, or it has ended by itself and
 * `held` says how, which is then there.  When neither happens in time the vCPU is stopped, and held
 * says that.  Returns 0, or -1 after ucall_fail(), when no thread can be made.
 */
int ucall_poller_run(struct ucall_poller *poller, struct ucall_limit *limit);

/* NULL is allowed from here on, and means a vCPU that is stopped. */
bool ucall_poller_is_running(const struct ucall_poller *poller);

/* Stops the vCPU until ucall_poller_run(). */
void ucall_poller_stop(struct ucall_poller *poller);

/* Ends the thread; in a child of the process (`inherited`) it is not there. */
void ucall_poller_free(struct ucall_poller *poller, bool inherited);

#endif
