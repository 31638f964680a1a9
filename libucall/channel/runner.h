/* SPDX-License-Identifier: MIT */
/*
 * A thread that runs one vCPU while another takes its messages out of the queue: these are for that
 * other thread.  Only while the vCPU stands may it look at the vCPU's exit, registers and `later`.
 */
#ifndef LIBUCALL_RUNNER_H
#define LIBUCALL_RUNNER_H

#include "base/limit.h"
#include "machine/vm.h"

/*
 * Lets the vCPU run, or go on, until a message is in its queue, or it has ended by itself and vcpu->later
 * says how; while vcpu->later is there it does not run.  Returns 0, or -1: with errno ETIMEDOUT when
 * neither happened in time, and the vCPU stands; or after ucall_fail(), when there can be no thread.
 */
int ucall_runner_run(struct ucall_vcpu *vcpu, struct ucall_limit *limit);

bool ucall_runner_is_running(const struct ucall_vcpu *vcpu);

/* Has the vCPU stand until ucall_runner_run().  Of a vCPU without a thread: nothing. */
void ucall_runner_stop(struct ucall_vcpu *vcpu);

/* The same of all of a VM's vCPUs. */
void ucall_runner_stop_all(struct ucall_vm *vm);

/* What ucall_vcpu_kick() is for such a vCPU: async-signal-safe, from any thread. */
void ucall_runner_kick(struct ucall_vcpu *vcpu);

/* Ends the thread. */
void ucall_runner_free(struct ucall_vcpu *vcpu);

#endif
