// SPDX-License-Identifier: MIT
/* GUEST_DONE returns when the vCPU is run again; a guest function that returns is done. */
#include "confidential.h"

static UCALL_GUEST void guest_done(void)
{
	GUEST_DONE();
	GUEST_SYNC(2);
	GUEST_DONE();
}

static UCALL_GUEST void guest_returns(void)
{
}

#ifndef UCALL_GUEST_BUILD

static void host_done(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_EQ(uc.nargs, 0);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	for (int i = 0; i < 3; i++)
		CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void host_returns(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	for (int i = 0; i < 3; i++)
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#define RING3 .config = { .ring = 3 }

UCALL_TESTS({ "DONE", UCALL_TEST_GUEST(guest_done), .host = host_done, .any_arch = true },
	    { "return", UCALL_TEST_GUEST(guest_returns), .host = host_returns, .any_arch = true },
	    { "DONE in ring 3", UCALL_TEST_GUEST(guest_done), .host = host_done, RING3 },
	    { "return in ring 3", UCALL_TEST_GUEST(guest_returns), .host = host_returns, RING3 },
	    EACH_PROTECTED("DONE", UCALL_TEST_GUEST(guest_done), .host = host_done, .launch = true,
			   .config.guest_vc = true),
	    EACH_PROTECTED("return", UCALL_TEST_GUEST(guest_returns), .host = host_returns,
			   .launch = true, .config.guest_vc = true));

#endif
