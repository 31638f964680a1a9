// SPDX-License-Identifier: MIT
/* Guest runtime: ucalls within ucalls, and doorbells that did not reach the host. */
#include <ucall/guest.h>

UCALL_GUEST void ucall_guest_swallowed(void)
{
	*(volatile uint32_t *)&ucall_this_mailbox()->fault.kind = UCALL_FAULT_SWALLOWED;
	for (;;)
		__builtin_trap();
}

UCALL_GUEST void ucall_nest_enter(struct ucall_nest *nest)
{
	uint64_t *area = (uint64_t *)(void *)ucall_this_mailbox();

	for (unsigned int i = 0; i < UCALL_NEST_SIZE / 8; i++)
		nest->saved[i] = area[i];
	area[0] = 0;
	ucall_this_mailbox()->shared = 0;
}

UCALL_GUEST void ucall_nest_leave(const struct ucall_nest *nest)
{
	uint64_t *area = (uint64_t *)(void *)ucall_this_mailbox();

	for (unsigned int i = 0; i < UCALL_NEST_SIZE / 8; i++)
		area[i] = nest->saved[i];
}
