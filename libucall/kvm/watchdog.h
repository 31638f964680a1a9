/* SPDX-License-Identifier: MIT */
/* Ends a blocking ioctl of the calling thread after a time, by a signal. */
#ifndef LIBUCALL_WATCHDOG_H
#define LIBUCALL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Makes the calling thread's blocking system calls end by the library's signal, and gives its id for
 * ucall_watchdog_signal().  Cheap after the first time.  -1 after ucall_fail().
 */
pid_t ucall_watchdog_thread(void);

/* Has a blocking system call of that thread return EINTR.  Async-signal-safe. */
void ucall_watchdog_signal(pid_t thread);

/*
 * From now on, until ucall_watchdog_stop(): at `deadline` (CLOCK_MONOTONIC, ns) *flag is set to 1 and a
 * system call that blocks in this thread returns EINTR.  Arms no timer if the thread's timer is due
 * early enough to look again.  Returns 0, or -1 after ucall_fail().
 */
int ucall_watchdog_start(uint8_t *flag, int64_t deadline);
void ucall_watchdog_stop(void);

/* True between start and stop once the deadline has passed. */
bool ucall_watchdog_expired(void);

#endif
