// SPDX-License-Identifier: MIT
/* A message carries 0 to 7 arguments, all 64 bits of each, and no more than it was given. */
#include "confidential.h"

#define BIG 0xfedcba9876543210ull

static UCALL_GUEST void guest_args(void)
{
	ucall(UCALL_USER, 0);
	ucall(UCALL_USER + 1, 1, 1);
	ucall(UCALL_USER + 2, 2, 1, 2);
	ucall(UCALL_USER + 3, 3, 1, 2, 3);
	ucall(UCALL_USER + 4, 4, 1, 2, 3, 4);
	ucall(UCALL_USER + 5, 5, 1, 2, 3, 4, 5);
	ucall(UCALL_USER + 6, 6, 1, 2, 3, 4, 5, 6);
	ucall(UCALL_USER + 7, 7, 1, 2, 3, 4, 5, 6, 7);
	ucall(0xffff, 7, BIG, -1, BIG, -1, BIG, -1, BIG);
	ucall(UCALL_USER, 0);
	GUEST_DONE();
}

static UCALL_GUEST void guest_sync(void)
{
	for (int i = 0; i < 100; i++)
		GUEST_SYNC(i);
	GUEST_SYNC_ARGS(100, 11, 12, 13, 14);
	GUEST_DONE();
}

/* A number of arguments that the compiler cannot see is checked by the host. */
static UCALL_GUEST void guest_too_many(uint64_t nargs)
{
	ucall(UCALL_USER, nargs, 1, 2, 3);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>

static void host_args(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	for (int n = 0; n <= 7; n++) {
		CHECK_NEXT(vcpu, &uc, UCALL_USER + n);
		CHECK_EQ(uc.nargs, n);
		for (int i = 0; i < 7; i++)
			CHECK_EQ(uc.args[i], i < n ? i + 1 : 0);
		CHECK_EQ(uc.text_size, 0);
	}
	CHECK_NEXT(vcpu, &uc, 0xffff);
	for (int i = 0; i < 7; i++)
		CHECK_EQ(uc.args[i], i % 2 ? -1 : (long long)BIG);
	CHECK_NEXT(vcpu, &uc, UCALL_USER);
	CHECK_EQ(uc.nargs, 0);
	CHECK_EQ(uc.args[6], 0); /* nothing stale */
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void host_sync(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	for (int i = 0; i < 100; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.nargs, 6);
	for (int i = 2; i < 6; i++)
		CHECK_EQ(uc.args[i], 9 + i);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void host_too_many(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EPROTO);
	CHECK_HAS(ucall_error(), "8 arguments; the maximum is 7");
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void host_three(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_USER);
	CHECK_EQ(uc.nargs, 3);
	CHECK_EQ(uc.args[2], 3);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#define BOTH(text, ...) \
	{ text ", by the mailbox", __VA_ARGS__, .any_arch = true, \
	  .config = { .via = UCALL_VIA_MAILBOX } }, \
	{ \
		text ", by the address", __VA_ARGS__, .any_arch = true, .config = { \
			.via = UCALL_VIA_ADDRESS \
		} \
	}

UCALL_TESTS(BOTH("0 to 7 arguments", UCALL_TEST_GUEST(guest_args), .host = host_args),
	    BOTH("SYNC and its stage", UCALL_TEST_GUEST(guest_sync), .host = host_sync),
	    BOTH("8 arguments at run time", UCALL_TEST_GUEST(guest_too_many), .nargs = 1,
		 .args = { 8 }, .host = host_too_many),
	    BOTH("3 arguments at run time", UCALL_TEST_GUEST(guest_too_many), .nargs = 1,
		 .args = { 3 }, .host = host_three),
	    EACH_PROTECTED("0 to 7 arguments", UCALL_TEST_GUEST(guest_args), .host = host_args,
			   .launch = true, .config.guest_vc = true));

#endif
