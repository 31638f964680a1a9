/* SPDX-License-Identifier: MIT */
/*
 * void conform_ring(uint64_t ring, uint64_t message, const struct ucall_bell *bell): guest code.
 * Fills the registers that a function must keep with CONFORM_PATTERN, + 1, ..., calls
 * ring(message, bell), and writes the registers to CONFORM_AREA: the first at 8(area), and so on;
 * then by how much the stack pointer is off, and on x86_64 the direction flag.
 */
	.file "conform-ring.S" /* or else the linker names a temporary object */
#define CONFORM_AREA 0x8000000c00 /* after the mailbox, in its page: a constant, in no register */
#define CONFORM_PATTERN 0x5a5a000000001100

	.text
	.globl	conform_ring
	.hidden	conform_ring
	.type	conform_ring, %function
	.balign	16
conform_ring:
#if defined(__x86_64__)
	/* System V ABI, AMD64, 3.2.1 */
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$8, %rsp
	movabs	$CONFORM_AREA, %rax
	mov	%rsp, (%rax)
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	movabs	$CONFORM_PATTERN, %rbx
	lea	1(%rbx), %rbp
	lea	2(%rbx), %r12
	lea	3(%rbx), %r13
	lea	4(%rbx), %r14
	lea	5(%rbx), %r15
	call	*%rax
	movabs	$CONFORM_AREA, %rax
	mov	%rbx, 8(%rax)
	mov	%rbp, 16(%rax)
	mov	%r12, 24(%rax)
	mov	%r13, 32(%rax)
	mov	%r14, 40(%rax)
	mov	%r15, 48(%rax)
	mov	%rsp, %rcx
	sub	(%rax), %rcx
	mov	%rcx, 56(%rax)
	mov	(%rax), %rsp
	pushfq
	pop	%rcx
	cld
	and	$0x400, %ecx
	mov	%rcx, 64(%rax)
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
#elif defined(__aarch64__)
	/* AAPCS64, 6.1.1 */
	sub	sp, sp, #96
	stp	x19, x20, [sp, #0]
	stp	x21, x22, [sp, #16]
	stp	x23, x24, [sp, #32]
	stp	x25, x26, [sp, #48]
	stp	x27, x28, [sp, #64]
	stp	x29, x30, [sp, #80]
	mov	x9, #0xc00
	movk	x9, #0x80, lsl #32
	mov	x10, sp
	str	x10, [x9]
	mov	x9, x0
	mov	x0, x1
	mov	x1, x2
	mov	x19, #0x1100
	movk	x19, #0x5a5a, lsl #48
	add	x20, x19, #1
	add	x21, x19, #2
	add	x22, x19, #3
	add	x23, x19, #4
	add	x24, x19, #5
	add	x25, x19, #6
	add	x26, x19, #7
	add	x27, x19, #8
	add	x28, x19, #9
	add	x29, x19, #10
	blr	x9
	mov	x9, #0xc00
	movk	x9, #0x80, lsl #32
	stp	x19, x20, [x9, #8]
	stp	x21, x22, [x9, #24]
	stp	x23, x24, [x9, #40]
	stp	x25, x26, [x9, #56]
	stp	x27, x28, [x9, #72]
	ldr	x11, [x9]
	mov	x10, sp
	sub	x10, x10, x11
	stp	x29, x10, [x9, #88]
	mov	sp, x11
	ldp	x19, x20, [sp, #0]
	ldp	x21, x22, [sp, #16]
	ldp	x23, x24, [sp, #32]
	ldp	x25, x26, [sp, #48]
	ldp	x27, x28, [sp, #64]
	ldp	x29, x30, [sp, #80]
	add	sp, sp, #96
	ret
#elif defined(__s390x__)
	/* ELF ABI s390x supplement, 1.2.2 */
	stmg	%r6, %r15, 48(%r15)
	aghi	%r15, -160
	llihf	%r1, 0x80
	oilf	%r1, 0xc00
	stg	%r15, 0(%r1)
	lgr	%r1, %r2
	lgr	%r2, %r3
	lgr	%r3, %r4
	llihf	%r6, 0x5a5a0000
	oilf	%r6, 0x1100
	la	%r7, 1(%r6)
	la	%r8, 2(%r6)
	la	%r9, 3(%r6)
	la	%r10, 4(%r6)
	la	%r11, 5(%r6)
	la	%r12, 6(%r6)
	la	%r13, 7(%r6)
	basr	%r14, %r1
	llihf	%r1, 0x80
	oilf	%r1, 0xc00
	stmg	%r6, %r13, 8(%r1)
	lgr	%r0, %r15
	slg	%r0, 0(%r1)
	stg	%r0, 72(%r1)
	lg	%r15, 0(%r1)
	aghi	%r15, 160
	lmg	%r6, %r15, 48(%r15)
	br	%r14
#elif defined(__riscv)
	/* RISC-V ELF psABI, 2.1; a function must never change gp and tp. */
	addi	sp, sp, -128
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	sd	s1, 16(sp)
	sd	s2, 24(sp)
	sd	s3, 32(sp)
	sd	s4, 40(sp)
	sd	s5, 48(sp)
	sd	s6, 56(sp)
	sd	s7, 64(sp)
	sd	s8, 72(sp)
	sd	s9, 80(sp)
	sd	s10, 88(sp)
	sd	s11, 96(sp)
	sd	gp, 104(sp)
	sd	tp, 112(sp)
	li	t0, CONFORM_AREA
	sd	sp, 0(t0)
	mv	t1, a0
	mv	a0, a1
	mv	a1, a2
	li	s0, CONFORM_PATTERN
	addi	s1, s0, 1
	addi	s2, s0, 2
	addi	s3, s0, 3
	addi	s4, s0, 4
	addi	s5, s0, 5
	addi	s6, s0, 6
	addi	s7, s0, 7
	addi	s8, s0, 8
	addi	s9, s0, 9
	addi	s10, s0, 10
	addi	s11, s0, 11
	addi	gp, s0, 12
	addi	tp, s0, 13
	jalr	ra, 0(t1)
	li	t0, CONFORM_AREA
	sd	s0, 8(t0)
	sd	s1, 16(t0)
	sd	s2, 24(t0)
	sd	s3, 32(t0)
	sd	s4, 40(t0)
	sd	s5, 48(t0)
	sd	s6, 56(t0)
	sd	s7, 64(t0)
	sd	s8, 72(t0)
	sd	s9, 80(t0)
	sd	s10, 88(t0)
	sd	s11, 96(t0)
	sd	gp, 104(t0)
	sd	tp, 112(t0)
	ld	t1, 0(t0)
	sub	t2, sp, t1
	sd	t2, 120(t0)
	mv	sp, t1
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	ld	s1, 16(sp)
	ld	s2, 24(sp)
	ld	s3, 32(sp)
	ld	s4, 40(sp)
	ld	s5, 48(sp)
	ld	s6, 56(sp)
	ld	s7, 64(sp)
	ld	s8, 72(sp)
	ld	s9, 80(sp)
	ld	s10, 88(sp)
	ld	s11, 96(sp)
	ld	gp, 104(sp)
	ld	tp, 112(sp)
	addi	sp, sp, 128
	ret
#endif
	.size	conform_ring, . - conform_ring

	.section .note.GNU-stack,"",%progbits
