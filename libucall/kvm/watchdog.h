/* SPDX-License-Identifier: MIT */
/* Interrupts a blocking ioctl of the calling thread with a signal, after a time limit. */
#ifndef LIBUCALL_WATCHDOG_H
#define LIBUCALL_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Lets the library's signal interrupt the calling thread's system calls.  Returns the thread's id
 * for ucall_watchdog_signal(), or -1 after ucall_fail().  Cheap after the first call.
 */
pid_t ucall_watchdog_thread(void);

/* Makes a blocking system call of that thread return EINTR.  Async-signal-safe. */
void ucall_watchdog_signal(pid_t thread);

/*
 * Until ucall_watchdog_stop(): at `deadline` (CLOCK_MONOTONIC, ns) *flag is set to 1 and a blocking
 * system call of this thread returns EINTR.  If the thread's timer is due before that, it is not
 * armed here: its handler does it.  Returns 0, or -1 after ucall_fail().
 */
int ucall_watchdog_start(uint8_t *flag, int64_t deadline);
void ucall_watchdog_stop(void);

/* True between start and stop once the deadline has passed. */
bool ucall_watchdog_expired(void);

#endif
