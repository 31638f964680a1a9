/* SPDX-License-Identifier: MIT */
/*
 * What runs in a riscv64 guest for each exception.  Data to the host: copied to STUB_PAGE, whose first
 * instruction stvec names (Privileged specification, 4.1.2).
 */
#include "arch/stub-page.h"

	.section .rodata
	.globl ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.hidden ucall_stubs, ucall_stubs_end, ucall_stubs_return
	.option push
	.option norelax
	.balign 8
ucall_stubs:
	csrw	sscratch, a0
	li	a0, STUB_MAILBOX + STUB_FAULT
	sd	x1, STUB_FAULT_GPR + 8(a0)
	sd	x2, STUB_FAULT_GPR + 16(a0)
	sd	x3, STUB_FAULT_GPR + 24(a0)
	sd	x4, STUB_FAULT_GPR + 32(a0)
	sd	x5, STUB_FAULT_GPR + 40(a0)
	sd	x6, STUB_FAULT_GPR + 48(a0)
	sd	x7, STUB_FAULT_GPR + 56(a0)
	sd	x8, STUB_FAULT_GPR + 64(a0)
	sd	x9, STUB_FAULT_GPR + 72(a0)
	sd	x11, STUB_FAULT_GPR + 88(a0)
	sd	x12, STUB_FAULT_GPR + 96(a0)
	sd	x13, STUB_FAULT_GPR + 104(a0)
	sd	x14, STUB_FAULT_GPR + 112(a0)
	sd	x15, STUB_FAULT_GPR + 120(a0)
	sd	x16, STUB_FAULT_GPR + 128(a0)
	sd	x17, STUB_FAULT_GPR + 136(a0)
	sd	x18, STUB_FAULT_GPR + 144(a0)
	sd	x19, STUB_FAULT_GPR + 152(a0)
	sd	x20, STUB_FAULT_GPR + 160(a0)
	sd	x21, STUB_FAULT_GPR + 168(a0)
	sd	x22, STUB_FAULT_GPR + 176(a0)
	sd	x23, STUB_FAULT_GPR + 184(a0)
	sd	x24, STUB_FAULT_GPR + 192(a0)
	sd	x25, STUB_FAULT_GPR + 200(a0)
	sd	x26, STUB_FAULT_GPR + 208(a0)
	sd	x27, STUB_FAULT_GPR + 216(a0)
	sd	x28, STUB_FAULT_GPR + 224(a0)
	sd	x29, STUB_FAULT_GPR + 232(a0)
	sd	x30, STUB_FAULT_GPR + 240(a0)
	sd	x31, STUB_FAULT_GPR + 248(a0)
	csrr	t0, sscratch
	sd	t0, STUB_FAULT_GPR + 80(a0)
	sd	sp, STUB_FAULT_SP(a0)
	csrr	t0, scause
	sd	t0, STUB_FAULT_VECTOR(a0)
	csrr	t0, stval
	sd	t0, STUB_FAULT_ADDRESS(a0)
	csrr	t0, sepc
	sd	t0, STUB_FAULT_PC(a0)
	csrr	t0, sstatus
	sd	t0, STUB_FAULT_FLAGS(a0)
	fence	rw, w
	li	t0, 1			/* UCALL_FAULT_REGS */
	sw	t0, 0(a0)
	li	a0, STUB_STOP
1:	sw	t0, 0(a0)
	j	1b

	/* Where a guest function returns to. */
ucall_stubs_return:
	li	a0, STUB_MAILBOX
	li	a1, 4			/* UCALL_DONE */
	fence	rw, w
	sd	a1, 0(a0)
	li	a1, STUB_MAILBOX + STUB_BELL_OFFSET
	ld	a2, 0(a1)
	jalr	a2
	j	ucall_stubs_return
ucall_stubs_end:
	.option pop

	.section .note.GNU-stack,"",%progbits
