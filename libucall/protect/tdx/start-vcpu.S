/* SPDX-License-Identifier: MIT */
/*
 * Where vCPUs of a trust domain start: 32-bit protected mode, no paging, RCX is the address of a
 * struct tdx_start (TDX Module Base specification, "VCPU initial state"; EFER.LME is set).
 */
#include "arch/x86_64/layout.h"
#include "abi.h"

#define CR4_BOOT 0x620 /* PAE OSFXSR OSXMMEXCPT */
#define CR0_BOOT 0x80010033 /* PG WP NE ET MP PE */

#define AT(label) (TDX_RESET_PAGE + (label) - tdx_reset_page)

	.section .rodata.tdx, "a", @progbits
	.balign 4096		/* as KVM_TDX_INIT_MEM_REGION takes it */
	.globl	tdx_reset_page
	.hidden	tdx_reset_page
tdx_reset_page:
	.code32
begin:
	movl	%ecx, %ebp
	movl	TDX_START_ROOT(%ebp), %ebx
	movl	TDX_START_NEXT(%ebp), %esi
	movl	TDX_START_NEXT+4(%ebp), %edi
	movl	TDX_START_RESET_ROOT(%ebp), %eax
	movl	%eax, %cr3
	movl	%cr4, %eax
	orl	$CR4_BOOT, %eax
	movl	%eax, %cr4
	lgdt	AT(gdtr)
	movl	%cr0, %eax
	orl	$CR0_BOOT, %eax
	movl	%eax, %cr0
	ljmp	$X86_KERNEL_CS, $AT(long_mode)

	.code64
long_mode:
	movl	%esi, %esi
	shlq	$32, %rdi
	orq	%rdi, %rsi
	jmp	*%rsi

	.balign 8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* X86_KERNEL_CS */
gdtr:
	.word	gdtr - gdt - 1
	.long	AT(gdt)

	.org	tdx_reset_page + TDX_RESET_OFFSET, 0xcc
	.code32
	jmp	begin
	.org	tdx_reset_page + 4096, 0xcc
	.code64

	/* RAX is the leaf; other registers as it needs them. */
	.macro	tdcall
	cmpq	$0, TDX_START_EMULATED(%rbp)
	jne	1f
	.byte	0x66, 0x0f, 0x01, 0xcc
	jmp	2f
1:	outb	%al, $0x7c		/* UCALL_TDX_PORT */
2:
	.endm

/* TDG.VP.VMCALL with R10 to R15; jumps to `bad` if the call was not made. */
	.macro	tdvmcall
	movl	$0xfc00, %ecx		/* UCALL_TDX_SHOW_R10_TO_R15 */
	xorl	%eax, %eax
	xorl	%r10d, %r10d
	tdcall
	testq	%rax, %rax
	jnz	bad
	.endm

	.section ucall_stubs, "ax"
	.balign 16
	.globl	ucall_tdx_start
	.hidden	ucall_tdx_start
ucall_tdx_start:
	movl	%ebx, %ebx
	movq	%rbx, %cr3
	movabs	$X86_TDX_START, %rbp
	lgdt	TDX_START_GDTR+6(%rbp)
	lidt	TDX_START_IDTR+6(%rbp)
	movl	$X86_KERNEL_DS, %eax
	movl	%eax, %ss
	movl	TDX_START_DATA_SEGMENT(%rbp), %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %fs
	movl	%eax, %gs
	movl	$X86_TR, %eax
	ltr	%ax
	lgdt	TDX_START_LATER_GDTR+6(%rbp)
	movl	$0xc0000100, %ecx	/* FS_BASE */
	movl	TDX_START_TLS(%rbp), %eax
	movl	TDX_START_TLS+4(%rbp), %edx
	wrmsr

	/* Accepts its stack. */
	movq	TDX_START_STACK(%rbp), %rbx
	movq	TDX_START_STACK_PAGES(%rbp), %rdi
accept:
	testq	%rdi, %rdi
	jz	accepted
	movl	$6, %eax		/* UCALL_TDG_MEM_PAGE_ACCEPT */
	movq	%rbx, %rcx
	tdcall
	testq	%rax, %rax
	jnz	bad
	addq	$4096, %rbx
	decq	%rdi
	jmp	accept
accepted:
	movq	TDX_START_RSP(%rbp), %rsp
	movq	TDX_START_RETURN(%rbp), %rax
	movq	%rax, (%rsp)

	/* The first vCPU shares what the host needs: mailboxes, queues, UCALL_MEM_SHARED. */
	cmpq	$0, TDX_START_SHARE_SIZE(%rbp)
	je	shared
	movl	$1, %eax		/* UCALL_TDG_VP_INFO */
	tdcall
	andl	$0x3f, %ecx
	decl	%ecx
	movl	$1, %ebx
	shlq	%cl, %rbx		/* the shared bit */
	orq	TDX_START_SHARE(%rbp), %rbx
	movq	%rbx, %rdi
	addq	TDX_START_SHARE_SIZE(%rbp), %rdi
share:
	movl	$0x10001, %r11d		/* UCALL_TDVMCALL_MAP_GPA */
	movq	%rbx, %r12
	movq	%rdi, %r13
	subq	%rbx, %r13
	tdvmcall
	testq	%r10, %r10
	jz	tell
	cmpq	$1, %r10		/* UCALL_TDVMCALL_RETRY; R11 is not trusted */
	jne	bad
	cmpq	%rbx, %r11
	jbe	bad
	cmpq	%rdi, %r11
	jae	bad
	testl	$4095, %r11d
	jnz	bad
	movq	%r11, %rbx
	jmp	share
tell:
	movl	$30, %r11d		/* UCALL_TDVMCALL_IO */
	movl	$1, %r12d
	movl	$1, %r13d
	movl	$TDX_STARTED_PORT, %r14d
	xorl	%r15d, %r15d
	tdvmcall
shared:
	pushq	TDX_START_SS(%rbp)
	pushq	TDX_START_RSP(%rbp)
	pushq	TDX_START_RIP+16(%rbp)
	pushq	TDX_START_RIP+8(%rbp)
	pushq	TDX_START_RIP(%rbp)
	movq	TDX_START_ARGS(%rbp), %rdi
	movq	TDX_START_ARGS+8(%rbp), %rsi
	movq	TDX_START_ARGS+16(%rbp), %rdx
	movq	TDX_START_ARGS+24(%rbp), %rcx
	movq	TDX_START_ARGS+32(%rbp), %r8
	movq	TDX_START_ARGS+40(%rbp), %r9
	xorl	%eax, %eax
	xorl	%ebx, %ebx
	xorl	%ebp, %ebp
	xorl	%r10d, %r10d
	xorl	%r11d, %r11d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	iretq

	/* Memory could not be accepted or shared: ReportFatalError with RAX (but its bit 63) in R12 and R10
	   in R13. */
bad:
	movq	%r10, %r13
	movq	%rax, %r12
	btrq	$63, %r12		/* it would mean that R13 is a page */
	xorl	%eax, %eax
	xorl	%r10d, %r10d
	movl	$0x10003, %r11d		/* UCALL_TDVMCALL_FATAL_ERROR */
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	movl	$0xfc00, %ecx
	tdcall
	jmp	bad

	.section .note.GNU-stack,"",%progbits
