/* SPDX-License-Identifier: MIT */
/* What the kvm engine needs of an architecture: arch/ARCH/kvm.c.  Needs <linux/kvm.h>. */
#ifndef LIBUCALL_KVM_H
#define LIBUCALL_KVM_H

#include <linux/kvm.h>
#include <stdlib.h>

#include "memory.h"
#include "vm.h"

/* What the last exit was, from `run` (of run_size bytes, its data area included) alone. */
void ucall_kvm_decode(const struct kvm_run *run, size_t run_size, struct ucall_exit *exit);

/* KVM_CAP_SYNC_REGS bits that this engine relies on. */
int ucall_kvm_arch_sync_regs(void);
/* What a vCPU gets once: CPUID, and which registers each exit leaves in `run`. */
int ucall_kvm_arch_vcpu_init(struct ucall_vcpu *vcpu, int kvm_fd, int fd, struct kvm_run *run);
/* Sets the vCPU's registers as vcpu->boot says. */
int ucall_kvm_arch_boot(struct ucall_vcpu *vcpu, int fd);
uint64_t ucall_kvm_arch_argument(const struct kvm_run *run);
uint64_t ucall_kvm_arch_root(const struct ucall_vcpu *vcpu, const struct kvm_run *run);
int ucall_kvm_arch_get_regs(int fd, struct ucall_regs *out);
int ucall_kvm_arch_set_regs(int fd, const struct ucall_regs *in);
/* Exits that only this architecture has: 1 and *exit filled in, or 0. */
int ucall_kvm_arch_decode(const struct kvm_run *run, size_t run_size, struct ucall_exit *exit);

#endif
