/* SPDX-License-Identifier: MIT */
/*
 * What runs in a guest of the host's own architecture at an exception or an interrupt.
 *
 * arch/ARCH/stubs.S saves the registers as a struct ucall_frame on a stack of its own and calls
 * ucall_stub_dispatch() (dispatch.c), which runs the guest's handler, or applies a fix-up, or
 * reports to the host.  Both are guest code: a section that is copied to STUB_CODE and must be
 * self-contained.  All of it lies in the mailbox's slot of the address space.  For C and assembler.
 */
#ifndef LIBUCALL_STUBS_H
#define LIBUCALL_STUBS_H

#define STUB_MAILBOX 0x8000000000
#define STUB_BELL_OFFSET 0x1000 /* of the bell page, from the mailbox */

#define STUB_CODE 0x8000100000
#define STUB_CODE_SIZE 0x8000 /* at most */
#define STUB_DATA 0x8000108000 /* struct ucall_stub_data, of the VM */
#define STUB_CPU 0x800010c000 /* struct ucall_stub_cpu */
#define STUB_STOP 0x800010f000 /* a page without memory: a store there exits to the host */
#define STUB_STOP_GPA 0xfffff000 /* above all guest memory */
#define STUB_STACK 0x8000110000 /* UCALL_HANDLER_STACK */

/*
 * An exception in a handler takes the next part of the stack.  One within STUB_DEPTH handlers can be
 * an exit or have a fix-up, but gets no handler; the last part is for one within that, which stops.
 */
#define STUB_DEPTH 4
#define STUB_LAST_PART (STUB_DEPTH + 1)
#define STUB_PART_SHIFT 15
#define STUB_PART (1 << STUB_PART_SHIFT) /* the lower half is not mapped */
#define STUB_STACK_TOP (STUB_STACK + (STUB_LAST_PART + 1) * STUB_PART)

/* Offsets in struct ucall_frame, and its size on the stack. */
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
#define STUB_CPU_STEPPED 24

#ifndef __ASSEMBLER__
#include <ucall/abi.h>
#include <ucall/guest.h>

/* The host writes it; the guest can only read it. */
struct ucall_stub_data {
	uint32_t stop; /* how a stub stops for the host: a number of the architecture */
	uint32_t exit_vector; /* the exception raised instead of an exit; 0: none */
	/* The core's handler for it, int (*)(struct ucall_frame *); 0: none. */
	uint64_t exit_handler;
	uint64_t fixups, fixups_end; /* struct ucall_fixup[] of the guest */
	uint64_t reserved[UCALL_PAGE_SIZE / 8 - 4];
	uint64_t handlers[UCALL_VECTORS]; /* guest functions; 0: none */
};

/* The stubs' data for one vCPU. */
struct ucall_stub_cpu {
	uint64_t depth; /* exceptions whose stubs have not returned */
	uint64_t scratch[2];
	/*
	 * enum ucall_stub_stepped: KVM steps x86_64 guests by a flag that exceptions save like any
	 * other.  The host writes it.
	 */
	uint64_t stepped;
};

enum ucall_stub_stepped {
	STUB_NOT_STEPPED, /* up to now */
	STUB_STEPPING,
	STUB_STEPPED, /* not any more */
};

/* What UCALL_FIXUP() makes: addresses, relative to that of the field. */
struct ucall_fixup {
	int32_t at, to;
};

/* Mark functions of the stubs: those that other files call, and those private to a file. */
#define UCALL_STUB __attribute__((section("ucall_stubs"), used)) UCALL_GUEST UCALL_HIDDEN
#define UCALL_STUB_OWN static __attribute__((section("ucall_stubs"), noinline)) UCALL_GUEST

/* Returns only if the guest can continue as *frame says. */
void ucall_stub_dispatch(struct ucall_frame *frame) UCALL_HIDDEN;

/*
 * The section; and the code in it that guest functions return to, which is position-independent.
 */
extern const uint8_t ucall_stubs_start[] __asm__("__start_ucall_stubs") UCALL_HIDDEN;
extern const uint8_t ucall_stubs_stop[] __asm__("__stop_ucall_stubs") UCALL_HIDDEN;
extern const uint8_t ucall_stubs_return[] UCALL_HIDDEN, ucall_stubs_return_end[] UCALL_HIDDEN;

/* The guest address of `code`, which points into the section. */
static inline uint64_t ucall_stub_address(const void *code)
{
	return STUB_CODE + (uint64_t)((const uint8_t *)code - ucall_stubs_start);
}

/* ---- the host's part: stubs.c ---- */

struct ucall_machine;
struct ucall_cpu;

/* For struct ucall_native: code and data of the VM; maps them and a vCPU's own pages. */
int ucall_stubs_init(struct ucall_machine *vm);
int ucall_stubs_map(struct ucall_cpu *vcpu);
void ucall_stubs_reset(struct ucall_cpu *vcpu);
uint64_t ucall_stubs_return_address(void);
const void *ucall_stubs_return_code(size_t *size);
/* For architectures on which only the C library uses the control block. */
void ucall_stubs_no_tcb(void *tcb, uint64_t gva);
#endif

#endif
