/* SPDX-License-Identifier: MIT */
/*
 * What runs in an aarch64 guest for each exception.  Data to the host: copied to STUB_PAGE, where it
 * is the vector table (VBAR_EL1; Arm ARM, D1.3.1) and what follows.
 */
#include "arch/stub-page.h"

	.section .rodata
	.globl ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.hidden ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.balign 4096
ucall_stubs:
	vector = 0
	.rept 16
	.balign 0x80
	msr	tpidr_el1, x0
	msr	tpidrro_el0, x1
	mov	x0, #vector
	b	fault
	vector = vector + 0x80
	.endr

	.balign 0x80
fault:
	mov	x1, #STUB_FAULT
	movk	x1, #(STUB_MAILBOX >> 32), lsl #32
	str	x0, [x1, #STUB_FAULT_VECTOR]
	stp	x2, x3, [x1, #STUB_FAULT_GPR + 16]
	stp	x4, x5, [x1, #STUB_FAULT_GPR + 32]
	stp	x6, x7, [x1, #STUB_FAULT_GPR + 48]
	stp	x8, x9, [x1, #STUB_FAULT_GPR + 64]
	stp	x10, x11, [x1, #STUB_FAULT_GPR + 80]
	stp	x12, x13, [x1, #STUB_FAULT_GPR + 96]
	stp	x14, x15, [x1, #STUB_FAULT_GPR + 112]
	stp	x16, x17, [x1, #STUB_FAULT_GPR + 128]
	stp	x18, x19, [x1, #STUB_FAULT_GPR + 144]
	stp	x20, x21, [x1, #STUB_FAULT_GPR + 160]
	stp	x22, x23, [x1, #STUB_FAULT_GPR + 176]
	stp	x24, x25, [x1, #STUB_FAULT_GPR + 192]
	stp	x26, x27, [x1, #STUB_FAULT_GPR + 208]
	stp	x28, x29, [x1, #STUB_FAULT_GPR + 224]
	str	x30, [x1, #STUB_FAULT_GPR + 240]
	mrs	x2, tpidr_el1
	mrs	x3, tpidrro_el0
	stp	x2, x3, [x1, #STUB_FAULT_GPR]
	mrs	x2, esr_el1
	str	x2, [x1, #STUB_FAULT_CODE]
	mrs	x2, far_el1
	str	x2, [x1, #STUB_FAULT_ADDRESS]
	mrs	x2, elr_el1
	str	x2, [x1, #STUB_FAULT_PC]
	mov	x2, sp
	str	x2, [x1, #STUB_FAULT_SP]
	mrs	x2, spsr_el1
	str	x2, [x1, #STUB_FAULT_FLAGS]
	mov	w2, #1			/* UCALL_FAULT_REGS */
	stlr	w2, [x1]
	mov	x1, #(STUB_STOP & 0xffff)
	movk	x1, #(STUB_STOP >> 16 & 0xffff), lsl #16
	movk	x1, #(STUB_STOP >> 32), lsl #32
1:	str	x2, [x1]
	b	1b

	/* Where a guest function returns to. */
ucall_stubs_return:
	mov	x0, #(STUB_MAILBOX >> 32)
	lsl	x0, x0, #32
	mov	x1, #4			/* UCALL_DONE */
	stlr	x1, [x0]
	add	x1, x0, #STUB_BELL_OFFSET
	ldr	x2, [x1]
	blr	x2
	b	ucall_stubs_return
ucall_stubs_end:

	.section .note.GNU-stack,"",%progbits
