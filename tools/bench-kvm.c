// SPDX-License-Identifier: MIT
/*
 * KVM below the library.  This program's ioctl() stands before the C library's, so that it sees every
 * call of libucall.so: it counts them, notes them, or stands in for KVM_RUN.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PAGE 4096u

/* Of a thread each: other commands of this program have several. */
_Thread_local unsigned long bench_ioctls;
_Thread_local struct bench_replay bench_replay;

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
	} * pages; /* of the guest's memory, those that are not zero at its first KVM_RUN */
	bool complete;
};
static _Thread_local struct bench_recording *recording;

static void *copy_of(const void *from, size_t size)
{
	void *copy = malloc(size);

	return copy ? memcpy(copy, from, size) : NULL;
}

static void note_pages(struct bench_recording *r)
{
	static const uint8_t zero[PAGE];
	const uint8_t *memory = (const uint8_t *)(uintptr_t)r->region.userspace_addr;
	unsigned char *resident = calloc(1, r->region.memory_size / PAGE);

	/* What was never touched is not read, so that it stays so. */
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

static void note(struct bench_recording *r, unsigned long request, const void *arg, int result)
{
	if (request == KVM_GET_VCPU_MMAP_SIZE)
		r->run_size = result;
	else if (request == KVM_SET_USER_MEMORY_REGION && !r->region.memory_size)
		memcpy(&r->region, arg, sizeof(r->region));
	else if (request == KVM_SET_CPUID2 && !r->cpuid)
		r->cpuid = copy_of(arg, sizeof(*r->cpuid) + ((const struct kvm_cpuid2 *)arg)->nent *
								    sizeof(struct kvm_cpuid_entry2));
	else if (request == KVM_SET_SREGS && !r->sregs)
		r->sregs = copy_of(arg, sizeof(*r->sregs));
	else if (request == KVM_SET_REGS && !r->regs)
		r->regs = copy_of(arg, sizeof(*r->regs));
}

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	static int (*found)(int fd, unsigned long request, ...); /* atomic */
	int (*next)(int fd, unsigned long request, ...) = __atomic_load_n(&found, __ATOMIC_RELAXED);
	va_list ap;
	void *arg;
	int result;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_RUN && bench_replay.head) {
		*bench_replay.head = bench_replay.value;
		return 0;
	}
	if (!next) {
		next = (int (*)(int, unsigned long, ...))(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
		__atomic_store_n(&found, next, __ATOMIC_RELAXED);
	}
	bench_ioctls++;
	if (recording && request == KVM_RUN && !recording->complete)
		note_pages(recording);
	result = next(fd, request, arg);
	if (recording)
		note(recording, request, arg, result);
	return result;
}

/* ---- a VM's set-up, again ---- */

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

static int call(int fd, unsigned long request, const void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
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
	vm = call(kvm, KVM_CREATE_VM, NULL);
	memory = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory != MAP_FAILED) {
		for (const struct page *page = r->pages; page; page = page->next)
			memcpy(memory + page->offset, page->bytes, PAGE);
		region.userspace_addr = (uintptr_t)memory;
		call(vm, KVM_SET_USER_MEMORY_REGION, &region);
	}
	vcpu = call(vm, KVM_CREATE_VCPU, NULL);
	run = mmap(NULL, (size_t)r->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run != MAP_FAILED && !call(vcpu, KVM_SET_CPUID2, r->cpuid) &&
	    !call(vcpu, KVM_SET_SREGS, r->sregs) && !call(vcpu, KVM_SET_REGS, r->regs) &&
	    !call(vcpu, KVM_RUN, NULL))
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

/* ---- running ---- */

double bench_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

double bench_bare_run(int fd, unsigned int count)
{
	double start = bench_now_ns();

	for (unsigned int i = 0; i < count; i++)
		if (call(fd, KVM_RUN, NULL))
			return -1;
	return (bench_now_ns() - start) / count;
}

int bench_step(int fd, void *shared)
{
	const volatile struct kvm_run *run = shared;
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	int steps = -1;

	if (call(fd, KVM_SET_GUEST_DEBUG, &debug))
		return -1;
	do
		steps++;
	while (steps < 100000 && !call(fd, KVM_RUN, NULL) && run->exit_reason == KVM_EXIT_DEBUG);
	debug.control = 0;
	call(fd, KVM_SET_GUEST_DEBUG, &debug);
	return steps < 100000 ? steps : -1;
}
