// SPDX-License-Identifier: MIT
/* The guest of `ucall demo`: a part of the command, and a guest ELF for each other architecture. */
#include "demo-guest.h"

UCALL_GUEST void guest_main(uint64_t first, uint64_t second)
{
	GUEST_PRINTF("sum %llu", (unsigned long long)(first + second));
	GUEST_SYNC(1);
	GUEST_SYNC_ARGS(2, first, second, first + second, first * second);
	GUEST_ASSERT_EQ(first + second, second + first);
	GUEST_DONE();
}
