/* SPDX-License-Identifier: MIT */
/*
 * The KVM calls that make a trust domain, as data: a table of steps.  tdx_launch() runs them, by ioctl()
 * or a test's replacement for it; tdx_launch_list() writes them out.
 */
#ifndef LIBUCALL_TDX_LAUNCH_H
#define LIBUCALL_TDX_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <ucall/plugin.h>

#include "protect/tdx/kvm-tdx.h"

/* Each step belongs to a part of the VM's life; between the parts the engine does its own work. */
enum tdx_part {
	TDX_PART_CREATE, /* the VM itself: returns its descriptor */
	TDX_PART_INIT,
	TDX_PART_MEMORY,
	TDX_PART_VCPU, /* for each vCPU */
	TDX_PART_LAUNCH,
	TDX_PARTS,
};

#define TDX_CPUID_MOST 256 /* entries that KVM takes */

/* Pages with contents. */
struct tdx_contents {
	uint64_t gpa, size;
	const void *source;
};

struct tdx_launch {
	/* What to launch. */
	uint64_t attributes;
	int kvm_fd;
	const struct kvm_cpuid2 *supported; /* by KVM; NULL when it is only listed */
	void *memory; /* the host's address of guest-physical address 0, for shared pages */
	uint64_t memory_size;
	void *reset_memory; /* the same for the reset page */
	struct tdx_contents *contents; /* private pages; the caller frees it */
	size_t content_count;
	/* TDX_PART_VCPU: the vCPU's descriptor, and its RCX; TDX_PART_LAUNCH: the first one's. */
	int vcpu_fd;
	unsigned int vcpu;
	uint64_t start;

	/* How to call, and the results. */
	int (*call)(void *data, int fd, unsigned long request, void *arg); /* ioctl(2) */
	void *call_data;
	int vm_fd, memfd; /* -1: none; the caller closes both */
	struct tdx_capabilities
		*capabilities; /* these two: by TDX_PART_INIT; the caller frees them */
	struct tdx_init_vm *init_vm;
	size_t content; /* the next one */
};

/* Runs all steps of one part.  -1 after ucall_fail(), with the call and the TDX module's status. */
int tdx_launch(struct tdx_launch *l, enum tdx_part part);

/*
 * The same calls as text, one per line as in strace; new memory, NULL after ucall_fail().  `starts` has
 * l->start of each vCPU.
 */
char *tdx_launch_list(struct tdx_launch *l, const uint64_t *starts, unsigned int vcpus);

/* What KVM supports, as far as a trust domain can have it: for KVM_TDX_INIT_VM. */
void tdx_filter_cpuid(const struct tdx_capabilities *capabilities,
		      const struct kvm_cpuid2 *supported, struct kvm_cpuid2 *out);

#endif
