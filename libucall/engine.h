/* SPDX-License-Identifier: MIT */
/*
 * What runs vCPUs.  An engine is chosen when a VM is created; all that the rest of the core knows
 * of it is this.  Functions return 0, or -1 after ucall_fail().
 */
#ifndef LIBUCALL_ENGINE_H
#define LIBUCALL_ENGINE_H

#include <ucall/plugin.h>

struct ucall_engine {
	const char *name;

	/* Can it run VMs here?  `device` is the VM configuration's, or NULL. */
	int (*check)(const char *device);

	/* The VM without memory, then its memory, at guest-physical address 0. */
	int (*vm_init)(struct ucall_vm *vm, const struct ucall_vm_config *config);
	int (*set_memory)(struct ucall_vm *vm, void *memory, size_t size);
	void (*vm_fini)(struct ucall_vm *vm); /* all vCPUs are gone; may be half made */

	/* The vCPU, about to start as vcpu->boot says. */
	int (*vcpu_init)(struct ucall_vcpu *vcpu);
	void (*vcpu_fini)(struct ucall_vcpu *vcpu); /* may be half made */

	/* Back to where it started. */
	int (*restart)(struct ucall_vcpu *vcpu);

	/*
	 * Runs until the next exit and describes it in vcpu->exit.  -1 with errno ETIMEDOUT when
	 * `timeout_ms` have gone by (-1: no limit), with EINTR after kick(); both without
	 * ucall_fail(), and the vCPU can then be run again.
	 */
	int (*run)(struct ucall_vcpu *vcpu, int timeout_ms);
	/* Ends the present run, or else the next at once.  From any thread or signal handler. */
	void (*kick)(struct ucall_vcpu *vcpu);
	const char *(*exit_name)(uint32_t native);

	int (*get_regs)(struct ucall_vcpu *vcpu, struct ucall_regs *regs);
	int (*set_regs)(struct ucall_vcpu *vcpu, const struct ucall_regs *regs);
	/* The first argument register at the last exit; costs no system call. */
	uint64_t (*argument)(struct ucall_vcpu *vcpu);
	/* The root of the page tables in use at the last exit; costs no system call. */
	uint64_t (*root)(struct ucall_vcpu *vcpu);

	int (*vm_fd)(const struct ucall_vm *vm);
	int (*vcpu_fd)(const struct ucall_vcpu *vcpu);
	void *(*vcpu_run)(const struct ucall_vcpu *vcpu);
};

extern const struct ucall_engine ucall_engine_kvm;

#endif
