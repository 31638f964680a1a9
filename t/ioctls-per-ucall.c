// SPDX-License-Identifier: MIT
/*
 * A ucall costs one KVM_RUN and no other system call on KVM's descriptors.  This program's ioctl()
 * stands before the C library's, so that it sees every call of libucall.so.
 */
#include <dlfcn.h>
#include <linux/kvm.h>
#include <stdarg.h>

#include <ucall/test.h>

static unsigned int runs, others;

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

#define ROUNDS 100

static UCALL_GUEST void guest_code(struct ucall *uc)
{
	for (int i = 0; i < ROUNDS; i++) {
		GUEST_SYNC(i);
		GUEST_SYNC_ARGS(i, 1, 2, 3, 4);
		GUEST_SHARED_SYNC(uc, i);
	}
	GUEST_DONE();
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t gva = ucall_shared_alloc(vm, 1);

	vcpu = ucall_vcpu_add(vm, guest_code, 1, gva);
	CHECK_OK(gva && vcpu);
	CHECK(others > 0); /* the count works: creation made some */
	runs = others = 0;
	for (int i = 0; i < 3 * ROUNDS; i++)
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_diag("%u ucalls: %u KVM_RUN, %u other ioctls", 3 * ROUNDS + 1, runs, others);
	CHECK_EQ(runs, 3 * ROUNDS + 1);
	CHECK_EQ(others, 0);
}

UCALL_TESTS({ "one KVM_RUN a ucall, by the mailbox", .host = host_code,
	      .config = { .via = UCALL_VIA_MAILBOX }, .engine = "kvm" },
	    { "one KVM_RUN a ucall, by the address", .host = host_code,
	      .config = { .via = UCALL_VIA_ADDRESS }, .engine = "kvm" });
