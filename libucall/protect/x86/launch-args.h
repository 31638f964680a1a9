/* SPDX-License-Identifier: MIT */
/* Arguments that the launches of SEV-SNP and TDX have in common: filled in, and written out. */
#ifndef LIBUCALL_X86_LAUNCH_ARGS_H
#define LIBUCALL_X86_LAUNCH_ARGS_H

#include <inttypes.h>
#include <stdio.h>

#include "kvm-private.h"

/* The guest's requests to change pages come to user space. */
static inline void x86_fill_hypercall(struct kvm_enable_cap *cap)
{
	cap->cap = X86_CAP_EXIT_HYPERCALL;
	cap->args[0] = 1u << X86_HC_MAP_GPA_RANGE;
}

static inline void x86_list_hypercall(const struct kvm_enable_cap *cap, FILE *out)
{
	fprintf(out, "{cap=KVM_CAP_EXIT_HYPERCALL, args[0]=0x%llx (1 << KVM_HC_MAP_GPA_RANGE)}",
		(unsigned long long)cap->args[0]);
}

static inline void x86_list_memfd(const struct x86_memfd *memfd, FILE *out)
{
	fprintf(out, "{size=0x%" PRIx64 ", flags=0x%" PRIx64 "}", memfd->size, memfd->flags);
}

/* Slot 0 is all memory: what is private in it comes from `memfd`. */
static inline void x86_fill_memory(struct x86_memory_region *region, const void *memory,
				   uint64_t size, int memfd)
{
	region->flags = X86_MEM_GUEST_MEMFD;
	region->memory_size = size;
	region->userspace_addr = (uint64_t)(uintptr_t)memory;
	region->guest_memfd = (uint32_t)memfd;
}

static inline void x86_list_memory(const struct x86_memory_region *region, FILE *out)
{
	fprintf(out,
		"{slot=%u, flags=KVM_MEM_GUEST_MEMFD, guest_phys_addr=0x%" PRIx64
		", memory_size=0x%" PRIx64,
		region->slot, region->guest_phys_addr, region->memory_size);
	if (region->userspace_addr)
		fprintf(out, ", userspace_addr=0x%" PRIx64, region->userspace_addr);
	else
		fprintf(out, ", userspace_addr=a page");
	fprintf(out, ", guest_memfd_offset=0x%" PRIx64 ", guest_memfd=memfd}",
		region->guest_memfd_offset);
}

static inline void x86_list_private(const struct x86_attributes *attributes, FILE *out)
{
	fprintf(out,
		"{address=0x%" PRIx64 ", size=0x%" PRIx64
		", attributes=KVM_MEMORY_ATTRIBUTE_PRIVATE}",
		attributes->address, attributes->size);
}

#endif
