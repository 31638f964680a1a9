/* SPDX-License-Identifier: MIT */
/* Where a guest function of an s390x guest returns to.  (Exceptions need no code: see native.c.) */
#include "arch/stub-page.h"

	.section .rodata
	.globl ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.hidden ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.balign 8
ucall_stubs:
ucall_stubs_return:
	llihf	%r2, STUB_MAILBOX >> 32
	llihh	%r1, 4			/* UCALL_DONE: the head's first two bytes */
	stg	%r1, 0(%r2)
	lay	%r3, STUB_BELL_OFFSET(%r2)
	lg	%r1, 0(%r3)
	basr	%r14, %r1
	j	ucall_stubs_return
ucall_stubs_end:

	.section .note.GNU-stack,"",%progbits
