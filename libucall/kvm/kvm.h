/* SPDX-License-Identifier: MIT */
/* What the kvm engine needs of an architecture: arch/ARCH/kvm.c.  Needs <linux/kvm.h>. */
#ifndef LIBUCALL_KVM_H
#define LIBUCALL_KVM_H

#include <linux/kvm.h>
#include <stdlib.h>

#include "machine/memory.h"
#include "protect/protect.h"
#include "machine/machine.h"

#if defined(__x86_64__)
#define UCALL_KVM_ARCH UCALL_ARCH_X86_64
#define UCALL_KVM_CAN \
	(UCALL_CAN_PAGING | UCALL_CAN_IRQCHIP | UCALL_CAN_RING3 | UCALL_CAN_HANDLERS | \
	 UCALL_CAN_PROTECT | UCALL_CAN_KVM)
#elif defined(__s390x__)
#define UCALL_KVM_ARCH UCALL_ARCH_S390X
#define UCALL_KVM_CAN (UCALL_CAN_PAGING | UCALL_CAN_KVM)
#else
#define UCALL_KVM_CAN (UCALL_CAN_PAGING | UCALL_CAN_IRQCHIP | UCALL_CAN_KVM)
#if defined(__aarch64__)
#define UCALL_KVM_ARCH UCALL_ARCH_AARCH64
#else
#define UCALL_KVM_ARCH UCALL_ARCH_RISCV64
#endif
#endif

/* Linux 6.8 */
#define UCALL_KVM_EXIT_MEMORY_FAULT 39

/* What the last exit was, from `run` (of run_size bytes, its data area included); vcpu may be NULL. */
void ucall_kvm_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit);
/* Its name: "KVM_EXIT_HLT". */
const char *ucall_kvm_exit_name(uint32_t native);

/*
 * A kind of memory encryption on this engine: what is different in the life of a VM.  Functions return
 * 0, or -1 after ucall_fail().
 */
struct ucall_kvm_protect {
	struct ucall_protect_ops ops;
	int (*check)(int kvm_fd, const struct ucall_protection *protection); /* can this KVM? */
	/* Sets vm->memory.c_bit.  The first gives the VM's descriptor; NULL: KVM_CREATE_VM does. */
	int (*create_vm)(struct ucall_machine *vm, int kvm_fd);
	int (*vm_init)(struct ucall_machine *vm, int kvm_fd, int fd);
	void (*vm_fini)(struct ucall_machine *vm); /* may be half made */
	int (*set_memory)(struct ucall_machine *vm, int fd);
	/* Before the vCPU gets its registers. */
	int (*vcpu_init)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
	void (*vcpu_fini)(struct ucall_cpu *vcpu); /* may be half made */
	/* In place of KVM_RUN; fills in vcpu->exit.  UCALL_RUN_AGAIN after an exit that was the protection's own. */
	enum ucall_run_end (*run)(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size);
};

/* NULL after ucall_fail(): this architecture has no such kind. */
const struct ucall_kvm_protect *ucall_kvm_arch_protect(const struct ucall_protection *protection);

/*
 * ucall_vm_launch_list(): what VMs of that kind ask of KVM; new memory, NULL after ucall_fail().  Only where
 * UCALL_CAN_PROTECT is among what this engine can.
 */
char *ucall_kvm_arch_launch_list(const struct ucall_machine *vm, const struct ucall_protection *protection,
				 const struct ucall_args *args);

/*
 * Completes the instruction of the last exit, and runs nothing else of the guest.  A kick or a time limit
 * that no run has reported yet still ends the next KVM_RUN.
 */
int ucall_kvm_complete(struct ucall_cpu *vcpu);
/* Has a KVM_RUN of that vCPU that is under way, or else the next, return EINTR once. */
void ucall_kvm_interrupt(struct ucall_cpu *vcpu);

/* KVM_RUN: UCALL_RUN_EXIT, _INTERRUPTED, or _FAILED. */
enum ucall_run_end ucall_kvm_enter(int fd);

/* KVM_SET_ONE_REG, KVM_GET_ONE_REG: registers of 64 bits. */
int ucall_kvm_set_reg(int fd, uint64_t id, uint64_t value);
int ucall_kvm_get_reg(int fd, uint64_t id, uint64_t *value);

/*
 * The VM's in-kernel interrupt controller, where UCALL_CAN_IRQCHIP is among what this engine can.  One that is
 * a device of KVM gives its descriptor in *device, for its owner to close after a failure too; else that stays
 * as it is.  It is started when all vCPUs are
 * there, before the first of them runs: KVM adds none from then on.
 */
int ucall_kvm_arch_create_irqchip(int vm_fd, int *device);
int ucall_kvm_arch_start_irqchip(int device, unsigned int vcpus);

/* What KVM_CAP_SYNC_REGS must at least give. */
int ucall_kvm_arch_sync_regs(void);
/* What a vCPU gets once: CPUID, and which registers each exit leaves in `run`. */
int ucall_kvm_arch_vcpu_init(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run);
/* Sets the vCPU's registers as vcpu->boot says. */
int ucall_kvm_arch_boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run);
uint64_t ucall_kvm_arch_argument(int fd, const struct kvm_run *run);
uint64_t ucall_kvm_arch_root(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run);
int ucall_kvm_arch_get_regs(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			    struct ucall_regs *out);
int ucall_kvm_arch_set_regs(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			    const struct ucall_regs *in);
#if !defined(__s390x__)
#define UCALL_KVM_HAS_STATE 1
/*
 * All of a vCPU's state, of which no exit is pending, and of the VM's interrupt controllers: in new memory,
 * for free(), NULL after ucall_fail(); and back to it.
 */
void *ucall_kvm_arch_save(const struct ucall_cpu *vcpu, int kvm_fd, int vm_fd, int fd);
int ucall_kvm_arch_load(const struct ucall_cpu *vcpu, int fd, const void *state);
void *ucall_kvm_arch_save_vm(int vm_fd);
int ucall_kvm_arch_load_vm(int vm_fd, const void *state);
/* For arch/one-reg.c: does it hold state that the guest can change, rather than how the vCPU is made? */
bool ucall_kvm_arch_is_state(uint64_t reg);
#endif
/* Exits that only this architecture has: 1 and *exit filled in, or 0. */
int ucall_kvm_arch_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
			  struct ucall_exit *exit);

#endif
