// SPDX-License-Identifier: MIT
/* ucall_shared(): messages in structures that the host allocated, the GUEST_SHARED_ family. */
#include "confidential.h"

static UCALL_GUEST void guest_shared(struct ucall *uc, uint64_t x)
{
	GUEST_SHARED_SYNC(&uc[0], 1);
	GUEST_SHARED_SYNC(&uc[1], 2);
	GUEST_SHARED_SYNC_ARGS(&uc[2], 3, 10, 20, 30, 40);
	GUEST_SYNC(4); /* plain ones may come between */
	GUEST_SHARED_SYNC(&uc[0], 5);
	GUEST_SHARED_ASSERT(&uc[0], x == 5);
	GUEST_SHARED_ASSERT_1(&uc[0], x == 5, x);
	GUEST_SHARED_ASSERT_2(&uc[0], x == 5, x, x);
	GUEST_SHARED_ASSERT_3(&uc[0], x == 5, x, x, x);
	GUEST_SHARED_ASSERT_4(&uc[0], x == 5, x, x, x, x);
	GUEST_SHARED_ASSERT_EQ(&uc[0], x, 5);
	GUEST_SHARED_DONE(&uc[1]);
	GUEST_SHARED_ASSERT_EQ(&uc[1], x, 6);
}

/* An address without a message: an error, and no harm. */
static UCALL_GUEST void guest_wild(uint64_t gva)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	m->shared = gva;
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	((void (*)(uint64_t, const struct ucall_bell *))bell->ring)(gva, bell);
	m->shared = 0;
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>

static void each_shared(enum ucall_via via)
{
	struct ucall_vm_config config = { .via = via };
	struct ucall_vm *vm = ucall_test_vm(&config);
	uint64_t gva = ucall_shared_alloc(vm, 8);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_shared, 2, gva, 5);
	uint64_t second = gva + sizeof(struct ucall), third = second + sizeof(struct ucall);
	struct ucall uc;

	CHECK_OK(gva && vcpu && !ucall_vm_launch(vm));
	CHECK_SHARED_SYNC(vcpu, gva, 1);

	/* An address that the guest did not use has no message. */
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall_shared(vcpu, gva, &uc), UCALL_NONE);
	CHECK_EQ(get_ucall_shared(vcpu, second, &uc), UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	CHECK_EQ(get_ucall_shared(vcpu, second, &uc), UCALL_NONE); /* once */

	/* get_ucall() and ucall_next() find it as well. */
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 3);
	CHECK_EQ(uc.args[5], 40);
	CHECK_EQ(get_ucall_shared(vcpu, third, &uc), UCALL_NONE);

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 4);
	CHECK_SHARED_SYNC(vcpu, gva, 5);
	CHECK_SHARED_DONE(vcpu, second);

	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall_shared(vcpu, second, &uc), UCALL_ABORT);
	CHECK_HAS(uc.text, "shared.c:19: assertion failed: x == 6 with 0x5, 0x6");
	CHECK_SHARED_ABORT(vcpu, second);
}

static void each_mailbox(void)
{
	each_shared(UCALL_VIA_MAILBOX);
}

static void each_address(void)
{
	each_shared(UCALL_VIA_ADDRESS);
}

static void each_wild(enum ucall_via via)
{
	static const uint64_t wild[] = { 8,
					 0xdeadbee8,
					 0x7fffffffff000,
					 0xffffffffffffff00,
					 0x8000000000000000,
					 UCALL_MAILBOX_ADDRESS + 4,
					 UCALL_MAILBOX_ADDRESS - 8 };
	struct ucall_vm_config config = { .via = via };

	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		struct ucall_vm *vm = ucall_test_vm(&config);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_wild, 1, wild[i]);

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, EPROTO);
		CHECK_HAS(ucall_error(), "the guest rang for a message");
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		ucall_test_vm_free(vm);
	}
}

static void each_wild_mailbox(void)
{
	each_wild(UCALL_VIA_MAILBOX);
}

static void each_wild_address(void)
{
	each_wild(UCALL_VIA_ADDRESS);
}

UCALL_TESTS({ "shared structures, by the mailbox", .each = each_mailbox, .any_arch = true },
	    { "shared structures, by the address", .each = each_address, .any_arch = true },
	    { "wild addresses, by the mailbox", .each = each_wild_mailbox, .any_arch = true },
	    { "wild addresses, by the address", .each = each_wild_address, .any_arch = true },
	    EACH_PROTECTED("shared structures", .each = each_mailbox, .config.guest_vc = true),
	    EACH_PROTECTED("wild addresses", .each = each_wild_mailbox, .config.guest_vc = true));

#endif
