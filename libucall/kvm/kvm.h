/* SPDX-License-Identifier: MIT */
/*
 * The kvm engine, and what it needs from the host's architecture and from protections.  Needs
 * <linux/kvm.h>.
 */
#ifndef LIBUCALL_KVM_H
#define LIBUCALL_KVM_H

#include <linux/kvm.h>
#include <stdlib.h>

#include "machine/memory.h"
#include "protect/guard.h"
#include "protect/protect.h"
#include "machine/machine.h"

/* KVM_EXIT_MEMORY_FAULT, since Linux 6.8 */
#define UCALL_KVM_EXIT_MEMORY_FAULT 39

/* Fills in *exit from `run` (run_size bytes, with its data area); vcpu may be NULL. */
void ucall_kvm_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit);
/* An exit's name: "KVM_EXIT_HLT". */
const char *ucall_kvm_exit_name(uint32_t native);

/*
 * A guard on this engine: what it does differently for a VM with that protection.  Functions return
 * 0, or -1 after ucall_fail().
 */
struct ucall_kvm_guard {
	struct ucall_guard guard;
	/* Fails if this KVM cannot run such VMs. */
	int (*check)(int kvm_fd, const struct ucall_protection *protection);
	/*
	 * One of the two sets vm->memory.has_private and its bits.  create_vm() returns the VM's
	 * descriptor; NULL: the engine calls KVM_CREATE_VM.
	 */
	int (*create_vm)(struct ucall_machine *vm, int kvm_fd);
	int (*vm_init)(struct ucall_machine *vm, int kvm_fd, int fd);
	void (*vm_fini)(struct ucall_machine *vm); /* may be half made */
	int (*set_memory)(struct ucall_machine *vm, int fd);
	/* How a vCPU starts, if not by the registers that ucall_kvm_arch.boot() sets.  NULL: by those. */
	int (*boot)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	/* Before the vCPU gets its registers. */
	int (*vcpu_init)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	void (*vcpu_fini)(struct ucall_cpu *vcpu); /* may be half made */
	/* Replaces KVM_RUN; fills in vcpu->exit.  UCALL_RUN_AGAIN after an exit that it handled. */
	enum ucall_run_end (*run)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				  size_t run_size);
};

/* A family of guards, such as those of SEV. */
struct ucall_kvm_guards {
	uint32_t bits; /* UCALL_PROTECT_ bits that it implements */
	const struct ucall_kvm_guard *(*find)(const struct ucall_protection *protection);
	/* ucall_vm_launch_list(): such a VM's KVM calls, in new memory; NULL after ucall_fail(). */
	char *(*launch_list)(const struct ucall_machine *vm,
			     const struct ucall_protection *protection,
			     const struct ucall_args *args);
};

/*
 * A VM's in-kernel interrupt controller.  create() sets *device to its descriptor if it is a KVM
 * device, else leaves it unchanged; the caller closes it, even after an error.  start() is called
 * when all vCPUs exist and none has run: KVM cannot add vCPUs after it.  save() returns the state
 * of a started controller in new memory, for free(), or NULL after ucall_fail(); load() restores
 * it. `device` is -1 there if create() did not set it.
 */
struct ucall_kvm_irqchip {
	int (*create)(int vm_fd, int *device);
	int (*start)(int device, unsigned int vcpus); /* NULL: create() was enough */
	void *(*save)(int vm_fd, int device, unsigned int vcpus);
	int (*load)(int vm_fd, int device, const void *state);
};

/*
 * Snapshots: all state of a vCPU without a pending exit.  Saving returns it in new memory, for
 * free(), or NULL after ucall_fail(); loading restores it.
 */
struct ucall_kvm_state {
	void *(*save)(const struct ucall_cpu *vcpu, int kvm_fd, int vm_fd, int fd);
	int (*load)(const struct ucall_cpu *vcpu, int fd, const void *state);
};

/* What this engine needs from the host's architecture: arch/ARCH/kvm.c. */
struct ucall_kvm_arch {
	const struct ucall_arch *arch;
	/* UCALL_CAN_RING3, UCALL_CAN_HANDLERS, UCALL_CAN_STEP; the fields below imply the others */
	uint32_t can;
	const char *run_einval; /* what EINVAL of KVM_RUN may mean; NULL: nothing is known */
	int sync_regs; /* bits that KVM_CAP_SYNC_REGS must have */

	/* Sets up a new vCPU: CPUID, and which registers exits leave in `run`.  NULL: nothing. */
	int (*vcpu_init)(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run);
	/* Sets the vCPU's registers as vcpu->boot says. */
	int (*boot)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	/* Before boot() for a vCPU that has run: resets what boot() does not set.  NULL: nothing. */
	int (*reset)(int fd);
	uint64_t (*argument)(int fd, const struct kvm_run *run);
	uint64_t (*root)(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run);
	int (*get_regs)(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			struct ucall_frame *out);
	int (*set_regs)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			const struct ucall_frame *in);
	/* Decodes exits of this architecture only: 1 and *exit filled in, or 0.  NULL: none. */
	int (*decode)(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit);

	/*
	 * For a KVM that may report a step over a halt instead of the halt.  next_halt(): *after is
	 * the address after the halt if the next step executes one, else 0.  debug_pc(): where the
	 * guest was at KVM_EXIT_DEBUG.  is_behind_halt(): true if the previous instruction is a
	 * halt.  NULL: KVM reports the halt.
	 */
	int (*next_halt)(struct ucall_cpu *vcpu, int fd, uint64_t *after);
	uint64_t (*debug_pc)(const struct kvm_run *run);
	bool (*is_behind_halt)(struct ucall_cpu *vcpu, int fd);
	/* Tells the guest's stubs that stepping is on, or off again.  NULL: they need not know. */
	void (*stepping)(struct ucall_cpu *vcpu, bool on);

	/*
	 * pc(): the program counter at the last exit.  set_breakpoints() sets the CPU's breakpoints in
	 * *debug, for the first of these addresses, and returns how many fit.  NULL: the CPU has no
	 * breakpoints.
	 */
	uint64_t (*pc)(int fd, const struct kvm_run *run);
	int (*counter)(int fd, uint64_t *value, uint64_t *hz); /* as the engine's; NULL: unknown */
	unsigned int (*set_breakpoints)(int fd, struct kvm_guest_debug *debug, const uint64_t *pcs,
					unsigned int count);
	/*
	 * For a KVM that only reports breakpoint instructions (planted.h): next_pcs() gives the
	 * addresses, UCALL_KVM_NEXT at most, where the guest may be after its next instruction, and
	 * returns their number; 0: unknown.  NULL: KVM single-steps.
	 */
	unsigned int (*next_pcs)(struct ucall_cpu *vcpu, int fd, uint64_t *next);
	uint16_t breakpoint_insn;

	/* NULL: KVM does not have it on this architecture. */
	const struct ucall_kvm_irqchip *irqchip;
	const struct ucall_kvm_state *state;
	const struct ucall_kvm_guards *const *guards; /* all families, then NULL */
	/* For one-reg.c: true for state that the guest can change, not for configuration. */
	bool (*is_state)(uint64_t reg);
};

#define UCALL_KVM_NEXT 4

extern const struct ucall_kvm_arch ucall_kvm_arch;
/* kvm/one-reg.c: for vCPUs whose state is all in registers that KVM lists. */
extern const struct ucall_kvm_state ucall_kvm_one_reg_state;

/*
 * Completes the instruction of the last exit, and runs no other guest code.  A kick or a time limit
 * that has not been reported yet still ends the next KVM_RUN.
 */
int ucall_kvm_complete(struct ucall_cpu *vcpu);
/* Makes the vCPU's current KVM_RUN, or else the next one, return EINTR once. */
void ucall_kvm_interrupt(struct ucall_cpu *vcpu);

/*
 * KVM_RUN, as a single step if `step` is true or the vCPU is stepping; fills in vcpu->exit.
 * Returns UCALL_RUN_EXIT, _INTERRUPTED, _AGAIN, or _FAILED.
 */
enum ucall_run_end ucall_kvm_enter(struct ucall_cpu *vcpu, bool step);

/* KVM_SET_ONE_REG, KVM_GET_ONE_REG: 64-bit registers. */
int ucall_kvm_set_reg(int fd, uint64_t id, uint64_t value);
int ucall_kvm_get_reg(int fd, uint64_t id, uint64_t *value);

#endif
