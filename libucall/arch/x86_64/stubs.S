/* SPDX-License-Identifier: MIT */
/*
 * x86_64's part of the exception stubs (arch/stubs.h).
 *
 * All vectors enter on an interrupt stack, so that the interrupted function's red zone stays intact:
 * NMI and #MC on that of IST 2, the others on that of IST 1.  While a handler runs, its IST entry is
 * lowered, so that an exception in it takes the next part of the stack; and so is IST 1 for an NMI,
 * which may have interrupted a stub on it.
 */
#include "layout.h"

	.section ucall_stubs, "ax"
	.globl ucall_x86_64_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_x86_64_vectors, ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_stub_dispatch
	.balign 16
ucall_x86_64_vectors:
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

/* What the CPU and the vectors above have pushed. */
#define PUSHED_VECTOR 0
#define PUSHED_CODE 8
#define PUSHED_RIP 16
#define PUSHED_CS 24
#define PUSHED_RFLAGS 32
#define PUSHED_RSP 40
#define PUSHED_SS 48

/* Pushes one of them again, after `done` more bytes have been pushed. */
#define COPY(what, done) pushq	(done + what)(%rsp)

	.balign 16, 0xcc
common:
	/* struct ucall_frame, from its end: gpr[31..16] do not exist */
	sub	$128, %rsp
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
	COPY(PUSHED_RSP, 216)
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	sub	$48, %rsp		/* extra[7..2] */
	COPY(PUSHED_SS, 304)
	COPY(PUSHED_CS, 312)
	pushq	$0			/* unknown */
	mov	%cr2, %rax
	push	%rax
	COPY(PUSHED_CODE, 336)
	COPY(PUSHED_VECTOR, 344)
	COPY(PUSHED_RFLAGS, 352)
	COPY(PUSHED_RSP, 360)
	COPY(PUSHED_RIP, 368)

	cld
	movabs	$X86_TSS + X86_TSS_IST1, %rbx
	xor	%r12d, %r12d		/* how far to lower IST 2 */
	mov	$STUB_PART, %eax
	cmpq	$2, STUB_FRAME_VECTOR(%rsp)
	cmove	%rax, %r12
	cmpq	$18, STUB_FRAME_VECTOR(%rsp)
	cmove	%rax, %r12
	subq	%r12, (X86_TSS_IST2 - X86_TSS_IST1)(%rbx)
	subq	$STUB_PART, (%rbx)
	movabs	$STUB_CPU, %rbp
	incq	STUB_CPU_DEPTH(%rbp)
	mov	%rsp, %rdi
	call	ucall_stub_dispatch
	cli				/* a handler may have set IF */
	decq	STUB_CPU_DEPTH(%rbp)
	addq	$STUB_PART, (%rbx)
	addq	%r12, (X86_TSS_IST2 - X86_TSS_IST1)(%rbx)

	/* Copy them to where IRETQ reads them. */
	mov	STUB_FRAME_PC(%rsp), %rax
	mov	%rax, (376 + PUSHED_RIP)(%rsp)
	mov	STUB_FRAME_SP(%rsp), %rax
	mov	%rax, (376 + PUSHED_RSP)(%rsp)
	mov	STUB_FRAME_FLAGS(%rsp), %rax
	mov	%rax, (376 + PUSHED_RFLAGS)(%rsp)
	mov	STUB_FRAME_EXTRA(%rsp), %rax
	mov	%rax, (376 + PUSHED_CS)(%rsp)
	mov	(STUB_FRAME_EXTRA + 8)(%rsp), %rax
	mov	%rax, (376 + PUSHED_SS)(%rsp)
	add	$STUB_FRAME_GPR, %rsp
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rbx
	add	$8, %rsp
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
	add	$(128 + PUSHED_RIP), %rsp
	iretq

	/* Where a guest function returns to. */
	.balign 16, 0xcc
ucall_stubs_return:
	movabs	$STUB_MAILBOX, %rdi
	movq	$4, (%rdi)		/* UCALL_DONE */
	lea	STUB_BELL_OFFSET(%rdi), %rsi
	call	*(%rsi)
	jmp	ucall_stubs_return
ucall_stubs_return_end:

	.section .note.GNU-stack,"",%progbits
