// SPDX-License-Identifier: MIT
/*
 * The guest of hello.c as a program of its own, for any architecture:
 *
 *	ucall cc --arch s390x -o hello.elf guest-hello.c
 *	ucall run hello.elf
 */
#include <ucall/guest.h>

UCALL_GUEST void guest_main(void)
{
	GUEST_PRINTF("hello from vCPU %u, guest\n", guest_get_vcpuid());
	GUEST_SYNC(1);
	GUEST_SYNC(2);
	GUEST_DONE();
}
