// SPDX-License-Identifier: MIT
/* Ucalls from the exception handler of a guest with its own vectors: ucall_nest_enter(). */
#include <ucall/test.h>

static UCALL_GUEST void guest_by_hand(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	struct ucall_nest nest;

	m->uc.args[1] = 5;
	m->uc.text[1000] = 'y';
	__atomic_store_n((uint64_t *)(void *)&m->uc, ucall_head(UCALL_SYNC, 2, 0, 0),
			 __ATOMIC_RELEASE);
	ucall_nest_enter(&nest);
	GUEST_SYNC(6);
	GUEST_PRINTF("%01023d", 0);
	ucall_nest_leave(&nest);
	GUEST_ASSERT_EQ(m->uc.text[1000], 'y');
	ucall_ring(m, &m->uc, ucall_head(UCALL_SYNC, 2, 0, 0));
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD

static void host_by_hand(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 6);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
	CHECK_EQ(uc.text_size, 1023);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 5);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

UCALL_TESTS({ "by ucall_nest_enter", UCALL_TEST_GUEST(guest_by_hand), .host = host_by_hand,
	      .any_arch = true });

#endif
