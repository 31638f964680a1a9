/* SPDX-License-Identifier: MIT */
/* What is said of a guest that went wrong. */
#ifndef LIBUCALL_FAULT_H
#define LIBUCALL_FAULT_H

#include "machine/vm.h"

/*
 * Each fills in vcpu->fault, calls ucall_fail() with the sentence on it, and returns -1.
 *
 * The exception that a stub left in the mailbox (EFAULT), or that the engine reports (EFAULT); a triple fault (EFAULT); a run that was
 * ended by the time limit (ETIMEDOUT); an exit that is no ucall (ENOMSG); a message that is none,
 * on which ucall_fail() has been called already (EPROTO).
 */
int ucall_fault_exception(struct ucall_vcpu *vcpu);
int ucall_fault_unhandled(struct ucall_vcpu *vcpu);
int ucall_fault_shutdown(struct ucall_vcpu *vcpu);
int ucall_fault_timeout(struct ucall_vcpu *vcpu, int timeout_ms);
int ucall_fault_exit(struct ucall_vcpu *vcpu);
int ucall_fault_message(struct ucall_vcpu *vcpu);

/* The vCPU goes on: what was said of it is over. */
void ucall_fault_clear(struct ucall_vcpu *vcpu);

#endif
