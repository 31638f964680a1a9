/* SPDX-License-Identifier: MIT */
#ifndef LIBUCALL_CLOCK_H
#define LIBUCALL_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, for time limits.  Async-signal-safe. */
static inline int64_t ucall_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

#endif
