/* SPDX-License-Identifier: MIT */
#ifndef LIBUCALL_RUN_END_H
#define LIBUCALL_RUN_END_H

/* How a run of a vCPU ended. */
enum ucall_run_end {
	UCALL_RUN_FAILED = -1, /* after ucall_fail() */
	UCALL_RUN_EXIT = 0, /* the vCPU's exit says how */
	UCALL_RUN_TIMEOUT = 1, /* the deadline passed; it can run again */
	UCALL_RUN_KICK = 2, /* it was kicked; it can run again */
	/* Used only within an engine: */
	UCALL_RUN_INTERRUPTED = 3, /* by a signal of any kind */
	UCALL_RUN_AGAIN = 4, /* nothing to report */
};

#endif
