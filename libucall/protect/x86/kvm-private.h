/* SPDX-License-Identifier: MIT */
/*
 * The parts of KVM's interface for private memory that SEV-SNP and TDX have in common, under libucall's
 * own names: <linux/kvm.h> may be older than the running kernel.  Each part gives the Linux version that
 * added it.
 */
#ifndef LIBUCALL_X86_KVM_PRIVATE_H
#define LIBUCALL_X86_KVM_PRIVATE_H

#include <linux/kvm.h>
#include <stdint.h>

/* ---- Linux 4.16 ---- */

#define X86_IOCTL_ENCRYPT_OP _IOWR(KVMIO, 0xba, unsigned long) /* KVM_MEMORY_ENCRYPT_OP */

/* ---- Linux 5.15 ---- */

#define X86_CAP_EXIT_HYPERCALL 201 /* KVM_CAP_EXIT_HYPERCALL */
#define X86_HC_MAP_GPA_RANGE 12 /* KVM_HC_MAP_GPA_RANGE: address, pages, attributes */
#define X86_MAP_GPA_ENCRYPTED (1u << 4) /* KVM_MAP_GPA_RANGE_ENCRYPTED */

/* ---- Linux 6.8: memory that is private to a guest ---- */

#define X86_CAP_VM_TYPES 235 /* KVM_CAP_VM_TYPES */
#define X86_IOCTL_SET_MEMORY \
	_IOW(KVMIO, 0x49, struct x86_memory_region) /* KVM_SET_USER_MEMORY_REGION2 */
#define X86_IOCTL_SET_ATTRIBUTES \
	_IOW(KVMIO, 0xd2, struct x86_attributes) /* KVM_SET_MEMORY_ATTRIBUTES */
#define X86_IOCTL_CREATE_MEMFD _IOWR(KVMIO, 0xd4, struct x86_memfd) /* KVM_CREATE_GUEST_MEMFD */

struct x86_memory_region { /* struct kvm_userspace_memory_region2 */
	uint32_t slot, flags;
	uint64_t guest_phys_addr, memory_size, userspace_addr;
	uint64_t guest_memfd_offset;
	uint32_t guest_memfd, pad1;
	uint64_t pad2[14];
};

#define X86_MEM_GUEST_MEMFD (1u << 2) /* KVM_MEM_GUEST_MEMFD */

struct x86_attributes { /* struct kvm_memory_attributes */
	uint64_t address, size, attributes, flags;
};

#define X86_ATTRIBUTE_PRIVATE (1ull << 3) /* KVM_MEMORY_ATTRIBUTE_PRIVATE */

struct x86_memfd { /* struct kvm_create_guest_memfd */
	uint64_t size, flags, reserved[6];
};

struct x86_memory_fault { /* struct kvm_run.memory_fault, with KVM_EXIT_MEMORY_FAULT */
	uint64_t flags, gpa, size;
};

#define X86_FAULT_PRIVATE (1ull << 3) /* KVM_MEMORY_EXIT_FLAG_PRIVATE */

_Static_assert(sizeof(struct x86_memory_region) == 160, "KVM_SET_USER_MEMORY_REGION2");
_Static_assert(sizeof(struct x86_memfd) == 64, "KVM_CREATE_GUEST_MEMFD");

#endif
