/* SPDX-License-Identifier: MIT */
/*
 * Breakpoint instructions that the host writes into guest code while a vCPU is in KVM_RUN: for a KVM
 * that has neither single steps nor the CPU's breakpoints.
 */
#ifndef LIBUCALL_PLANTED_H
#define LIBUCALL_PLANTED_H

#include "machine/machine.h"

struct ucall_planted_place;

struct ucall_planted {
	pthread_mutex_t lock;
	struct ucall_planted_place *places;
};

void ucall_planted_init(struct ucall_planted *p);
void ucall_planted_fini(struct ucall_planted *p);

/* Writes one instruction at each address, or takes it back; what is not mapped is left out. */
void ucall_planted_set(struct ucall_planted *p, struct ucall_cpu *vcpu, const uint64_t *pcs,
		       unsigned int count, bool on);

#endif
