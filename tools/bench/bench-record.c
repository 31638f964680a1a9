// SPDX-License-Identifier: MIT
/* Records the library's KVM calls that set up a VM, and repeats them with bare KVM calls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#if defined(__x86_64__)
#define PAGE 4096u

/* What a VM's set-up needs, in the order in which KVM wants it. */
struct bench_recording {
	struct kvm_userspace_memory_region region;
	int run_size;
	struct kvm_cpuid2 *cpuid;
	struct kvm_sregs *sregs;
	struct kvm_regs *regs;
	struct page {
		struct page *next;
		uint64_t offset;
		uint8_t bytes[PAGE];
	} * pages; /* the guest's memory that is not zero at its first KVM_RUN */
	bool complete;
};
static _Thread_local struct bench_recording *recording;

static void *copy_of(const void *from, size_t size)
{
	void *copy = malloc(size);

	return copy ? memcpy(copy, from, size) : NULL;
}

static void record_pages(struct bench_recording *r)
{
	static const uint8_t zero[PAGE];
	const uint8_t *memory = (const uint8_t *)(uintptr_t)r->region.userspace_addr;
	unsigned char *resident = calloc(1, r->region.memory_size / PAGE);

	/* Does not read pages that were never touched: that would touch them. */
	if (!resident || mincore((void *)(uintptr_t)memory, r->region.memory_size, resident)) {
		free(resident);
		return;
	}
	for (uint64_t i = 0; i < r->region.memory_size; i += PAGE) {
		struct page *page;

		if (!(resident[i / PAGE] & 1) || !memcmp(memory + i, zero, PAGE))
			continue;
		page = malloc(sizeof(*page));
		if (!page)
			break;
		page->offset = i;
		memcpy(page->bytes, memory + i, PAGE);
		page->next = r->pages;
		r->pages = page;
	}
	free(resident);
	r->complete = r->pages && r->cpuid && r->sregs && r->regs && r->run_size > 0;
}

static void record_call(struct bench_recording *r, unsigned long request, const void *arg,
			int result)
{
	if (request == KVM_GET_VCPU_MMAP_SIZE)
		r->run_size = result;
	else if (request == KVM_SET_USER_MEMORY_REGION && !r->region.memory_size)
		memcpy(&r->region, arg, sizeof(r->region));
	else if (request == KVM_SET_CPUID2 && !r->cpuid)
		r->cpuid =
			copy_of(arg, sizeof(*r->cpuid) + ((const struct kvm_cpuid2 *)arg)->nent *
								 sizeof(struct kvm_cpuid_entry2));
	else if (request == KVM_SET_SREGS && !r->sregs)
		r->sregs = copy_of(arg, sizeof(*r->sregs));
	else if (request == KVM_SET_REGS && !r->regs)
		r->regs = copy_of(arg, sizeof(*r->regs));
}

void bench_record_before(unsigned long request)
{
	if (recording && request == KVM_RUN && !recording->complete)
		record_pages(recording);
}

void bench_record_after(unsigned long request, const void *arg, int result)
{
	if (recording)
		record_call(recording, request, arg, result);
}

struct bench_recording *bench_record_start(void)
{
	recording = calloc(1, sizeof(*recording));
	return recording;
}

void bench_record_stop(void)
{
	recording = NULL;
}

void bench_record_free(struct bench_recording *r)
{
	if (!r)
		return;
	while (r->pages) {
		struct page *page = r->pages;

		r->pages = page->next;
		free(page);
	}
	free(r->cpuid);
	free(r->sregs);
	free(r->regs);
	free(r);
}

int bench_record_repeat(const struct bench_recording *r)
{
	struct kvm_userspace_memory_region region = r->region;
	int kvm, vm = -1, vcpu = -1, result = -1;
	uint8_t *memory = MAP_FAILED;
	void *run = MAP_FAILED;

	if (!r->complete)
		return -1;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	vm = bench_call(kvm, KVM_CREATE_VM, NULL);
	memory = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory != MAP_FAILED) {
		for (const struct page *page = r->pages; page; page = page->next)
			memcpy(memory + page->offset, page->bytes, PAGE);
		region.userspace_addr = (uintptr_t)memory;
		bench_call(vm, KVM_SET_USER_MEMORY_REGION, &region);
	}
	vcpu = bench_call(vm, KVM_CREATE_VCPU, NULL);
	run = mmap(NULL, (size_t)r->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run != MAP_FAILED && !bench_call(vcpu, KVM_SET_CPUID2, r->cpuid) &&
	    !bench_call(vcpu, KVM_SET_SREGS, r->sregs) &&
	    !bench_call(vcpu, KVM_SET_REGS, r->regs) && !bench_call(vcpu, KVM_RUN, NULL))
		result = 0;
	if (run != MAP_FAILED)
		munmap(run, (size_t)r->run_size);
	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	if (memory != MAP_FAILED)
		munmap(memory, region.memory_size);
	if (kvm >= 0)
		close(kvm);
	return result;
}

#else

struct bench_recording *bench_record_start(void)
{
	ucall_fail(EOPNOTSUPP, "setting up a VM with bare KVM calls is written for x86_64 only");
	return NULL;
}

void bench_record_stop(void)
{
}

int bench_record_repeat(const struct bench_recording *recording)
{
	return -1;
}

void bench_record_free(struct bench_recording *recording)
{
}

void bench_record_before(unsigned long request)
{
}

void bench_record_after(unsigned long request, const void *arg, int result)
{
}
#endif
