/* SPDX-License-Identifier: MIT */
/* x86_64's exceptions (AMD APM volume 2, 8.2). */
#ifndef LIBUCALL_X86_64_EXCEPTIONS_H
#define LIBUCALL_X86_64_EXCEPTIONS_H

#define VECTOR_DE 0 /* division */
#define VECTOR_DB 1
#define VECTOR_NMI 2
#define VECTOR_BP 3
#define VECTOR_OF 4
#define VECTOR_UD 6 /* invalid opcode */
#define VECTOR_NM 7 /* no floating-point unit */
#define VECTOR_DF 8
#define VECTOR_TS 10
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_AC 17
#define VECTOR_MC 18
#define VECTOR_VE 20 /* virtualization exception: Intel SDM volume 3, 25.5.7 */
#define VECTOR_VC 29 /* VMM communication */

/* 8.4.2: the page fault's error code. */
#define PF_PRESENT 0x01
#define PF_WRITE 0x02
#define PF_USER 0x04
#define PF_RESERVED 0x08
#define PF_FETCH 0x10

#endif
