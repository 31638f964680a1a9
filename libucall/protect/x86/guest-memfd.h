/* SPDX-License-Identifier: MIT */
/* Running VMs whose private memory is a guest_memfd (KVM API document, KVM_CREATE_GUEST_MEMFD). */
#ifndef LIBUCALL_X86_GUEST_MEMFD_H
#define LIBUCALL_X86_GUEST_MEMFD_H

#include "kvm/kvm.h"
#include "protect/private-pages.h"

/* KVM_SET_MEMORY_ATTRIBUTES; keeps `pages` the same. */
int x86_memfd_set_private(int vm_fd, struct ucall_private_pages *pages, uint64_t gpa, size_t size,
			  bool is_private);

/*
 * KVM_RUN.  Serves the guest's requests to make pages private or shared (KVM_HC_MAP_GPA_RANGE) by the
 * guard's set_private().
 */
enum ucall_run_end x86_memfd_run(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				 size_t run_size);

#endif
