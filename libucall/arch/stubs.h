/* SPDX-License-Identifier: MIT */
/*
 * What runs in a guest of the host's own architecture when an exception or an interrupt comes.
 *
 * arch/ARCH/stubs.S saves the registers as a struct ucall_frame on a stack of its own and calls
 * ucall_stub_dispatch() (dispatch.c), which runs the guest's handler, or a fix-up, or tells the host.  Both are
 * guest code: a section that is copied to STUB_CODE and must be self-contained.  All of it lies in the mailbox's
 * slot of the address space.  For C and assembler.
 */
#ifndef LIBUCALL_STUBS_H
#define LIBUCALL_STUBS_H

#define STUB_MAILBOX 0x8000000000
#define STUB_BELL_OFFSET 0x1000 /* of the bell page, from the mailbox */

#define STUB_CODE 0x8000100000
#define STUB_CODE_SIZE 0x8000 /* at most */
#define STUB_DATA 0x8000108000 /* struct ucall_stub_data, of the VM */
#define STUB_CPU 0x800010c000 /* struct ucall_stub_cpu */
#define STUB_STOP 0x800010f000 /* a page without memory: a store there stops for the host */
#define STUB_STOP_GPA 0xfffff000 /* above all guest memory */
#define STUB_STACK 0x8000110000 /* the page below is not mapped */

/* An exception in a handler takes the next part of the stack.  The last is for one too many, which stops. */
#define STUB_DEPTH 4
#define STUB_PART_SHIFT 14
#define STUB_PART (1 << STUB_PART_SHIFT)
#define STUB_STACK_SIZE ((STUB_DEPTH + 1) * STUB_PART)
#define STUB_STACK_TOP (STUB_STACK + STUB_STACK_SIZE)

/* struct ucall_frame, and what the stack has for it. */
#define STUB_FRAME_PC 0
#define STUB_FRAME_SP 8
#define STUB_FRAME_FLAGS 16
#define STUB_FRAME_VECTOR 24
#define STUB_FRAME_CODE 32
#define STUB_FRAME_ADDRESS 40
#define STUB_FRAME_UNKNOWN 48
#define STUB_FRAME_EXTRA 56
#define STUB_FRAME_GPR 120
#define STUB_FRAME_SIZE 384

/* struct ucall_stub_cpu */
#define STUB_CPU_DEPTH 0
#define STUB_CPU_SCRATCH 8

#ifndef __ASSEMBLER__
#include <ucall/abi.h>
#include <ucall/guest.h>

/* The guest can read it, and the host writes. */
struct ucall_stub_data {
	uint32_t stop; /* how a stub stops for the host: the architecture's number */
	uint32_t exit_vector; /* the exception that stands for an exit; 0: no exception */
	uint64_t exit_handler; /* the core's handler for it, int (*)(struct ucall_frame *); 0: none */
	uint64_t fixups, fixups_end; /* struct ucall_fixup[] of the guest */
	uint64_t reserved[UCALL_PAGE_SIZE / 8 - 4];
	uint64_t handlers[UCALL_VECTORS]; /* guest functions; 0: none */
};

/* The stubs' own. */
struct ucall_stub_cpu {
	uint64_t depth; /* exceptions whose stubs have not returned */
	uint64_t scratch[2];
};

/* What UCALL_FIXUP() makes: each less the address of the field. */
struct ucall_fixup {
	int32_t at, to;
};

/* Marks a function of the stubs: one that others call, and one of its file alone. */
#define UCALL_STUB __attribute__((section("ucall_stubs"), used)) UCALL_GUEST UCALL_HIDDEN
#define UCALL_STUB_OWN static __attribute__((section("ucall_stubs"), noinline)) UCALL_GUEST

/* Returns when the guest can go on as *frame says. */
void ucall_stub_dispatch(struct ucall_frame *frame) UCALL_HIDDEN;

/* The section, and where guest functions return to in it, with the end of that code, which runs anywhere. */
extern const uint8_t ucall_stubs_start[] __asm__("__start_ucall_stubs") UCALL_HIDDEN;
extern const uint8_t ucall_stubs_stop[] __asm__("__stop_ucall_stubs") UCALL_HIDDEN;
extern const uint8_t ucall_stubs_return[] UCALL_HIDDEN, ucall_stubs_return_end[] UCALL_HIDDEN;

/* Guest address of what is at `code` in the section. */
static inline uint64_t ucall_stub_address(const void *code)
{
	return STUB_CODE + (uint64_t)((const uint8_t *)code - ucall_stubs_start);
}

/* ---- the host's half: stubs.c ---- */

struct ucall_machine;
struct ucall_cpu;

/* struct ucall_native's: code and data of the VM; those and the page and the stack of a vCPU. */
int ucall_stubs_init(struct ucall_machine *vm);
int ucall_stubs_map(struct ucall_cpu *vcpu);
void ucall_stubs_reset(struct ucall_cpu *vcpu);
uint64_t ucall_stubs_return_address(void);
const void *ucall_stubs_return_code(size_t *size);
/* Where the control block is the C library's alone. */
void ucall_stubs_no_tcb(void *tcb, uint64_t gva);
#endif

#endif
