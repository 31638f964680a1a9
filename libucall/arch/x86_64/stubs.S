/* SPDX-License-Identifier: MIT */
/*
 * What runs in an x86_64 guest for each exception and interrupt.  This is data to the host: it is
 * copied to X86_STUBS, and knows nothing but the fixed addresses of layout.h.
 *
 * All vectors enter on the interrupt stack (IST 1), so that the red zone of the interrupted function
 * stays whole.  A vector with a handler saves the message area of the mailbox, calls it, and puts
 * all back; but for #VC, whose handler stands for an instruction that may be a doorbell.  One without
 * writes the fault area and stops for the host, which finds it there.
 */
#include "layout.h"

	.section .rodata
	.globl ucall_x86_64_stubs, ucall_x86_64_stubs_end, ucall_x86_64_stubs_return
	.hidden ucall_x86_64_stubs, ucall_x86_64_stubs_end, ucall_x86_64_stubs_return
	.balign 16
ucall_x86_64_stubs:
	vector = 0
	.rept 256
	.balign X86_STUB_SIZE, 0xcc
	/* #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX push an error code themselves. */
	.if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || \
	      vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	common
	vector = vector + 1
	.endr

	.balign 16, 0xcc
common:
	/* struct ucall_ex_regs, from its end */
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	mov	%rsp, %rbx
	cld
	movabs	$X86_TSS + X86_TSS_IST1, %r13
	subq	$X86_IST_PART, (%r13)

	mov	X86_REGS_VECTOR(%rbx), %rax
	movabs	$X86_HANDLERS, %rcx
	mov	(%rcx,%rax,8), %r12
	cmp	$X86_VECTOR_VC, %eax
	je	vc
	test	%r12, %r12
	jz	fault

	movabs	$X86_MAILBOX, %rbp
	sub	$(X86_NEST_QWORDS * 8 + 8), %rsp	/* keeps the stack 16-aligned */
	mov	%rbp, %rsi
	mov	%rsp, %rdi
	mov	$X86_NEST_QWORDS, %ecx
	rep movsq
	movq	$0, (%rbp)
	movq	$0, X86_SHARED(%rbp)

	mov	%rbx, %rdi
	call	*%r12

	cld
	mov	%rsp, %rsi
	mov	%rbp, %rdi
	mov	$X86_NEST_QWORDS, %ecx
	rep movsq
leave:
	addq	$X86_IST_PART, (%r13)
	mov	%rbx, %rsp
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rbx
	pop	%rbp
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	add	$16, %rsp
	iretq

vc:
	mov	%rbx, %rdi
	and	$~15, %rsp
	test	%r12, %r12
	jz	1f
	call	*%r12			/* the guest's own */
	jmp	leave
1:	movabs	$X86_HAS_VC, %rcx
	mov	(%rcx), %r12
	test	%r12, %r12
	jz	fault
	call	*%r12			/* the core's: ucall_x86_64_vc() */
	test	%eax, %eax
	jz	leave

fault:
	mov	X86_REGS_VECTOR(%rbx), %rax
	movabs	$X86_MAILBOX + X86_FAULT, %rdi
	cmpl	$0, (%rdi)
	jne	stop			/* copying the stack faulted: the rest is there */
	mov	%rax, 8(%rdi)		/* vector */
	mov	128(%rbx), %rax		/* error code */
	mov	%rax, 16(%rdi)
	mov	%cr2, %rax
	mov	%rax, 24(%rdi)
	mov	136(%rbx), %rax		/* rip */
	mov	%rax, 32(%rdi)
	mov	160(%rbx), %rax		/* rsp */
	mov	%rax, 40(%rdi)
	mov	152(%rbx), %rax		/* rflags */
	mov	%rax, 48(%rdi)
	mov	144(%rbx), %rax		/* cs */
	mov	%rax, 56(%rdi)
	mov	168(%rbx), %rax		/* ss */
	mov	%rax, 64(%rdi)
	/* general registers, in the order of their encoding: rsp is the fifth */
	lea	128(%rdi), %rdx
	mov	%rbx, %rsi
	mov	%rdi, %rax
	mov	%rdx, %rdi
	mov	$4, %ecx
	rep movsq			/* rax rcx rdx rbx */
	mov	160(%rbx), %rcx
	mov	%rcx, (%rdi)
	add	$8, %rdi
	mov	$11, %ecx
	rep movsq			/* rbp rsi rdi r8..r15 */
	movl	$1, (%rax)		/* UCALL_FAULT_REGS */
	mov	160(%rbx), %rsi
	lea	384(%rax), %rdi
	mov	$64, %ecx
	rep movsq
	movl	$2, (%rax)		/* UCALL_FAULT_STACK */
stop:
	movabs	$X86_STOP, %rax
	mov	(%rax), %esi
	cmp	$X86_STOP_OUT, %esi
	je	2f
	ja	4f
1:	hlt
	jmp	1b
2:	mov	$X86_FAULT_PORT, %edx
3:	outb	%al, %dx
	jmp	3b
4:	mov	$X86_MSR_GHCB, %ecx
	mov	$X86_GHCB_TERMINATE, %eax
	xor	%edx, %edx
	wrmsr
	cmp	$X86_STOP_EMULATED, %esi
	je	5f
	rep
	vmmcall
	jmp	4b
5:	mov	$X86_MSR_VMGEXIT, %ecx
	wrmsr
	jmp	4b

	/* Where a guest function returns to. */
	.balign 16, 0xcc
ucall_x86_64_stubs_return:
	movabs	$X86_MAILBOX, %rdi
	movq	$4, (%rdi)		/* UCALL_DONE */
	lea	(X86_BELL - X86_MAILBOX)(%rdi), %rsi
	call	*(%rsi)
	jmp	ucall_x86_64_stubs_return

ucall_x86_64_stubs_end:

	.section .note.GNU-stack,"",%progbits
