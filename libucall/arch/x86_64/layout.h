/* SPDX-License-Identifier: MIT */
/*
 * Where the x86_64 descriptor tables and stubs lie in a guest, in the mailbox's slot.  For C and
 * assembler.
 */
#ifndef LIBUCALL_X86_64_LAYOUT_H
#define LIBUCALL_X86_64_LAYOUT_H

#define X86_MAILBOX 0x8000000000
#define X86_BELL 0x8000001000

/* For the VM: */
#define X86_TABLES 0x8000100000
#define X86_IDT (X86_TABLES + 0x0000) /* 256 gates */
#define X86_GDT (X86_TABLES + 0x1000)
/* 32 bits: how a stub stops for the host, which then finds the fault area. */
#define X86_STOP (X86_TABLES + 0x1100)
#define X86_STOP_HLT 0
#define X86_STOP_OUT 1 /* with an in-kernel interrupt controller HLT does not exit */
#define X86_STOP_VMGEXIT 2 /* and with SEV-ES OUT does not either: VMMCALL with REP */
#define X86_STOP_EMULATED 3 /* and under emulation this is an MSR */
#define X86_HAS_VC (X86_TABLES + 0x1108) /* 64 bits: address of the core's #VC handler, 0: none */
#define X86_HANDLERS (X86_TABLES + 0x1800) /* 256 addresses */
#define X86_STUBS (X86_TABLES + 0x2000)
#define X86_STUBS_PAGES 2
#define X86_VM_PAGES (2 + X86_STUBS_PAGES)

/* The core's #VC handler, for those VMs that want one. */
#define X86_VC (X86_TABLES + 0x8000)
#define X86_VC_PAGES 2

/* For each vCPU: */
#define X86_TSS (X86_TABLES + 0x4000)
#define X86_TSS_PAGES 3 /* 104 bytes, and the I/O permission bitmap */
#define X86_IST (X86_TABLES + 0x10000) /* the page below is not mapped */
#define X86_IST_PAGES 16
#define X86_IST_TOP (X86_IST + X86_IST_PAGES * 0x1000)
/* An exception in a handler takes the next part of the stack: four deep. */
#define X86_IST_PART 0x4000

#define X86_TSS_IST1 0x24 /* AMD APM volume 2, 12.2.5: 64-bit TSS */
#define X86_TSS_IOMAP 0x66
#define X86_TSS_SIZE 0x68
#define X86_IOMAP_SIZE 8192

#define X86_KERNEL_CS 0x08
#define X86_KERNEL_DS 0x10
#define X86_USER_DS 0x2b
#define X86_USER_CS 0x33
#define X86_TR 0x38

/* X86_STOP_OUT. */
#define X86_FAULT_PORT 0xfca1

#define X86_STUB_SIZE 16

#define X86_VECTOR_VC 29
/* <ucall/sev.h>: the GHCB's MSR, the request to be terminated, what stands for VMGEXIT. */
#define X86_MSR_GHCB 0xc0010130
#define X86_GHCB_TERMINATE 0x100
#define X86_MSR_VMGEXIT 0x4b555643

/* Offsets in struct ucall_mailbox, checked in boot.c. */
#define X86_FAULT 1152
#define X86_NEST_QWORDS 137
#define X86_SHARED 1088
/* In struct ucall_ex_regs. */
#define X86_REGS_VECTOR 120

#endif
