/* SPDX-License-Identifier: MIT */
/*
 * How a vCPU of a trust domain starts: its host sets no register, so what it needs is in its memory.
 * For C and assembler.
 */
#ifndef LIBUCALL_TDX_ABI_H
#define LIBUCALL_TDX_ABI_H

/* The first instruction is 16 bytes before the end of this page (TDX Module Base, "VCPU initial state"). */
#define TDX_RESET_PAGE 0xfffff000
#define TDX_RESET_OFFSET 0xff0

/* A write of 1 byte there tells the host that what it needs is shared. */
#define TDX_STARTED_PORT 0xfca2

/* The page tables are mapped by this slot of their root, so that the guest can change them. */
#define TDX_TABLES_SLOT 496 /* UCALL_TABLES_ADDRESS */

/* struct tdx_start */
#define TDX_START_ROOT 0
#define TDX_START_RESET_ROOT 8
#define TDX_START_NEXT 16
#define TDX_START_EMULATED 24
#define TDX_START_STACK 32
#define TDX_START_STACK_PAGES 40
#define TDX_START_SHARE 48
#define TDX_START_SHARE_SIZE 56
#define TDX_START_RETURN 64
#define TDX_START_TLS 72
#define TDX_START_RIP 80
#define TDX_START_RSP 104
#define TDX_START_SS 112
#define TDX_START_ARGS 120
#define TDX_START_DATA_SEGMENT 168
#define TDX_START_GDTR 176
#define TDX_START_IDTR 192
#define TDX_START_LATER_GDTR 208
#define TDX_START_GDT 224

#ifndef __ASSEMBLER__
#include <stdint.h>

struct tdx_table { /* for LGDT and LIDT */
	uint16_t unused[3];
	uint16_t limit;
	uint64_t base;
};

/* In a private page; the vCPU's RCX is its guest-physical address. */
struct tdx_start {
	uint64_t root; /* of the page tables */
	uint64_t reset_root; /* of those with the reset page at its physical address */
	uint64_t next; /* guest address of ucall_tdx_start */
	uint64_t emulated; /* 1: TDCALL is replaced (UCALL_TDX_PORT) */
	uint64_t stack, stack_pages; /* guest-physical; to be accepted */
	uint64_t share, share_size; /* guest-physical; to be shared; size 0: by another vCPU */
	uint64_t return_address;
	uint64_t tls;
	uint64_t rip, cs, rflags, rsp, ss; /* as IRETQ takes them */
	uint64_t args[6];
	uint64_t data_segment; /* of DS, ES, FS and GS */
	struct tdx_table gdtr, idtr, later_gdtr;
	uint64_t gdt[9]; /* with an available TSS, as LTR needs it */
};
#endif

#endif
