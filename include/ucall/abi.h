/* SPDX-License-Identifier: MIT */
/*
 * <ucall/abi.h> - what host and guest share: the message, the mailbox, the bell page and their
 * addresses.
 *
 * Everything here is frozen: a guest built against this header works with every later libucall that
 * supports its UCALL_GUEST_ABI.  All fields have a fixed width and a fixed offset, and are in the
 * guest's byte order.  Reserved fields are zero and are ignored by readers.
 *
 * The contract.  The guest writes the arguments, then the message's head (cmd, nargs, flags and
 * text_size: one 64-bit store with release order), then rings the doorbell.  The host copies the
 * message once, checks the copy, and stores 0 into the head.  If the head is not 0 after the
 * doorbell, the guest knows that its exit was swallowed.
 */
#ifndef UCALL_ABI_H
#define UCALL_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Version of everything in this file. */
#define UCALL_GUEST_ABI 1

#define UCALL_PAGE_SIZE 4096

/*
 * Guest-virtual addresses, the same for every architecture and every VM.  They have a top-level
 * page table slot of their own with 4-level tables (512 GiB per slot) and with s390x region-third
 * tables.  Without paging they are guest-physical addresses.
 */
#define UCALL_MAILBOX_ADDRESS 0x8000000000 /* this vCPU's mailbox: one page, read and write */
#define UCALL_BELL_ADDRESS 0x8000001000 /* struct ucall_bell: one page, read-only */
#define UCALL_CODE_ADDRESS 0x8000002000 /* the backend's guest code: read and execute */
#define UCALL_CODE_SIZE 0x10000 /* bytes at most */
#define UCALL_GHCB_ADDRESS \
	0x8000020000 /* x86_64 with SEV-ES and SEV-SNP: this vCPU's GHCB, one page */

/*
 * x86_64 with TDX: this vCPU's page tables, as memory.  The entry for the page at A is 8 bytes at
 * UCALL_TABLES_ADDRESS + (A >> 9 & 0x7ffffffff8).
 */
#define UCALL_TABLES_ADDRESS 0xfffff80000000000

#define UCALL_QUEUE_ADDRESS \
	0x8000200000 /* this vCPU's struct ucall_queue, if the backend has one: read and write */

#define UCALL_MAX_ARGS 7
#define UCALL_TEXT_SIZE 1024 /* bytes of text in a message, its NUL included */

/* struct ucall.cmd.  Commands from UCALL_USER to 0xffff are the program's own. */
enum ucall_cmd {
	UCALL_NONE = 0,
	UCALL_SYNC = 1, /* args[1] is the stage, args[2...] what GUEST_SYNC_ARGS adds */
	UCALL_ABORT = 2, /* text is "FILE:LINE: what failed"; args[1] the line, args[2...] values */
	UCALL_PRINTF = 3, /* text */
	UCALL_DONE = 4,
	UCALL_PAGES = 6, /* guest_share(), guest_unshare(): args are address, size, 1 if shared */
	/* GUEST_TRACE_BEGIN(), _END(): args[0] is 1 or 0, args[1] the counter or 0; text, the name */
	UCALL_SPAN = 7,
	UCALL_USER = 0x100,
};

/* struct ucall.flags */
#define UCALL_TEXT_BAD 0x01 /* the guest's format was wrong; text says how */
#define UCALL_TEXT_CUT 0x02 /* the text did not fit into the message and was cut */
#define UCALL_WAIT 0x04 /* the guest continues only after the host has taken the message */

/* A message.  The first eight bytes are its head. */
struct ucall {
	uint16_t cmd; /* enum ucall_cmd; 0: no message */
	uint8_t nargs; /* how many of args[] were given; the host's copy has 0 in the others */
	uint8_t flags;
	uint32_t text_size; /* bytes of text[], without its NUL */
	uint64_t args[UCALL_MAX_ARGS];
	char text[UCALL_TEXT_SIZE];
};

/* struct ucall_fault_area.kind */
enum ucall_fault_kind {
	UCALL_FAULT_EXCEPTION = 0, /* nothing else is known */
	UCALL_FAULT_SWALLOWED = 1, /* the doorbell's exit did not reach the host */
};

/* struct ucall_fault_area.state */
enum ucall_fault_state {
	UCALL_FAULT_NONE = 0,
	UCALL_FAULT_REGS = 1, /* frame is valid; stack[] up to the first bad address, then 0 */
	UCALL_FAULT_STACK = 2, /* frame and stack[] are valid */
};

/*
 * Numbers of exceptions and interrupts, below UCALL_VECTORS: struct ucall_frame.vector,
 * ucall_vm_set_handler().  Those that are not named here are the architecture's own:
 *
 * x86_64:  vector (AMD APM volume 2, 8.2)
 * aarch64: exception class, ESR_EL1.EC (Arm ARM, D17.2.37)
 * s390x:   program interruption code (Principles of Operation, figure 6-1)
 * riscv64: exception code, scause (privileged specification, table 4.2)
 */
#define UCALL_VECTORS 512
#define UCALL_AARCH64_IRQ 0x40
#define UCALL_AARCH64_FIQ 0x41
#define UCALL_AARCH64_SERROR 0x42
#define UCALL_S390X_PROGRAM \
	0x100 /* a program interruption without a handler of its own, or of unknown code */
#define UCALL_S390X_SVC 0x101 /* a supervisor call; code is its number */
#define UCALL_S390X_EXTERNAL 0x102
#define UCALL_S390X_IO 0x103
#define UCALL_S390X_MACHINE_CHECK 0x104
#define UCALL_S390X_RESTART 0x105
#define UCALL_RISCV64_INTERRUPT 0x40 /* plus the number of the interrupt */

/* struct ucall_frame.unknown: what the engine does not know; those fields are 0. */
#define UCALL_UNKNOWN_VECTOR 1u
#define UCALL_UNKNOWN_CODE 2u
#define UCALL_UNKNOWN_ADDRESS 4u
#define UCALL_UNKNOWN_REGS 8u /* pc, sp, flags, extra, gpr: closed to the host */

/*
 * The state of a vCPU.  Exception stubs save it and handlers get it; the host can read and set it.
 * pc is where the guest continues when a handler returns: the instruction itself after most
 * exceptions, the next one after a trap, such as an x86_64 breakpoint or an aarch64 or s390x
 * supervisor call.  (Without a handler, ucall_fault() with engine unicorn gives the instruction.)
 *
 *	    gpr				  flags	    code		address
 * x86_64   rax rcx rdx rbx rsp rbp rsi	  RFLAGS    error code		CR2
 *	    rdi r8..r15 (in the order of
 *	    their encoding); extra[0] is
 *	    CS, extra[1] SS
 * aarch64  x0..x30			  SPSR_EL1  ESR_EL1		FAR_EL1
 * s390x    r0..r15			  PSW mask  1 if it was a store	of a bad access
 * riscv64  x0..x31			  sstatus   1 if the memory did	stval
 *					    not permit the access, as
 *					    far as that is known
 */
struct ucall_frame {
	uint64_t pc;
	uint64_t sp; /* in a handler's frame, set this one: its copy in gpr[] is ignored */
	uint64_t flags;
	uint64_t vector; /* this and the next three describe an exception; see UCALL_VECTORS */
	uint64_t code;
	uint64_t address;
	uint64_t unknown; /* UCALL_UNKNOWN_ bits */
	uint64_t extra[8];
	uint64_t gpr[32];
};

/* gpr[] of x86_64. */
enum ucall_x86_64_gpr {
	UCALL_RAX,
	UCALL_RCX,
	UCALL_RDX,
	UCALL_RBX,
	UCALL_RSP,
	UCALL_RBP,
	UCALL_RSI,
	UCALL_RDI,
	UCALL_R8, /* and so on, up to r15 */
};

#define UCALL_FAULT_STACK_WORDS 64

/*
 * What an exception stub tells the host, which cannot read a confidential guest's registers or
 * stack.
 */
struct ucall_fault_area {
	uint32_t state; /* enum ucall_fault_state */
	uint32_t kind; /* enum ucall_fault_kind; set by the guest before it raises the exception */
	struct ucall_frame frame;
	uint64_t stack[UCALL_FAULT_STACK_WORDS]; /* from frame.sp upwards */
};

#define UCALL_TRACING_ON 1u
#define UCALL_TRACING_COUNTER 2u /* the host knows this CPU's counter */

/*
 * The mailbox.  Before a handler runs, exception stubs and ucall_nest_enter() save the first
 * UCALL_NEST_SIZE bytes and zero uc's head and `shared`; they restore all when the handler is done.
 */
struct ucall_mailbox {
	struct ucall uc;
	uint64_t shared; /* ucall_shared(): guest address of the message; 0: it is uc */
	uint32_t vcpu; /* number of this vCPU in its VM, from 0 */
	uint32_t tracing; /* UCALL_TRACING_ bits; 0: the host does not trace this guest */
	uint64_t received; /* messages that the host took; for diagnosis only */
	uint64_t ghcb; /* guest-physical address of this vCPU's GHCB; 0: it has none */
	uint32_t ghcb_registered; /* set by the guest: the hypervisor knows that address */
	uint32_t reserved1[7];
	struct ucall_fault_area fault;
};

#define UCALL_NEST_SIZE 1096

#define UCALL_QUEUE_LINE 32 /* bytes */
#define UCALL_QUEUE_LINES_MAX 8192

/*
 * A message queue in memory shared with the host, for a backend that does not exit for each
 * message: a ring with one writer, the vCPU, and one reader, the host.  A message has the layout of
 * struct ucall and takes as many lines as it needs: one line with up to three arguments and no
 * text, otherwise two plus those of its text.  It begins at line n % lines, where n is the sum of
 * the lines of all messages before it, and does not wrap around: the ring is followed by as many
 * lines as a message can have.
 *
 * Order.  The guest writes a message's lines, then `put` (release); the host reads `put` (acquire),
 * then the lines, so it sees every line that was put.  The host copies a message, then writes
 * `taken` (release); the guest reads `taken` (acquire) before it writes a line again, so no unread
 * line is overwritten.  Each counter has one writer and only grows, and each side trusts only its
 * own copy of its own counter.  No other ordering is needed, on any architecture.
 */
struct ucall_queue {
	/* Used by the guest only, except where noted. */
	uint32_t busy; /* a message is being put; a handler that sees this uses only the mailbox */
	uint32_t waiting; /* messages since the last exit */
	uint64_t seen; /* value of `taken` when last read */
	uint32_t lines; /* in the ring, a power of two; written by the host */
	uint32_t flush; /* 1: an exit without a message only tells the host to look here */
	uint64_t reserved0[13];
	uint64_t put; /* written by the guest: number of lines put so far */
	uint64_t reserved1[15];
	uint64_t taken; /* written by the host: number of lines taken so far */
	uint64_t reserved2[31];
	/* The ring follows. */
};

#define UCALL_PARAMS 8

/* struct ucall_bell.protection: a type, and flags. */
#define UCALL_BELL_TYPE 0xffu
enum ucall_bell_protection {
	UCALL_BELL_NONE = 0,
	UCALL_BELL_SEV = 1,
	UCALL_BELL_SEV_ES = 2,
	UCALL_BELL_SEV_SNP = 3,
	UCALL_BELL_PKVM = 4,
	UCALL_BELL_TDX = 5,
};
#define UCALL_BELL_EMULATED 0x100u /* the host's software enforces the rules */
#define UCALL_BELL_NO_MAILBOX 0x200u /* messages go by address: the mailbox is not mapped */

/* The bell page: how this VM's guest rings the doorbell. */
struct ucall_bell {
	/* The guest address of void ring(struct ucall *uc, const struct ucall_bell *bell). */
	uint64_t ring;
	uint64_t param[UCALL_PARAMS]; /* for the backend's guest code, set by its init() */
	uint32_t guest_abi; /* the host's UCALL_GUEST_ABI */
	uint32_t protection; /* how this guest's memory is encrypted */
};

/* Internal: checks the layouts above. */
#ifdef __cplusplus
#define UCALL_ABI_ASSERT(cond) static_assert(cond, "guest ABI")
#else
#define UCALL_ABI_ASSERT(cond) _Static_assert(cond, "guest ABI")
#endif
#define UCALL_ABI_OFFSET(type, field, offset) UCALL_ABI_ASSERT(offsetof(type, field) == (offset))

UCALL_ABI_OFFSET(struct ucall, cmd, 0);
UCALL_ABI_OFFSET(struct ucall, nargs, 2);
UCALL_ABI_OFFSET(struct ucall, flags, 3);
UCALL_ABI_OFFSET(struct ucall, text_size, 4);
UCALL_ABI_OFFSET(struct ucall, args, 8);
UCALL_ABI_OFFSET(struct ucall, text, 64);
UCALL_ABI_ASSERT(sizeof(struct ucall) == 1088);
UCALL_ABI_OFFSET(struct ucall_fault_area, state, 0);
UCALL_ABI_OFFSET(struct ucall_fault_area, kind, 4);
UCALL_ABI_OFFSET(struct ucall_frame, pc, 0);
UCALL_ABI_OFFSET(struct ucall_frame, sp, 8);
UCALL_ABI_OFFSET(struct ucall_frame, flags, 16);
UCALL_ABI_OFFSET(struct ucall_frame, vector, 24);
UCALL_ABI_OFFSET(struct ucall_frame, code, 32);
UCALL_ABI_OFFSET(struct ucall_frame, address, 40);
UCALL_ABI_OFFSET(struct ucall_frame, unknown, 48);
UCALL_ABI_OFFSET(struct ucall_frame, extra, 56);
UCALL_ABI_OFFSET(struct ucall_frame, gpr, 120);
UCALL_ABI_ASSERT(sizeof(struct ucall_frame) == 376);
UCALL_ABI_OFFSET(struct ucall_fault_area, frame, 8);
UCALL_ABI_OFFSET(struct ucall_fault_area, stack, 384);
UCALL_ABI_ASSERT(sizeof(struct ucall_fault_area) == 896);
UCALL_ABI_OFFSET(struct ucall_mailbox, uc, 0);
UCALL_ABI_OFFSET(struct ucall_mailbox, shared, 1088);
UCALL_ABI_OFFSET(struct ucall_mailbox, vcpu, UCALL_NEST_SIZE);
UCALL_ABI_OFFSET(struct ucall_mailbox, received, 1104);
UCALL_ABI_OFFSET(struct ucall_mailbox, ghcb, 1112);
UCALL_ABI_OFFSET(struct ucall_mailbox, fault, 1152);
UCALL_ABI_ASSERT(sizeof(struct ucall_mailbox) == 2048);
UCALL_ABI_OFFSET(struct ucall_queue, lines, 16);
UCALL_ABI_OFFSET(struct ucall_queue, flush, 20);
UCALL_ABI_OFFSET(struct ucall_queue, put, 128);
UCALL_ABI_OFFSET(struct ucall_queue, taken, 256);
UCALL_ABI_ASSERT(sizeof(struct ucall_queue) == 512);
UCALL_ABI_OFFSET(struct ucall_bell, ring, 0);
UCALL_ABI_OFFSET(struct ucall_bell, param, 8);
UCALL_ABI_OFFSET(struct ucall_bell, guest_abi, 72);
UCALL_ABI_OFFSET(struct ucall_bell, protection, 76);
UCALL_ABI_ASSERT(sizeof(struct ucall_bell) == 80);

#undef UCALL_ABI_OFFSET
#undef UCALL_ABI_ASSERT

#endif /* UCALL_ABI_H */
