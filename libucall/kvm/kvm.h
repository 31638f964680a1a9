/* SPDX-License-Identifier: MIT */
/* The kvm engine, and what it needs of the host's architecture and of protections.  Needs <linux/kvm.h>. */
#ifndef LIBUCALL_KVM_H
#define LIBUCALL_KVM_H

#include <linux/kvm.h>
#include <stdlib.h>

#include "machine/memory.h"
#include "protect/guard.h"
#include "protect/protect.h"
#include "machine/machine.h"

/* Linux 6.8 */
#define UCALL_KVM_EXIT_MEMORY_FAULT 39

/* What the last exit was, from `run` (of run_size bytes, its data area included); vcpu may be NULL. */
void ucall_kvm_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit);
/* Its name: "KVM_EXIT_HLT". */
const char *ucall_kvm_exit_name(uint32_t native);

/*
 * A guard on this engine: what is different in the life of a VM with that protection.  Functions return
 * 0, or -1 after ucall_fail().
 */
struct ucall_kvm_guard {
	struct ucall_guard guard;
	/* Fails if this KVM cannot have such VMs. */
	int (*check)(int kvm_fd, const struct ucall_protection *protection);
	/*
	 * They set vm->memory.has_private and its bits.  The first gives the VM's descriptor; NULL:
	 * KVM_CREATE_VM does.
	 */
	int (*create_vm)(struct ucall_machine *vm, int kvm_fd);
	int (*vm_init)(struct ucall_machine *vm, int kvm_fd, int fd);
	void (*vm_fini)(struct ucall_machine *vm); /* may be half made */
	int (*set_memory)(struct ucall_machine *vm, int fd);
	/* Before the vCPU gets its registers. */
	int (*vcpu_init)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	void (*vcpu_fini)(struct ucall_cpu *vcpu); /* may be half made */
	/* In place of KVM_RUN; fills in vcpu->exit.  UCALL_RUN_AGAIN after an exit that was the protection's own. */
	enum ucall_run_end (*run)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				  size_t run_size);
};

/* A family of guards, such as those of SEV. */
struct ucall_kvm_guards {
	uint32_t bits; /* UCALL_PROTECT_ bits that it keeps */
	const struct ucall_kvm_guard *(*find)(const struct ucall_protection *protection);
	/* ucall_vm_launch_list(): what VMs of that kind ask of KVM; new memory, NULL after ucall_fail(). */
	char *(*launch_list)(const struct ucall_machine *vm,
			     const struct ucall_protection *protection,
			     const struct ucall_args *args);
};

/*
 * A VM's in-kernel interrupt controller.  One that is a device of KVM gives its descriptor in *device,
 * for its owner to close after a failure too; else that stays as it is.  It is started when all vCPUs
 * are there, before the first of them runs: KVM adds none from then on.
 */
struct ucall_kvm_irqchip {
	int (*create)(int vm_fd, int *device);
	int (*start)(int device, unsigned int vcpus); /* NULL: it is complete when it is made */
};

/*
 * Snapshots: all of a vCPU's state, of which no exit is pending, and of the VM's interrupt controllers:
 * in new memory, for free(), NULL after ucall_fail(); and back to it.
 */
struct ucall_kvm_state {
	void *(*save)(const struct ucall_cpu *vcpu, int kvm_fd, int vm_fd, int fd);
	int (*load)(const struct ucall_cpu *vcpu, int fd, const void *state);
	void *(*save_irqchip)(int vm_fd); /* NULL: it cannot */
	int (*load_irqchip)(int vm_fd, const void *state);
};

/* The host's architecture on this engine: arch/ARCH/kvm.c. */
struct ucall_kvm_arch {
	const struct ucall_arch *arch;
	/* UCALL_CAN_RING3, UCALL_CAN_HANDLERS, UCALL_CAN_STEP; the others follow from what is here */
	uint32_t can;
	int sync_regs; /* what KVM_CAP_SYNC_REGS must at least give */

	/* What a vCPU gets once: CPUID, and which registers each exit leaves in `run`.  NULL: nothing. */
	int (*vcpu_init)(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run);
	/* Sets the vCPU's registers as vcpu->boot says. */
	int (*boot)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	uint64_t (*argument)(int fd, const struct kvm_run *run);
	uint64_t (*root)(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run);
	int (*get_regs)(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			struct ucall_frame *out);
	int (*set_regs)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			const struct ucall_frame *in);
	/* Exits that only this architecture has: 1 and *exit filled in, or 0.  NULL: there are none. */
	int (*decode)(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit);

	/*
	 * Where KVM may report the step over a halt in place of the halt: *after is the address behind it if
	 * the next step executes one, else 0; where the guest was at KVM_EXIT_DEBUG; true if the instruction
	 * before the next is a halt.  NULL: it reports the halt.
	 */
	int (*next_halt)(struct ucall_cpu *vcpu, int fd, uint64_t *after);
	uint64_t (*debug_pc)(const struct kvm_run *run);
	bool (*is_behind_halt)(struct ucall_cpu *vcpu, int fd);

	/* NULL: KVM has no such thing on this architecture. */
	const struct ucall_kvm_irqchip *irqchip;
	const struct ucall_kvm_state *state;
	const struct ucall_kvm_guards *const *guards; /* all families, then NULL */
	/* For one-reg.c: does it hold state that the guest can change, rather than how the vCPU is made? */
	bool (*is_state)(uint64_t reg);
};

extern const struct ucall_kvm_arch ucall_kvm_arch;
/* kvm/one-reg.c: of a vCPU whose state is all in registers that KVM lists. */
extern const struct ucall_kvm_state ucall_kvm_one_reg_state;

/*
 * Completes the instruction of the last exit, and runs nothing else of the guest.  A kick or a time limit
 * that no run has reported yet still ends the next KVM_RUN.
 */
int ucall_kvm_complete(struct ucall_cpu *vcpu);
/* Has a KVM_RUN of that vCPU that is under way, or else the next, return EINTR once. */
void ucall_kvm_interrupt(struct ucall_cpu *vcpu);

/*
 * KVM_RUN, by a single step if `step` or ucall_vcpu_set_stepping() says so; fills in vcpu->exit.
 * UCALL_RUN_EXIT, _INTERRUPTED, _AGAIN, or _FAILED.
 */
enum ucall_run_end ucall_kvm_enter(struct ucall_cpu *vcpu, bool step);
/* True after ucall_vcpu_set_stepping(): the user wants to see each step. */
bool ucall_kvm_is_stepping(const struct ucall_cpu *vcpu);

/* KVM_SET_ONE_REG, KVM_GET_ONE_REG: registers of 64 bits. */
int ucall_kvm_set_reg(int fd, uint64_t id, uint64_t value);
int ucall_kvm_get_reg(int fd, uint64_t id, uint64_t *value);

#endif
