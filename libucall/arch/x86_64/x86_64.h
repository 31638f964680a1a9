/* SPDX-License-Identifier: MIT */
/* The pieces of the x86_64 architecture. */
#ifndef LIBUCALL_X86_64_H
#define LIBUCALL_X86_64_H

#include <errno.h>

#include "base/error.h"
#include "machine/pages.h"

int ucall_x86_64_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		     unsigned int prot);
void ucall_x86_64_share(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva);
int ucall_x86_64_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		      unsigned int *prot);
uint64_t ucall_x86_64_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps);

int ucall_x86_64_find_escape(const void *code, size_t size, uint64_t address,
			     struct ucall_escape *escape);
uint64_t ucall_x86_64_plt_slot(const void *code, size_t size, uint64_t address);

/*
 * kvm.c: reads the registers, and the code that they point to; unmapped bytes read as 0.  -1 after
 * ucall_fail().
 */
struct kvm_regs;
int ucall_x86_64_next_code(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, uint8_t *code,
			   size_t size);

struct kvm_cpuid2;
/* The VM's CPUID, from one KVM_GET_SUPPORTED_CPUID per process; NULL after ucall_fail(). */
const struct kvm_cpuid2 *ucall_x86_64_cpuid(const struct ucall_machine *vm, int kvm_fd);

/* For kvm.c: snapshots. */
extern const struct ucall_kvm_state ucall_x86_64_state;
void *ucall_x86_64_save_irqchip(int vm_fd, int device, unsigned int vcpus);
int ucall_x86_64_load_irqchip(int vm_fd, int device, const void *state);
/* For struct ucall_kvm_arch. */
int ucall_x86_64_reset(int fd);

#endif
