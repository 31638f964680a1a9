/* SPDX-License-Identifier: MIT */
/*
 * Counts a program's calls to KVM: this ioctl() overrides the C library's, so that it sees
 * every call of libucall.so.
 */
#ifndef T_COUNT_IOCTLS_H
#define T_COUNT_IOCTLS_H

#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdint.h>

static unsigned int runs, others; /* KVM_RUN; all else */

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int fd, unsigned long request, ...);
	va_list ap;
	void *arg;

	if (!real)
		real = (int (*)(int, unsigned long, ...))(uintptr_t)dlsym(RTLD_NEXT, "ioctl");
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_RUN)
		runs++;
	else
		others++;
	return real(fd, request, arg);
}

#endif
