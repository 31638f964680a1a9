/* SPDX-License-Identifier: MIT */
/* void ucall_fiber_switch(void **save, void *to): fiber.c lays out new stacks to match. */
#if defined(__x86_64__)
	.text
	.globl	ucall_fiber_switch
	.hidden	ucall_fiber_switch
	.type	ucall_fiber_switch, @function
	.balign	16
ucall_fiber_switch:
	.cfi_startproc
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	mov	%rsp, (%rdi)
	mov	%rsi, %rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.cfi_endproc
	.size	ucall_fiber_switch, . - ucall_fiber_switch

	.globl	ucall_fiber_start
	.hidden	ucall_fiber_start
	.balign	16
ucall_fiber_start:
	.cfi_startproc
	.cfi_undefined rip
	mov	%rbx, %rdi
	call	*%r12
	ud2
	.cfi_endproc
#elif defined(__aarch64__)
	.text
	.globl	ucall_fiber_switch
	.hidden	ucall_fiber_switch
	.type	ucall_fiber_switch, %function
	.balign	16
ucall_fiber_switch:
	.cfi_startproc
	sub	sp, sp, #160
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x2, sp
	str	x2, [x0]
	mov	sp, x1
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	add	sp, sp, #160
	ret
	.cfi_endproc
	.size	ucall_fiber_switch, . - ucall_fiber_switch

	.globl	ucall_fiber_start
	.hidden	ucall_fiber_start
	.balign	16
ucall_fiber_start:
	.cfi_startproc
	.cfi_undefined x30
	mov	x0, x20
	blr	x19
	brk	#1
	.cfi_endproc
#endif
	.section .note.GNU-stack,"",%progbits
