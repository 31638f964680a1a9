/* SPDX-License-Identifier: MIT */
/*
 * Engines run vCPUs.  An engine is chosen when a VM is created; the rest of the core knows it only
 * by this interface.  kvm is part of the library; others are modules.  Functions return 0, or -1
 * after ucall_fail().
 */
#ifndef LIBUCALL_ENGINE_H
#define LIBUCALL_ENGINE_H

#include <ucall/plugin.h>

#include "base/run-end.h"

struct ucall_machine; /* machine.h */
struct ucall_cpu;
struct ucall_protection; /* protect/protect.h */

struct ucall_engine {
	const char *name;
	const char *version; /* of libucall: a module and the library are built together */
	uint32_t (*archs)(void); /* UCALL_ARCH_ bits: guests that it runs on this host */
	uint32_t (*can)(void); /* UCALL_CAN_ bits; without UCALL_CAN_PAGING guests are flat */

	/* The version of the library that it uses; NULL: it uses none. */
	void (*library)(char *version, size_t size);

	/* Fails if it cannot run VMs here.  `device` is the VM configuration's, or NULL. */
	int (*check)(const char *device);
	/* Fails if it cannot run VMs with this memory encryption.  NULL: it has none. */
	int (*check_protection)(const struct ucall_protection *protection);
	/* For ucall_vm_launch_list() with such protection; new memory.  NULL: it has none. */
	char *(*launch_list)(const struct ucall_machine *vm,
			     const struct ucall_protection *protection,
			     const struct ucall_args *args);

	/*
	 * vm_init() creates the VM without memory; set_memory() adds it, at guest-physical address
	 * 0, or for flat guests by vm->memory's regions (regions.h), which grow while vCPUs run.
	 * For encrypted memory vm_init() sets vm->memory.has_private with its bits, and vm->guard.
	 */
	int (*vm_init)(struct ucall_machine *vm, const struct ucall_vm_config *config);
	int (*set_memory)(struct ucall_machine *vm, void *memory, size_t size);
	void (*vm_fini)(struct ucall_machine *vm); /* all vCPUs are gone; the VM may be half made */

	/* Creates a vCPU, which is to start as vcpu->boot says. */
	int (*vcpu_init)(struct ucall_cpu *vcpu);
	void (*vcpu_fini)(struct ucall_cpu *vcpu); /* may be half made */

	/*
	 * Called once, when all vCPUs exist and none has run, if vm_init() set vm->needs_launch.
	 * NULL: vm_init() never sets it.
	 */
	int (*launch)(struct ucall_machine *vm);

	/* Resets the vCPU to where it started. */
	int (*restart)(struct ucall_cpu *vcpu);

	/*
	 * Runs until the next exit and describes it in vcpu->exit; an exception that the guest does
	 * not handle is an exit too.  `deadline` is in ns of CLOCK_MONOTONIC; -1: no limit.
	 */
	enum ucall_run_end (*run)(struct ucall_cpu *vcpu, int64_t deadline);
	/*
	 * Called before cpu->stepping changes.  While that is set, run() ends after one instruction,
	 * with UCALL_EXIT_DEBUG unless that exits.  NULL: the engine cannot step.
	 */
	int (*set_stepping)(struct ucall_cpu *vcpu, bool on);
	/*
	 * From the next run() on, run() ends with UCALL_EXIT_DEBUG before the instruction at one of
	 * these addresses.  Returns how many of them the engine takes, from the first on; a caller
	 * that needs the others steps.  -1 after ucall_fail().  The list must stay as it is while the
	 * vCPU runs.  NULL: the engine takes none.
	 */
	int (*set_breakpoints)(struct ucall_cpu *vcpu, const uint64_t *pcs, unsigned int count);
	/* Ends the current run(), or else the next at once.  From any thread or signal handler. */
	void (*kick)(struct ucall_cpu *vcpu);
	const char *(*exit_name)(uint32_t native);

	int (*get_regs)(struct ucall_cpu *vcpu, struct ucall_frame *regs);
	int (*set_regs)(struct ucall_cpu *vcpu, const struct ucall_frame *regs);
	/* The program counter at the last exit, by the fewest system calls. */
	uint64_t (*pc)(struct ucall_cpu *vcpu);
	/*
	 * The guest's counter now (x86_64: the TSC; aarch64: CNTVCT_EL0; riscv64: time) and its ticks
	 * a second; -1 if the host cannot read it.  No ucall_fail().  NULL: it never can.
	 */
	int (*counter)(struct ucall_cpu *vcpu, uint64_t *value, uint64_t *hz);
	/* The first argument register at the last exit; costs no system call. */
	uint64_t (*argument)(struct ucall_cpu *vcpu);
	/* The root of the page tables in use at the last exit; costs no system call. */
	uint64_t (*root)(struct ucall_cpu *vcpu);
	/* Called when the host has written code to guest memory.  NULL: not needed. */
	void (*code_written)(struct ucall_machine *vm, uint64_t gva, size_t size);

	/*
	 * save() completes the last exits' instructions and returns the state of all vCPUs and
	 * devices in new memory, for free_state(); NULL on failure.  load() restores it.  Guest
	 * memory is left to the core.  NULL: not supported.
	 */
	void *(*save)(struct ucall_machine *vm);
	int (*load)(struct ucall_machine *vm, const void *state);
	void (*free_state)(void *state); /* NULL is allowed */

	/* File descriptors and struct kvm_run; NULL: it has none. */
	int (*vm_fd)(const struct ucall_machine *vm);
	int (*vcpu_fd)(const struct ucall_cpu *vcpu);
	void *(*vcpu_run)(const struct ucall_cpu *vcpu);
};

/* True if `pc` is one of the addresses. */
static inline bool ucall_is_breakpoint(const uint64_t *pcs, unsigned int count, uint64_t pc)
{
	for (unsigned int i = 0; i < count; i++)
		if (pcs[i] == pc)
			return true;
	return false;
}

extern const struct ucall_engine ucall_engine_kvm;

/*
 * Chooses the engine for guests of `arch`, by name or else the first that works (engine.c); *reason
 * says why.  `device` is the VM configuration's.  NULL after ucall_fail().
 */
struct ucall_arch;
const struct ucall_engine *ucall_engine_choose(const char *name, const struct ucall_arch *arch,
					       const char *device, const char **reason);

/* 0 if an engine has this memory encryption here, else -1 after ucall_fail(). */
int ucall_engine_check_protection(const struct ucall_protection *protection);

/* The symbol that a module defines. */
#define UCALL_ENGINE_SYMBOL "ucall_engine"

#endif
