/* SPDX-License-Identifier: MIT */
/*
 * Stubs that fit a page, for the architectures that have nothing else in their guests: the page lies in
 * the mailbox's slot, and beside it a page without memory, a store to which stops for the host.  For C
 * and assembler.
 */
#ifndef LIBUCALL_STUB_PAGE_H
#define LIBUCALL_STUB_PAGE_H

#define STUB_MAILBOX 0x8000000000
#define STUB_BELL_OFFSET 0x1000 /* of the bell page, from the mailbox */
#define STUB_FAULT 1152 /* struct ucall_mailbox.fault, and in it: */
#define STUB_FAULT_VECTOR 8
#define STUB_FAULT_CODE 16
#define STUB_FAULT_ADDRESS 24
#define STUB_FAULT_PC 32
#define STUB_FAULT_SP 40
#define STUB_FAULT_FLAGS 48
#define STUB_FAULT_GPR 128

#define STUB_PAGE 0x8000100000
#define STUB_STOP 0x8000101000
#define STUB_STOP_GPA 0xfffff000 /* above all guest memory */

#ifndef __ASSEMBLER__
#include <stddef.h>

#include "machine/machine.h"

/* The stubs of the host's architecture: stubs.S there.  `_return` is where guest functions return to. */
extern const uint8_t ucall_stubs[], ucall_stubs_return[], ucall_stubs_end[];

/* For struct ucall_native: a copy for the VM; it and the page that stops, for a vCPU; and so on. */
int ucall_stub_page_init(struct ucall_machine *vm);
int ucall_stub_page_map(struct ucall_cpu *vcpu);
void ucall_stub_page_reset(struct ucall_cpu *vcpu);
uint64_t ucall_stub_return_address(void);
const void *ucall_stub_return_code(size_t *size);
void ucall_stub_no_tcb(void *tcb, uint64_t gva);
#endif

#endif
