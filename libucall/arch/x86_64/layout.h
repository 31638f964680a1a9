/* SPDX-License-Identifier: MIT */
/*
 * Where the x86_64 descriptor tables lie in a guest, beside the stubs (arch/stubs.h).  For C and
 * assembler.
 */
#ifndef LIBUCALL_X86_64_LAYOUT_H
#define LIBUCALL_X86_64_LAYOUT_H

#include "arch/stubs.h"

/* For the VM: */
#define X86_TABLES 0x8000170000
#define X86_IDT (X86_TABLES + 0x0000) /* 256 gates */
#define X86_GDT (X86_TABLES + 0x1000)
#define X86_TABLES_PAGES 2

/* struct ucall_stub_data.stop, struct ucall_protection.stop */
#define X86_STOP_HLT 0
#define X86_STOP_OUT 1 /* HLT does not exit with an in-kernel interrupt controller */
#define X86_STOP_VMGEXIT 2 /* nor does OUT with SEV-ES: VMMCALL with REP */
#define X86_STOP_EMULATED 3 /* the same under emulation: an MSR */
#define X86_STOP_TDX 4 /* nor does HLT with TDX: ReportFatalError */

/* For each vCPU: */
#define X86_TSS (X86_TABLES + 0x4000)
#define X86_TSS_PAGES 3 /* 104 bytes, and the I/O permission bitmap */

/*
 * NMI and #MC have a stack of their own, since they can come while another exception's stub saves
 * or restores registers at the top of its part.
 */
#define X86_NMI_STACK 0x8000150000
#define X86_NMI_PARTS 2
#define X86_NMI_STACK_TOP (X86_NMI_STACK + X86_NMI_PARTS * STUB_PART)

/* TDX: what the vCPU starts with, struct tdx_start (protect/tdx/abi.h). */
#define X86_TDX_START (X86_TABLES + 0x8000)

#define X86_TSS_IST1 0x24 /* AMD APM volume 2, 12.2.5: 64-bit TSS */
#define X86_TSS_IST2 0x2c /* for NMI and #MC */
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

#endif
