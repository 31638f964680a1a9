/* SPDX-License-Identifier: MIT */
/* riscv64's part of the exception stubs (arch/stubs.h): where stvec points to (Privileged specification, 4.1.2). */
#include "arch/stubs.h"

	.section ucall_stubs, "ax"
	.globl ucall_stub_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_stub_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_stub_dispatch
	.option push
	.option norelax
	.balign 8
ucall_stub_vectors:
	csrw	sscratch, a0
	li	a0, STUB_CPU
	sd	a1, STUB_CPU_SCRATCH(a0)
	sd	t0, (STUB_CPU_SCRATCH + 8)(a0)
	/* Find this exception's part of the stack: a1 is its index, capped at the last part. */
	ld	a1, STUB_CPU_DEPTH(a0)
	addi	t0, a1, 1
	sd	t0, STUB_CPU_DEPTH(a0)
	li	t0, STUB_LAST_PART
	bleu	a1, t0, 1f
	mv	a1, t0
1:	slli	a1, a1, STUB_PART_SHIFT
	li	t0, STUB_STACK_TOP - STUB_FRAME_SIZE
	sub	t0, t0, a1

	/* struct ucall_frame at t0 */
	sd	zero, STUB_FRAME_GPR(t0)
	sd	x1, (STUB_FRAME_GPR + 8)(t0)
	sd	x2, (STUB_FRAME_GPR + 16)(t0)
	sd	x3, (STUB_FRAME_GPR + 24)(t0)
	sd	x4, (STUB_FRAME_GPR + 32)(t0)
	sd	x6, (STUB_FRAME_GPR + 48)(t0)
	sd	x7, (STUB_FRAME_GPR + 56)(t0)
	sd	x8, (STUB_FRAME_GPR + 64)(t0)
	sd	x9, (STUB_FRAME_GPR + 72)(t0)
	sd	x12, (STUB_FRAME_GPR + 96)(t0)
	sd	x13, (STUB_FRAME_GPR + 104)(t0)
	sd	x14, (STUB_FRAME_GPR + 112)(t0)
	sd	x15, (STUB_FRAME_GPR + 120)(t0)
	sd	x16, (STUB_FRAME_GPR + 128)(t0)
	sd	x17, (STUB_FRAME_GPR + 136)(t0)
	sd	x18, (STUB_FRAME_GPR + 144)(t0)
	sd	x19, (STUB_FRAME_GPR + 152)(t0)
	sd	x20, (STUB_FRAME_GPR + 160)(t0)
	sd	x21, (STUB_FRAME_GPR + 168)(t0)
	sd	x22, (STUB_FRAME_GPR + 176)(t0)
	sd	x23, (STUB_FRAME_GPR + 184)(t0)
	sd	x24, (STUB_FRAME_GPR + 192)(t0)
	sd	x25, (STUB_FRAME_GPR + 200)(t0)
	sd	x26, (STUB_FRAME_GPR + 208)(t0)
	sd	x27, (STUB_FRAME_GPR + 216)(t0)
	sd	x28, (STUB_FRAME_GPR + 224)(t0)
	sd	x29, (STUB_FRAME_GPR + 232)(t0)
	sd	x30, (STUB_FRAME_GPR + 240)(t0)
	sd	x31, (STUB_FRAME_GPR + 248)(t0)
	ld	a1, (STUB_CPU_SCRATCH + 8)(a0)
	sd	a1, (STUB_FRAME_GPR + 40)(t0)
	ld	a1, STUB_CPU_SCRATCH(a0)
	sd	a1, (STUB_FRAME_GPR + 88)(t0)
	csrr	a1, sscratch
	sd	a1, (STUB_FRAME_GPR + 80)(t0)
	sd	sp, STUB_FRAME_SP(t0)
	csrr	a1, scause
	sd	a1, STUB_FRAME_VECTOR(t0)
	sd	zero, STUB_FRAME_CODE(t0)
	csrr	a1, stval
	sd	a1, STUB_FRAME_ADDRESS(t0)
	csrr	a1, sepc
	sd	a1, STUB_FRAME_PC(t0)
	csrr	a1, sstatus
	sd	a1, STUB_FRAME_FLAGS(t0)
	sd	zero, STUB_FRAME_UNKNOWN(t0)

	mv	sp, t0
	mv	a0, t0
	call	ucall_stub_dispatch

	li	a0, STUB_CPU
	ld	a1, STUB_CPU_DEPTH(a0)
	addi	a1, a1, -1
	sd	a1, STUB_CPU_DEPTH(a0)
	mv	a0, sp
	ld	a1, STUB_FRAME_PC(a0)
	csrw	sepc, a1
	ld	a1, STUB_FRAME_FLAGS(a0)
	csrw	sstatus, a1
	ld	sp, STUB_FRAME_SP(a0)
	ld	x1, (STUB_FRAME_GPR + 8)(a0)
	ld	x3, (STUB_FRAME_GPR + 24)(a0)
	ld	x4, (STUB_FRAME_GPR + 32)(a0)
	ld	x5, (STUB_FRAME_GPR + 40)(a0)
	ld	x6, (STUB_FRAME_GPR + 48)(a0)
	ld	x7, (STUB_FRAME_GPR + 56)(a0)
	ld	x8, (STUB_FRAME_GPR + 64)(a0)
	ld	x9, (STUB_FRAME_GPR + 72)(a0)
	ld	x11, (STUB_FRAME_GPR + 88)(a0)
	ld	x12, (STUB_FRAME_GPR + 96)(a0)
	ld	x13, (STUB_FRAME_GPR + 104)(a0)
	ld	x14, (STUB_FRAME_GPR + 112)(a0)
	ld	x15, (STUB_FRAME_GPR + 120)(a0)
	ld	x16, (STUB_FRAME_GPR + 128)(a0)
	ld	x17, (STUB_FRAME_GPR + 136)(a0)
	ld	x18, (STUB_FRAME_GPR + 144)(a0)
	ld	x19, (STUB_FRAME_GPR + 152)(a0)
	ld	x20, (STUB_FRAME_GPR + 160)(a0)
	ld	x21, (STUB_FRAME_GPR + 168)(a0)
	ld	x22, (STUB_FRAME_GPR + 176)(a0)
	ld	x23, (STUB_FRAME_GPR + 184)(a0)
	ld	x24, (STUB_FRAME_GPR + 192)(a0)
	ld	x25, (STUB_FRAME_GPR + 200)(a0)
	ld	x26, (STUB_FRAME_GPR + 208)(a0)
	ld	x27, (STUB_FRAME_GPR + 216)(a0)
	ld	x28, (STUB_FRAME_GPR + 224)(a0)
	ld	x29, (STUB_FRAME_GPR + 232)(a0)
	ld	x30, (STUB_FRAME_GPR + 240)(a0)
	ld	x31, (STUB_FRAME_GPR + 248)(a0)
	ld	a0, (STUB_FRAME_GPR + 80)(a0)
	sret

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
ucall_stubs_return_end:
	.option pop

	.section .note.GNU-stack,"",%progbits
