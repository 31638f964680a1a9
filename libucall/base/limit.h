/* SPDX-License-Identifier: MIT */
/* The time limit of one call of the library, over all the runs of the vCPU that the call makes. */
#ifndef LIBUCALL_LIMIT_H
#define LIBUCALL_LIMIT_H

#include <stdbool.h>

#include "clock.h"

struct ucall_limit {
	int ms; /* -1: no limit */
	int64_t deadline; /* CLOCK_MONOTONIC, ns; 0: the clock has not been read yet */
};

/*
 * Returns the deadline, or -1 if there is no limit.  The time starts at the first call, so that a
 * call of the library that needs no limit does not read the clock.
 */
static inline int64_t ucall_limit_deadline(struct ucall_limit *limit)
{
	if (limit->ms < 0)
		return -1;
	if (!limit->deadline)
		limit->deadline = ucall_now_ns() + limit->ms * 1000000ll;
	return limit->deadline;
}

static inline bool ucall_limit_is_over(struct ucall_limit *limit)
{
	int64_t deadline = ucall_limit_deadline(limit);

	return deadline >= 0 && ucall_now_ns() >= deadline;
}

#endif
