/* SPDX-License-Identifier: MIT */
/*
 * What runs vCPUs.  An engine is chosen when a VM is created; all that the rest of the core knows
 * of it is this.  kvm is part of the library; others are modules.  Functions return 0, or -1 after
 * ucall_fail().
 */
#ifndef LIBUCALL_ENGINE_H
#define LIBUCALL_ENGINE_H

#include <ucall/plugin.h>

struct ucall_protection; /* protect.h */

struct ucall_engine {
	const char *name;
	const char *version; /* of libucall: a module and the library are built together */
	uint32_t archs; /* UCALL_ARCH_ bits: guests that it runs on this host */
	uint32_t can; /* UCALL_CAN_ bits; without UCALL_CAN_PAGING guests are flat */

	/* The version of the library below it; NULL: there is none. */
	void (*library)(char *version, size_t size);

	/* Can it run VMs here?  `device` is the VM configuration's, or NULL. */
	int (*check)(const char *device);
	/* And with that kind of memory encryption?  NULL: it has none. */
	int (*check_protection)(const struct ucall_protection *protection);
	/* What a VM set up as this one would ask of the system if it had it; new memory.  NULL likewise. */
	char *(*launch_list)(const struct ucall_vm *vm, const struct ucall_protection *protection,
			     const struct ucall_args *args);

	/*
	 * The VM without memory, then its memory: at guest-physical address 0, or for flat guests by
	 * vm->memory's regions (regions.h), which grow while vCPUs run.  For a VM with encrypted memory the
	 * first sets vm->memory.c_bit and vm->protect.
	 */
	int (*vm_init)(struct ucall_vm *vm, const struct ucall_vm_config *config);
	int (*set_memory)(struct ucall_vm *vm, void *memory, size_t size);
	void (*vm_fini)(struct ucall_vm *vm); /* all vCPUs are gone; may be half made */

	/* The vCPU, about to start as vcpu->boot says. */
	int (*vcpu_init)(struct ucall_vcpu *vcpu);
	void (*vcpu_fini)(struct ucall_vcpu *vcpu); /* may be half made */

	/*
	 * All vCPUs are there and none runs yet: once, for a VM of which vm_init() has said by
	 * vm->launched that its set-up is to be ended.  NULL: it has none such but those with encrypted memory.
	 */
	int (*launch)(struct ucall_vm *vm);

	/* Back to where it started. */
	int (*restart)(struct ucall_vcpu *vcpu);

	/*
	 * Runs until the next exit and describes it in vcpu->exit; a guest exception that no code of
	 * the guest has taken is an exit too.  -1 with errno ETIMEDOUT at `deadline` (CLOCK_MONOTONIC, ns;
	 * -1: no limit), with EINTR after kick(); both without ucall_fail(), and the vCPU can then be
	 * run again.
	 */
	int (*run)(struct ucall_vcpu *vcpu, int64_t deadline);
	/* Ends the present run, or else the next at once.  From any thread or signal handler. */
	void (*kick)(struct ucall_vcpu *vcpu);
	const char *(*exit_name)(uint32_t native);

	int (*get_regs)(struct ucall_vcpu *vcpu, struct ucall_regs *regs);
	int (*set_regs)(struct ucall_vcpu *vcpu, const struct ucall_regs *regs);
	/* The first argument register at the last exit; costs no system call. */
	uint64_t (*argument)(struct ucall_vcpu *vcpu);
	/* The root of the page tables in use at the last exit; costs no system call. */
	uint64_t (*root)(struct ucall_vcpu *vcpu);
	/* The host has written code to guest memory.  NULL: nothing need be done. */
	void (*code_written)(struct ucall_vm *vm, uint64_t gva, size_t size);

	/*
	 * All of the state of the vCPUs and devices, after completing the last exits' instructions: in new
	 * memory, for free_state(), NULL on failure; and back to it.  Guest memory is the core's.  NULL: it cannot.
	 */
	void *(*save)(struct ucall_vm *vm);
	int (*load)(struct ucall_vm *vm, const void *state);
	void (*free_state)(void *state); /* NULL is allowed */

	/* Descriptors and struct kvm_run; NULL: it has none. */
	int (*vm_fd)(const struct ucall_vm *vm);
	int (*vcpu_fd)(const struct ucall_vcpu *vcpu);
	void *(*vcpu_run)(const struct ucall_vcpu *vcpu);
};

extern const struct ucall_engine ucall_engine_kvm;

/*
 * The engine for guests of `arch`, and why it: by name, or by what is there (engine.c).  `device` is
 * the VM configuration's.  NULL after ucall_fail().
 */
struct ucall_arch;
const struct ucall_engine *ucall_engine_choose(const char *name, const struct ucall_arch *arch,
					       const char *device, const char **reason);

/* Does any engine have that kind of memory encryption here?  0, or -1 after ucall_fail(). */
int ucall_engine_check_protection(const struct ucall_protection *protection);

/* A module's. */
#define UCALL_ENGINE_SYMBOL "ucall_engine"

#endif
