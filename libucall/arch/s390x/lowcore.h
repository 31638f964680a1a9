/* SPDX-License-Identifier: MIT */
/* The first page of a vCPU's prefix area (Principles of Operation, 3-56).  For C and assembler. */
#ifndef LIBUCALL_S390X_LOWCORE_H
#define LIBUCALL_S390X_LOWCORE_H

#define LC_EXTERNAL_CODE 0x86
#define LC_SVC_ILC 0x89
#define LC_SVC_CODE 0x8a
#define LC_PROGRAM_ILC 0x8d /* length of the instruction */
#define LC_PROGRAM_CODE 0x8e
#define LC_TRANSLATION_EXCEPTION 0xa8
#define LC_OLD_RESTART 0x120
#define LC_OLD_EXTERNAL 0x130
#define LC_OLD_SVC 0x140
#define LC_OLD_PROGRAM 0x150
#define LC_OLD_MACHINE_CHECK 0x160
#define LC_OLD_IO 0x170
#define LC_NEW_RESTART 0x1a0
#define LC_NEW_EXTERNAL 0x1b0
#define LC_NEW_SVC 0x1c0
#define LC_NEW_PROGRAM 0x1d0
#define LC_NEW_MACHINE_CHECK 0x1e0
#define LC_NEW_IO 0x1f0

/* From 0x200 to 0x1000 software may use it: here the stubs. */
#define LC_GPRS 0x200
#define LC_PSW_STUB 0x280 /* for the stub's second part, with address translation */
#define LC_PSW_LEAVE 0x290 /* for its last part, without address translation */
#define LC_PSW_RETURN 0x2a0 /* to continue the guest */
#define LC_PSW_STOP 0x2b0 /* a wait, by which a stub stops for the host */

/* Where the stubs see that page. */
#define STUB_LOWCORE 0x800010d000

/* PSW masks (4-5): addresses of 64 bits, with and without translation; a disabled wait. */
#define S390X_PSW_64BIT 0x0000000180000000
#define S390X_PSW_DAT 0x0400000180000000
#define S390X_PSW_WAIT 0x0002000180000000
#define S390X_WAIT_FAULT 0x501 /* the address of that wait */

#endif
