/* SPDX-License-Identifier: MIT */
/* Reports on guests that went wrong. */
#ifndef LIBUCALL_FAULT_H
#define LIBUCALL_FAULT_H

#include "machine/machine.h"

/* A vCPU, and what is known of it when its guest goes wrong. */
struct ucall_fault {
	struct ucall_cpu *cpu;
	const char *backend; /* whose doorbell its guest rings */
	const struct ucall_fault_area
		*area; /* where the guest's exception stubs write; it can change at any time */
	struct ucall_fault_info info;
	char *report; /* the fault in full; NULL: nothing went wrong */
	bool dead; /* it faulted: only a restart helps */
};

/*
 * Each fills in f->info, calls ucall_fail() with one sentence on the fault, and returns -1.
 *
 * In this order: the exception that a stub left in the mailbox (EFAULT), or that the engine reports
 * (EFAULT); a triple fault (EFAULT); a run that timed out (ETIMEDOUT); an exit that the backend
 * does not recognise (ENOMSG); a malformed message, for which ucall_fail() was called already
 * (EPROTO).
 */
int ucall_fault_exception(struct ucall_fault *f);
int ucall_fault_unhandled(struct ucall_fault *f);
int ucall_fault_shutdown(struct ucall_fault *f);
int ucall_fault_timeout(struct ucall_fault *f, int timeout_ms);
int ucall_fault_exit(struct ucall_fault *f);
int ucall_fault_message(struct ucall_fault *f);

/* Adds what the vCPU's last exit was: "output to port 0x3f8, 1 byte(s)". */
struct ucall_text;
void ucall_describe_exit(const struct ucall_cpu *cpu, struct ucall_text *text);

/* Drops the report, when the vCPU continues. */
void ucall_fault_clear(struct ucall_fault *f);

#endif
