/* SPDX-License-Identifier: MIT */
/* The pieces of the aarch64 architecture. */
#ifndef LIBUCALL_AARCH64_H
#define LIBUCALL_AARCH64_H

#include <errno.h>

#include "base/error.h"
#include "machine/pages.h"

int ucall_aarch64_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		      unsigned int prot);
void ucall_aarch64_share(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva);
int ucall_aarch64_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot);
uint64_t ucall_aarch64_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps);

/* What the tables' attribute indices mean: MAIR_EL1 (0: normal write-back, 1: device nGnRE). */
#define AARCH64_MAIR 0x04ffull

/* For kvm.c. */
extern const struct ucall_kvm_irqchip ucall_aarch64_irqchip;

#endif
