// SPDX-License-Identifier: MIT
/* Guest runtime: the end of a guest function of a separate guest ELF. */
#include <ucall/guest.h>

UCALL_GUEST void ucall_guest_return(void)
{
	for (;;)
		GUEST_DONE();
}
