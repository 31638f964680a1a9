// SPDX-License-Identifier: MIT
/* How many system calls on KVM's descriptors a ucall costs: one KVM_RUN. */
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

/*
 * By the address, the page tables are walked from their root.  KVM leaves it in kvm_run on x86_64;
 * elsewhere it is a call for each message that is not a shared one.
 */
#if defined(__x86_64__)
#define ROOT_IOCTLS 0
#else
#define ROOT_IOCTLS 1
#endif

static void check(struct ucall_vm *vm, unsigned int allowed)
{
	struct ucall_vcpu *vcpu;
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
	CHECK_EQ(others, allowed);
}

static void host_mailbox(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check(vm, 0);
}

static void host_address(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check(vm, 2 * ROUNDS * ROOT_IOCTLS);
}

UCALL_TESTS({ "one KVM_RUN a ucall, by the mailbox", .host = host_mailbox,
	      .config = { .via = UCALL_VIA_MAILBOX }, .engine = "kvm" },
	    { "one KVM_RUN a ucall, by the address", .host = host_address,
	      .config = { .via = UCALL_VIA_ADDRESS }, .engine = "kvm" });
