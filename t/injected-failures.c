// SPDX-License-Identifier: MIT
/*
 * Each call to the system that creating and running a VM makes fails once: each time there is an
 * error message, and nothing is left behind.  This program's own functions override those of the
 * C library.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <ucall/plugin.h>
#include "confidential.h"

#include "resources.h"

/* ThreadSanitizer calls these functions itself before it is ready for them. */
#ifdef THREAD_SANITIZER
static void once_skip(void)
{
	SKIP("not with ThreadSanitizer");
}

UCALL_TESTS({ "each call fails in its turn", .once = once_skip });
#else

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#define HAS_MALLINFO2
#endif

/* In bytes, of 900 VMs: buffers and caches grow a little; a leak of a block in each VM is more. */
#define GROWTH 28800

enum call { IOCTL, MMAP, OPEN, DLOPEN, PREAD, TIMER, CALLS };

static const char *const names[] = { "ioctl", "mmap", "open", "dlopen", "pread", "timer_create" };

/* The call that fails: number `fail_at` of its kind, from 0; -1 for none. */
static int counted[CALLS], fail_at[CALLS];
static bool counting;

static bool fails(enum call call)
{
	if (!counting || counted[call]++ != fail_at[call])
		return false;
	errno = ENOSPC;
	return true;
}

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int fd, unsigned long request, ...);
	va_list ap;
	void *arg;

	if (!real)
		real = (int (*)(int, unsigned long, ...))(uintptr_t)next("ioctl");
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fails(IOCTL) ? -1 : real(fd, request, arg);
}

void *mmap(void *address, size_t size, int prot, int flags, int fd, off_t offset)
{
	static void *(*real)(void *, size_t, int, int, int, off_t);

	if (!real)
		real = (void *(*)(void *, size_t, int, int, int, off_t))(uintptr_t)next("mmap");
	return fails(MMAP) ? MAP_FAILED : real(address, size, prot, flags, fd, offset);
}

/* The program's own file: if it cannot be read, memory is used instead, and nothing fails. */
static int program = -1;

int open(const char *path, int flags, ...)
{
	static int (*real)(const char *path, int flags, ...);
	va_list ap;
	mode_t mode;

	if (!real)
		real = (int (*)(const char *, int, ...))(uintptr_t)next("open");
	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (!strcmp(path, "/proc/self/exe"))
		return program = real(path, flags, mode);
	return fails(OPEN) ? -1 : real(path, flags, mode);
}

int close(int fd)
{
	static int (*real)(int);

	if (!real)
		real = (int (*)(int))(uintptr_t)next("close");
	if (fd == program)
		program = -1;
	return real(fd);
}

void *dlopen(const char *path, int flags)
{
	static void *(*real)(const char *path, int flags);

	if (!real)
		real = (void *(*)(const char *, int))(uintptr_t)next("dlopen");
	return fails(DLOPEN) ? NULL : real(path, flags);
}

ssize_t pread(int fd, void *to, size_t size, off_t offset)
{
	static ssize_t (*real)(int, void *, size_t, off_t);

	if (!real)
		real = (ssize_t(*)(int, void *, size_t, off_t))(uintptr_t)next("pread");
	return fd != program && fails(PREAD) ? -1 : real(fd, to, size, offset);
}

int timer_create(clockid_t clock, struct sigevent *event, timer_t *timer)
{
	static int (*real)(clockid_t, struct sigevent *, timer_t *);

	if (!real)
		real = (int (*)(clockid_t, struct sigevent *, timer_t *))(uintptr_t)next(
			"timer_create");
	return fails(TIMER) ? -1 : real(clock, event, timer);
}

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
}

static bool irqchip; /* of the VMs */

/* Does all that a test does with a VM.  Returns false if any of it failed. */
static bool use_vm(void)
{
	struct ucall_vm_config config = { .mem_size = (size_t)32 << 20, .irqchip = irqchip };
	struct ucall_vcpu *vcpu = NULL;
	struct ucall_vm *vm;
	bool good = false;

	ucall_test_config(&config);
	counting = true;
	vm = ucall_vm_create(&config);
	if (vm)
		vcpu = ucall_vcpu_add(vm, guest_code, 0);
	if (vcpu && !ucall_vm_launch(vm))
		good = ucall_next(vcpu, NULL) == UCALL_SYNC;
	counting = false;
	if (!good)
		CHECK(strlen(ucall_error()) > 10);
	ucall_vm_free(vm);
	return good;
}

static void reset(enum call call, int at)
{
	for (int i = 0; i < CALLS; i++) {
		counted[i] = 0;
		fail_at[i] = -1;
	}
	if (call < CALLS)
		fail_at[call] = at;
}

static void each_call(void)
{
	bool is_kvm = !strcmp(ucall_test_engine(), "kvm");
	int total[CALLS], fds, maps, threads, all = 0, step;

	/* The plugin's file first, before anything is loaded and kept. */
	for (enum call call = DLOPEN; call <= PREAD; call++) {
		reset(call, 0);
		if (use_vm())
			ucall_test_diag("%s was not called", names[call]);
	}
	reset(CALLS, 0);
	CHECK_OK(use_vm());
	memcpy(total, counted, sizeof(total));
	CHECK_OK(use_vm()); /* caches are full */
	fds = entries("/proc/self/fd");
	threads = entries("/proc/self/task");
	maps = mappings();
	for (int i = 0; i < CALLS; i++)
		all += total[i];
	step = (all - 1) / most_vms(all) + 1;
	for (enum call call = IOCTL; call < CALLS; call++) {
		for (int at = 0; at < total[call]; at += step) {
			reset(call, at);
			/* Calls that are made once per process are not made again. */
			if (use_vm() && counted[call] > at)
				FAIL("%s number %d failed, and the VM ran", names[call], at);
			CHECK_EQ(entries("/proc/self/fd"), fds);
			CHECK_EQ(entries("/proc/self/task"), threads);
			if (mappings() > maps + MAPPINGS_SLACK)
				FAIL("%s number %d: %d mappings became %d", names[call], at, maps,
				     mappings());
		}
	}
	ucall_test_diag("%d ioctl, %d mmap, %d open", total[IOCTL], total[MMAP], total[OPEN]);
	CHECK(!is_kvm || total[IOCTL] > 10);
	CHECK(total[MMAP] >= 2);
	CHECK(!is_kvm || total[OPEN] >= 1);
	reset(CALLS, 0);
	CHECK_OK(use_vm());
}

static void each_irqchip(void)
{
	struct ucall_vm_config config = { .irqchip = true };

	ucall_test_vm_free(ucall_test_vm(&config)); /* skips if there is none */
	irqchip = true;
	each_call();
	irqchip = false;
}

#if !defined(__s390x__)
/* ---- snapshots ---- */

static UCALL_GUEST void guest_loop(void)
{
	for (uint64_t i = 1;; i++)
		GUEST_SYNC(i);
}

/* *calls: the number of calls of each kind. */
static bool try_snapshot(struct ucall_vm *vm, struct ucall_vcpu *vcpu, int calls[CALLS])
{
	struct ucall uc;
	bool good;

	counting = true;
	good = !ucall_vm_snapshot(vm) && !ucall_vm_restore(vm);
	counting = false;
	memcpy(calls, counted, sizeof(counted));
	if (!good)
		CHECK(strlen(ucall_error()) > 10);
	/* What failed can be tried again. */
	reset(CALLS, 0);
	CHECK_OK(!ucall_vm_snapshot(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	return good;
}

static void each_snapshot(void)
{
	int total[CALLS] = { 0 }, calls[CALLS], fds = 0, maps = 0;
	int step = 1000 / most_vms(1000);

	for (int run = 0, call = IOCTL, at = 0; call < CALLS; run++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_loop, 0);
		bool good;

		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		if (run < 2) /* the first fills caches */
			reset(CALLS, 0);
		else
			reset((enum call)call, at);
		good = try_snapshot(vm, vcpu, run < 2 ? total : calls);
		ucall_test_vm_free(vm);
		if (run < 2) {
			CHECK(good);
			fds = entries("/proc/self/fd");
			maps = mappings();
			continue;
		}
		/* An MSR that cannot be read is not a failure. */
		CHECK(!good || call == IOCTL);
		CHECK_EQ(entries("/proc/self/fd"), fds);
		CHECK(mappings() <= maps + MAPPINGS_SLACK);
		/* Hundreds of ioctls are of one kind: one for each MSR. */
		for (at += at < 24 ? step : 11 * step; call < CALLS && at >= total[call]; call++)
			at = 0;
	}
	CHECK(total[IOCTL] > 20);
	CHECK_EQ(total[MMAP], 1);
	CHECK_EQ(total[OPEN], 1);
}
#endif

/*
 * A thousand VMs: no growth.  Resident pages would also count what the kernel has reclaimed and
 * brought back.
 */
static size_t allocated_bytes(void)
{
#ifdef HAS_MALLINFO2
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#else
	return 0;
#endif
}

static void each_thousand(void)
{
	int fds = 0, maps = 0, vms = most_vms(1000);
	size_t bytes = 0;

	reset(CALLS, 0);
	for (int i = 0; i < vms; i++) {
		CHECK_OK(use_vm());
		if (i == vms / 10) {
			fds = entries("/proc/self/fd");
			maps = mappings();
			bytes = allocated_bytes();
		}
	}
	CHECK_EQ(entries("/proc/self/fd"), fds);
	ucall_test_diag("%d VMs: %zu allocated bytes became %zu", vms - vms / 10, bytes,
			allocated_bytes());
	if (mappings() > maps + MAPPINGS_SLACK)
		FAIL("%d mappings became %d", maps, mappings());
#ifndef ADDRESS_SANITIZER /* which keeps freed memory */
	/* Unicorn 2.1.1 itself loses 48 bytes of each engine that it frees. */
	size_t growth = strcmp(ucall_test_engine(), "unicorn") ? GROWTH : 2 * GROWTH;

	if (vms == 1000 && allocated_bytes() >= bytes + growth)
		FAIL("%zu allocated bytes became %zu", bytes, allocated_bytes());
#endif
}

UCALL_TESTS({ "each call fails in its turn", .each = each_call },
	    { "each call fails in its turn, with an interrupt controller", .each = each_irqchip,
	      .engine = "kvm" },
	    { "a thousand VMs", .each = each_thousand },
#if !defined(__s390x__)
	    { "each call of a snapshot fails in its turn", .each = each_snapshot, .engine = "kvm" },
#endif
	    EMULATED_KIND("each call fails in its turn", .each = each_call,
			  .config.guest_vc = true),
	    KIND("emulated-sev-snp", "a thousand VMs", .each = each_thousand,
		 .config.guest_vc = true));

#endif
