/* SPDX-License-Identifier: MIT */
/* The pieces of the riscv64 architecture. */
#ifndef LIBUCALL_RISCV64_H
#define LIBUCALL_RISCV64_H

#include <errno.h>

#include "base/error.h"
#include "machine/pages.h"

int ucall_riscv64_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		      unsigned int prot);
void ucall_riscv64_share(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva);
/* Decodes KVM exits that only riscv64 has: returns 1 and fills in *exit, or returns 0. */
struct kvm_run;
int ucall_riscv64_decode(const struct kvm_run *run, struct ucall_exit *exit);

int ucall_riscv64_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot);
uint64_t ucall_riscv64_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps);

/* For kvm.c. */
extern const struct ucall_kvm_irqchip ucall_riscv64_irqchip;

#endif
