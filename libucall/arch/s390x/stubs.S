/* SPDX-License-Identifier: MIT */
/*
 * s390x's part of the exception stubs (arch/stubs.h): where the new PSWs of the prefix area point to.
 *
 * An interruption leaves no register free, and the prefix area is at address 0 only without address
 * translation.  So the first part runs without translation, saves the registers there and loads the
 * PSW of the second part, which has translation.  The last part, again without, restores them.
 */
#include "arch/stubs.h"
#include "lowcore.h"

	.section ucall_stubs, "ax"
	.globl ucall_s390x_restart, ucall_s390x_external, ucall_s390x_svc, ucall_s390x_program
	.globl ucall_s390x_machine_check, ucall_s390x_io, ucall_s390x_second, ucall_s390x_last
	.globl ucall_stubs_return, ucall_stubs_return_end
	.hidden ucall_s390x_restart, ucall_s390x_external, ucall_s390x_svc, ucall_s390x_program
	.hidden ucall_s390x_machine_check, ucall_s390x_io, ucall_s390x_second, ucall_s390x_last
	.hidden ucall_stubs_return, ucall_stubs_return_end, ucall_stub_dispatch
	.balign 8

	.macro	entry name, vector, old
\name:	stmg	%r0, %r15, LC_GPRS(%r0)
	lghi	%r0, \vector
	lghi	%r13, \old
	lpswe	LC_PSW_STUB(%r0)
	.endm

	/* UCALL_S390X_PROGRAM and so on */
	entry	ucall_s390x_program, 0x100, LC_OLD_PROGRAM
	entry	ucall_s390x_svc, 0x101, LC_OLD_SVC
	entry	ucall_s390x_external, 0x102, LC_OLD_EXTERNAL
	entry	ucall_s390x_io, 0x103, LC_OLD_IO
	entry	ucall_s390x_machine_check, 0x104, LC_OLD_MACHINE_CHECK
	entry	ucall_s390x_restart, 0x105, LC_OLD_RESTART

	.macro	address reg, value
	llihf	\reg, (\value) >> 32
	oilf	\reg, (\value) & 0xffffffff
	.endm

/*
 * Floating-point registers that C code may change, f0 to f7, lie above the area in which a callee
 * saves its caller's registers.
 */
#define FPRS 160
#define BELOW_FRAME (FPRS + 64)

ucall_s390x_second:
	address	%r1, STUB_LOWCORE
	address	%r12, STUB_CPU
	/* Find this exception's part of the stack: r3 is its index, capped at the last part. */
	lg	%r3, STUB_CPU_DEPTH(%r12)
	la	%r4, 1(%r3)
	stg	%r4, STUB_CPU_DEPTH(%r12)
	lghi	%r4, STUB_LAST_PART
	clgr	%r3, %r4
	jnh	1f
	lgr	%r3, %r4
1:	sllg	%r3, %r3, STUB_PART_SHIFT
	address	%r2, STUB_STACK_TOP - STUB_FRAME_SIZE
	sgr	%r2, %r3

	/* struct ucall_frame at r2 */
	mvc	STUB_FRAME_GPR(128, %r2), LC_GPRS(%r1)
	mvc	STUB_FRAME_SP(8, %r2), (LC_GPRS + 120)(%r1)
	la	%r4, 0(%r13, %r1)
	mvc	STUB_FRAME_FLAGS(8, %r2), 0(%r4)
	mvc	STUB_FRAME_PC(8, %r2), 8(%r4)
	stg	%r0, STUB_FRAME_VECTOR(%r2)
	lghi	%r4, 0
	stg	%r4, STUB_FRAME_UNKNOWN(%r2)
	lgr	%r15, %r2
	aghi	%r15, -BELOW_FRAME
	std	%f0, FPRS(%r15)
	std	%f1, (FPRS + 8)(%r15)
	std	%f2, (FPRS + 16)(%r15)
	std	%f3, (FPRS + 24)(%r15)
	std	%f4, (FPRS + 32)(%r15)
	std	%f5, (FPRS + 40)(%r15)
	std	%f6, (FPRS + 48)(%r15)
	std	%f7, (FPRS + 56)(%r15)
	brasl	%r14, ucall_stub_dispatch
	ld	%f0, FPRS(%r15)
	ld	%f1, (FPRS + 8)(%r15)
	ld	%f2, (FPRS + 16)(%r15)
	ld	%f3, (FPRS + 24)(%r15)
	ld	%f4, (FPRS + 32)(%r15)
	ld	%f5, (FPRS + 40)(%r15)
	ld	%f6, (FPRS + 48)(%r15)
	ld	%f7, (FPRS + 56)(%r15)

	address	%r12, STUB_CPU
	lg	%r3, STUB_CPU_DEPTH(%r12)
	aghi	%r3, -1
	stg	%r3, STUB_CPU_DEPTH(%r12)
	address	%r1, STUB_LOWCORE
	la	%r2, BELOW_FRAME(%r15)
	mvc	LC_GPRS(128, %r1), STUB_FRAME_GPR(%r2)
	mvc	(LC_GPRS + 120)(8, %r1), STUB_FRAME_SP(%r2)
	mvc	LC_PSW_RETURN(8, %r1), STUB_FRAME_FLAGS(%r2)
	mvc	(LC_PSW_RETURN + 8)(8, %r1), STUB_FRAME_PC(%r2)
	lpswe	LC_PSW_LEAVE(%r1)

ucall_s390x_last:
	lmg	%r0, %r15, LC_GPRS(%r0)
	lpswe	LC_PSW_RETURN(%r0)

	/* Where a guest function returns to. */
ucall_stubs_return:
	llihf	%r2, STUB_MAILBOX >> 32
	llihh	%r1, 4			/* UCALL_DONE: the head's first two bytes */
	stg	%r1, 0(%r2)
	lay	%r3, STUB_BELL_OFFSET(%r2)
	lg	%r1, 0(%r3)
	basr	%r14, %r1
	j	ucall_stubs_return
ucall_stubs_return_end:

	.section .note.GNU-stack,"",%progbits
