/* SPDX-License-Identifier: MIT */
/* aarch64's part of the exception stubs (arch/stubs.h): the vector table of VBAR_EL1 (Arm ARM, D1.3.1). */
#include "arch/stubs.h"
#include "protect/pkvm/abi.h"

	.section ucall_stubs, "ax"
	.globl ucall_stub_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_stub_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_stub_dispatch
	.balign 4096
ucall_stub_vectors:
	vector = 0
	.rept 16
	.balign 0x80
	msr	tpidr_el1, x0
	msr	tpidrro_el0, x1
	mov	x0, #vector
	b	common
	vector = vector + 0x80
	.endr

	.macro	address reg, value
	mov	\reg, #((\value) & 0xffff)
	movk	\reg, #((\value) >> 16 & 0xffff), lsl #16
	movk	\reg, #((\value) >> 32), lsl #32
	.endm

#define STUB_SIMD_SIZE 384

	.balign 0x80
common:
	address	x1, STUB_CPU
	str	x2, [x1, #STUB_CPU_SCRATCH]
	str	x0, [x1, #(STUB_CPU_SCRATCH + 8)]
	/* Find this exception's part of the stack: x2 is its index, capped at the last part. */
	ldr	x2, [x1, #STUB_CPU_DEPTH]
	add	x0, x2, #1
	str	x0, [x1, #STUB_CPU_DEPTH]
	mov	x0, #STUB_LAST_PART
	cmp	x2, x0
	csel	x2, x2, x0, ls
	address	x0, STUB_STACK_TOP - STUB_FRAME_SIZE
	sub	x0, x0, x2, lsl #STUB_PART_SHIFT

	/* struct ucall_frame at x0 */
	ldr	x2, [x1, #(STUB_CPU_SCRATCH + 8)]
	str	x2, [x0, #STUB_FRAME_VECTOR]
	ldr	x2, [x1, #STUB_CPU_SCRATCH]
	stp	x2, x3, [x0, #STUB_FRAME_GPR + 16]
	stp	x4, x5, [x0, #STUB_FRAME_GPR + 32]
	stp	x6, x7, [x0, #STUB_FRAME_GPR + 48]
	stp	x8, x9, [x0, #STUB_FRAME_GPR + 64]
	stp	x10, x11, [x0, #STUB_FRAME_GPR + 80]
	stp	x12, x13, [x0, #STUB_FRAME_GPR + 96]
	stp	x14, x15, [x0, #STUB_FRAME_GPR + 112]
	stp	x16, x17, [x0, #STUB_FRAME_GPR + 128]
	stp	x18, x19, [x0, #STUB_FRAME_GPR + 144]
	stp	x20, x21, [x0, #STUB_FRAME_GPR + 160]
	stp	x22, x23, [x0, #STUB_FRAME_GPR + 176]
	stp	x24, x25, [x0, #STUB_FRAME_GPR + 192]
	stp	x26, x27, [x0, #STUB_FRAME_GPR + 208]
	stp	x28, x29, [x0, #STUB_FRAME_GPR + 224]
	stp	x30, xzr, [x0, #STUB_FRAME_GPR + 240]
	mrs	x2, tpidr_el1
	mrs	x3, tpidrro_el0
	stp	x2, x3, [x0, #STUB_FRAME_GPR]
	mrs	x2, esr_el1
	str	x2, [x0, #STUB_FRAME_CODE]
	mrs	x2, far_el1
	str	x2, [x0, #STUB_FRAME_ADDRESS]
	mrs	x2, elr_el1
	str	x2, [x0, #STUB_FRAME_PC]
	mov	x2, sp
	str	x2, [x0, #STUB_FRAME_SP]
	mrs	x2, spsr_el1
	str	x2, [x0, #STUB_FRAME_FLAGS]
	str	xzr, [x0, #STUB_FRAME_UNKNOWN]

	mov	sp, x0
	/* The SIMD registers that C code may change, if the guest has them (CPACR_EL1.FPEN). */
	sub	sp, sp, #STUB_SIMD_SIZE
	mrs	x2, cpacr_el1
	tbz	x2, #20, 1f
	stp	q0, q1, [sp]
	stp	q2, q3, [sp, #32]
	stp	q4, q5, [sp, #64]
	stp	q6, q7, [sp, #96]
	stp	q16, q17, [sp, #128]
	stp	q18, q19, [sp, #160]
	stp	q20, q21, [sp, #192]
	stp	q22, q23, [sp, #224]
	stp	q24, q25, [sp, #256]
	stp	q26, q27, [sp, #288]
	stp	q28, q29, [sp, #320]
	stp	q30, q31, [sp, #352]
1:	bl	ucall_stub_dispatch
	mrs	x2, cpacr_el1
	tbz	x2, #20, 2f
	ldp	q0, q1, [sp]
	ldp	q2, q3, [sp, #32]
	ldp	q4, q5, [sp, #64]
	ldp	q6, q7, [sp, #96]
	ldp	q16, q17, [sp, #128]
	ldp	q18, q19, [sp, #160]
	ldp	q20, q21, [sp, #192]
	ldp	q22, q23, [sp, #224]
	ldp	q24, q25, [sp, #256]
	ldp	q26, q27, [sp, #288]
	ldp	q28, q29, [sp, #320]
	ldp	q30, q31, [sp, #352]
2:	add	sp, sp, #STUB_SIMD_SIZE

	address	x0, STUB_CPU
	ldr	x1, [x0, #STUB_CPU_DEPTH]
	sub	x1, x1, #1
	str	x1, [x0, #STUB_CPU_DEPTH]
	mov	x0, sp
	ldr	x1, [x0, #STUB_FRAME_PC]
	msr	elr_el1, x1
	ldr	x1, [x0, #STUB_FRAME_FLAGS]
	msr	spsr_el1, x1
	ldp	x2, x3, [x0, #STUB_FRAME_GPR + 16]
	ldp	x4, x5, [x0, #STUB_FRAME_GPR + 32]
	ldp	x6, x7, [x0, #STUB_FRAME_GPR + 48]
	ldp	x8, x9, [x0, #STUB_FRAME_GPR + 64]
	ldp	x10, x11, [x0, #STUB_FRAME_GPR + 80]
	ldp	x12, x13, [x0, #STUB_FRAME_GPR + 96]
	ldp	x14, x15, [x0, #STUB_FRAME_GPR + 112]
	ldp	x16, x17, [x0, #STUB_FRAME_GPR + 128]
	ldp	x18, x19, [x0, #STUB_FRAME_GPR + 144]
	ldp	x20, x21, [x0, #STUB_FRAME_GPR + 160]
	ldp	x22, x23, [x0, #STUB_FRAME_GPR + 176]
	ldp	x24, x25, [x0, #STUB_FRAME_GPR + 192]
	ldp	x26, x27, [x0, #STUB_FRAME_GPR + 208]
	ldp	x28, x29, [x0, #STUB_FRAME_GPR + 224]
	ldr	x30, [x0, #STUB_FRAME_GPR + 240]
	ldr	x1, [x0, #STUB_FRAME_SP]
	mov	sp, x1
	ldp	x0, x1, [x0, #STUB_FRAME_GPR]
	eret

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
ucall_stubs_return_end:

	/*
	 * Where vCPUs of a protected guest start: x16 is the guest function, x17 a struct pkvm_start.
	 * The launch runs one of them up to its exit, so that memory is shared before anything else runs.
	 */
	.globl	ucall_stub_share
	.hidden	ucall_stub_share
ucall_stub_share:
	ldr	x9, [x17, #PKVM_START_DONE]
	cbnz	x9, 3f
	mov	x19, x0
	mov	x20, x1
	mov	x21, x2
	mov	x22, x3
	mov	x23, x4
	mov	x24, x5
	mov	x25, x16
	mov	x26, x17
	mov	w0, #PKVM_HYP_MEMINFO_LOW
	movk	w0, #PKVM_HYP_HIGH, lsl #16
	mov	x1, xzr
	mov	x2, xzr
	mov	x3, xzr
	hvc	#0
	cmp	x0, #4096
	b.ne	4f
	ldp	x27, x28, [x26, #PKVM_START_GPA]
1:	cmp	x27, x28
	b.hs	2f
	mov	w0, #PKVM_MEM_SHARE_LOW
	movk	w0, #PKVM_HYP_HIGH, lsl #16
	mov	x1, x27
	mov	x2, xzr
	mov	x3, xzr
	hvc	#0
	cbnz	x0, 4f
	add	x27, x27, #4096
	b	1b
2:	mov	x9, #1
	str	x9, [x26, #PKVM_START_DONE]
	address	x1, STUB_STOP
	str	x9, [x1, #PKVM_STOP_DONE]
	mov	x16, x25
	mov	x0, x19
	mov	x1, x20
	mov	x2, x21
	mov	x3, x22
	mov	x4, x23
	mov	x5, x24
3:	br	x16
	/* It could not be shared: tells the host what the hypervisor answered. */
4:	address	x1, STUB_STOP
	str	x0, [x1, #PKVM_STOP_FAILED]
	b	4b

	.section .note.GNU-stack,"",%progbits
