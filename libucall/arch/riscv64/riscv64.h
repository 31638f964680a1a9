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

/* Reads two bytes of guest code; false if there are none. */
struct ucall_riscv64_code {
	bool (*read)(void *data, uint64_t gva, uint16_t *half);
	void *data;
};

#define UCALL_RISCV64_NEXT 4

/*
 * Sets next[] to the addresses where the guest may be after the instruction at pc, and returns how many
 * it set; 0 if no instruction can be read at pc.  `sepc`: the address to which SRET returns.
 */
unsigned int ucall_riscv64_next_pcs(const struct ucall_riscv64_code *code, uint64_t pc,
				    const uint64_t *gpr, uint64_t sepc,
				    uint64_t next[UCALL_RISCV64_NEXT]);

/* For kvm.c. */
extern const struct ucall_kvm_irqchip ucall_riscv64_irqchip;

#endif
