// SPDX-License-Identifier: MIT
#include <ucall/guest.h>

#include "kicks-guest.h"

UCALL_GUEST void guest_busy(uint64_t spins)
{
	for (uint64_t i = 0;; i++) {
		GUEST_SYNC(i);
		if (i % 4 == 3)
			for (uint64_t k = 0; k < spins; k++)
				__asm__ volatile("" : : : "memory");
	}
}
