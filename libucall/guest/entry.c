// SPDX-License-Identifier: MIT
/* Guest runtime: where guest functions of a separate guest ELF return to. */
#include <ucall/guest.h>

UCALL_GUEST void ucall_guest_return(void)
{
	for (;;)
		GUEST_DONE();
}
