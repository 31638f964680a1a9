// SPDX-License-Identifier: MIT
/*
 * KVM below the library.  This program's ioctl() overrides the C library's, so it sees every call
 * from libucall.so: it counts and records them, or replaces KVM_RUN.
 */
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

/* Per thread: other commands of this program have several threads. */
_Thread_local unsigned long bench_ioctls;
_Thread_local struct bench_replay bench_replay;

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
	bench_record_before(request);
	result = next(fd, request, arg);
	bench_record_after(request, arg, result);
	return result;
}

/* ---- running ---- */

int bench_call(int fd, unsigned long request, const void *arg)
{
	return (int)syscall(SYS_ioctl, fd, request, arg);
}

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
		if (bench_call(fd, KVM_RUN, NULL))
			return -1;
	return (bench_now_ns() - start) / count;
}
