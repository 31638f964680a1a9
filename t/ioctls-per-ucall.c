// SPDX-License-Identifier: MIT
/* A ucall costs one KVM_RUN and no other system call on KVM's descriptors. */
#include <ucall/test.h>

#include "count-ioctls.h"

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
