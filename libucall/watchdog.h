/* SPDX-License-Identifier: MIT */
/* Ends a blocking ioctl of the calling thread after a time, by a signal. */
#ifndef LIBUCALL_WATCHDOG_H
#define LIBUCALL_WATCHDOG_H

#include <stdint.h>

/*
 * From now on, until ucall_watchdog_stop(): once `timeout_ms` have passed, *flag is set to 1 and a
 * system call that blocks in this thread returns EINTR.  Arms no timer if the thread's timer is due
 * early enough to look again.  Returns 0, or -1 after ucall_fail().
 */
int ucall_watchdog_start(uint8_t *flag, int timeout_ms);
void ucall_watchdog_stop(void);

#endif
