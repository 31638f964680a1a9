/* SPDX-License-Identifier: MIT */
/* What differs between the guest architectures of the unicorn engine: a file for each. */
#ifndef UNICORN_CPU_H
#define UNICORN_CPU_H

#include <unicorn/unicorn.h>

#include "machine/machine.h"
#include "fiber.h"

#define UNICORN_DEPTH 4 /* handlers within handlers */

/* An exception whose handler has not returned. */
struct unicorn_level {
	uc_context *context; /* NULL: not needed yet */
	struct ucall_frame frame; /* before the handler */
	uint64_t at; /* guest address of the handler's copy */
	uint8_t messages[UCALL_NEST_SIZE]; /* saved from the mailbox */
};

struct unicorn_vcpu {
	struct ucall_cpu *vcpu;
	const struct unicorn_cpu *cpu;
	uc_engine *uc;
	struct fiber fiber;
	uint64_t pc; /* of the current or next instruction */
	uint64_t code_page; /* guest address of the page at `code`, or ~0 */
	const uint8_t *code;
	size_t mapped; /* how many of the VM's regions have been handled */

	/* Why the fiber was left. */
	enum {
		LEFT_EXIT,
		LEFT_YIELD,
		LEFT_KICK,
		LEFT_TIMEOUT,
		LEFT_ENDED,
		LEFT_STEP,
		LEFT_REPEAT,
		LEFT_FAILED
	} left;
	uc_err error; /* of uc_emu_start(), once it has ended */
	bool running; /* uc_emu_start() has not ended */
	bool failed; /* it has ended with the exception in vcpu->exit */

	int kicked; /* atomic: a kick that no run has reported yet */
	bool regs_written; /* apply `regs` before the next instruction */
	struct ucall_frame regs;
	uint64_t regs_pc; /* where the guest was when they were written */
	bool stepped; /* this run has begun an instruction */
	const uint64_t *breakpoints; /* of set_breakpoints() */
	unsigned int breakpoint_count;
	unsigned int budget; /* instructions until the clock is read; 0: before the next one */
	int64_t deadline; /* CLOCK_MONOTONIC, ns; -1: none */
	bool exact; /* bad accesses are reported exactly */
	bool psw_loaded; /* s390x: the previous instruction loaded a PSW */

	/* What to do before the guest goes on: handlers.c. */
	struct {
		enum { NEXT_NOTHING, NEXT_FIXUP, NEXT_HANDLER, NEXT_RETURN } what;
		uint64_t to;
	} next;
	struct unicorn_level levels[UNICORN_DEPTH];
	unsigned int depth;
};

struct unicorn_cpu {
	uc_arch uc_arch;
	uc_mode uc_mode;
	/* Unicorn's numbers of the registers in struct ucall_frame; 0: none. */
	int gpr[32], pc, sp, flags;
	unsigned int argument; /* gpr[] of a function's first argument */

	uint8_t spin[4]; /* one or two instructions that jump to themselves */

	/* Sets up other state than registers, and hooks.  NULL: none. */
	uc_err (*init)(struct unicorn_vcpu *v);
	/* Sets a guest function's arguments, stack and return address, by the ABI. */
	uc_err (*boot)(struct unicorn_vcpu *v, const struct ucall_boot *boot,
		       uint64_t return_address);
	/*
	 * call(): goes on in a function whose one argument is `frame`, the top of its stack; the
	 * caller sets pc.  resume(): the address to put in an exception's frame; NULL: that of the
	 * instruction.
	 */
	uc_err (*call)(struct unicorn_vcpu *v, uint64_t frame, uint64_t return_address);
	uint64_t (*resume)(struct unicorn_vcpu *v, const struct ucall_exit *exit);
	/* Called before an instruction: true if it exits; fills in *exit. */
	bool (*insn)(struct unicorn_vcpu *v, const uint8_t *code, struct ucall_exit *exit);

	/* Turns a bad access (a uc_mem_type) into the architecture's exception. */
	void (*memory_fault)(struct unicorn_vcpu *v, uc_mem_type type, uint64_t address,
			     struct ucall_exit *exit);
	uint32_t maybe_access; /* a UC_HOOK_INTR that may be a bad access; 0: none */
	/*
	 * For UC_HOOK_INTR: true if it was a call of a hypervisor that the VM's protection has, and has
	 * been answered.  NULL: there is none.
	 */
	bool (*hypercall)(struct unicorn_vcpu *v, uint32_t number);
	/* For UC_HOOK_INTR: fills in *exit. */
	void (*interrupt)(struct unicorn_vcpu *v, uint32_t number, struct ucall_exit *exit);
	/* The emulation ended like a halt: true if it was an exception, in *exit.  NULL: never. */
	bool (*halts_by_exception)(struct unicorn_vcpu *v, struct ucall_exit *exit);
	/* For an invalid instruction: fills in *exit. */
	void (*invalid_insn)(struct unicorn_vcpu *v, struct ucall_exit *exit);
};

extern const struct unicorn_cpu unicorn_x86_64, unicorn_aarch64, unicorn_s390x, unicorn_riscv64;

/* In a hook: hands v->vcpu->exit to the host, and returns when the vCPU goes on. */
void unicorn_exit(struct unicorn_vcpu *v);

/* Read and write the general registers. */
void unicorn_read_registers(struct unicorn_vcpu *v, struct ucall_frame *frame);
void unicorn_write_registers(struct unicorn_vcpu *v, const struct ucall_frame *frame, bool flags);

/* ---- handlers.c ---- */

/*
 * In a hook, with an exception in v->vcpu->exit: true if the guest takes it; the emulation must
 * then stop.
 */
bool unicorn_takes_exception(struct unicorn_vcpu *v);
/* The emulation has stopped: sets registers and v->pc by v->next.  -1 after ucall_fail(). */
int unicorn_go_on(struct unicorn_vcpu *v);
uc_err unicorn_init_handlers(struct unicorn_vcpu *v);
void unicorn_drop_handlers(struct unicorn_vcpu *v);

/* An exit that is a guest exception. */
static inline void unicorn_exception(struct ucall_exit *exit, uint64_t vector, uint64_t code,
				     uint64_t address, uint32_t unknown)
{
	exit->reason = UCALL_EXIT_EXCEPTION;
	exit->u.exception.vector = vector;
	exit->u.exception.code = code;
	exit->u.exception.address = address;
	exit->u.exception.unknown = unknown;
}

static inline bool unicorn_is_write(uc_mem_type type)
{
	return type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
}

static inline bool unicorn_is_fetch(uc_mem_type type)
{
	return type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
}

/* The memory is mapped, but does not permit the access. */
static inline bool unicorn_is_denied(uc_mem_type type)
{
	return type == UC_MEM_WRITE_PROT || type == UC_MEM_READ_PROT || type == UC_MEM_FETCH_PROT;
}

/* Writes a 64-bit register. */
static inline uc_err unicorn_set(struct unicorn_vcpu *v, int reg, uint64_t value)
{
	return uc_reg_write(v->uc, reg, &value);
}

static inline uint64_t unicorn_get(struct unicorn_vcpu *v, int reg)
{
	uint64_t value = 0;

	uc_reg_read(v->uc, reg, &value);
	return value;
}

#endif
