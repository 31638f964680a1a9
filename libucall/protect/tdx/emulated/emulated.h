/* SPDX-License-Identifier: MIT */
/*
 * TDX by software on any KVM.  This part plays the CPU and the TDX module: it sees private memory and
 * registers, and hides them from the rest of the library.  docs/CONFIDENTIAL.md lists the rules that it
 * enforces.
 */
#ifndef LIBUCALL_TDX_EMULATED_H
#define LIBUCALL_TDX_EMULATED_H

#include "protect/tdx/tdx.h"
#include "protect/x86/cpu.h"

struct tdx_vm {
	/* Which pages are private, and the slots of shared pages and of private ones that are accepted. */
	struct x86_cpu cpu;
	struct ucall_private_pages accepted; /* a bit for each page that the guest has */
	struct ucall_private_pages poisoned; /* a bit for each page that the host has written */
	struct kvm_cpuid2 *cpuid; /* of its vCPUs */
	uint64_t reset_root;
	void *reset_page;
	uint64_t map_pages; /* pages that are done of one MapGPA; 0: all */
	bool step; /* trap=step */
	bool dead; /* atomic: a vCPU has touched poisoned memory */
};

/* What the host has to answer before the vCPU goes on. */
enum tdx_pending {
	TDX_NOTHING,
	TDX_IO_READ,
	TDX_MMIO_READ,
};

struct tdx_vcpu {
	struct ucall_ve_info ve; /* of the last #VE */
	bool has_ve; /* the guest has not asked for it */
	enum tdx_pending pending;
	uint64_t shown; /* the registers that the guest has shown to the host: bits by number */
	bool halted; /* by TDG.VP.VMCALL */
	bool started; /* trap=step: it has run */
	bool looked; /* trap=step: the next instruction is known not to be trapped */
};

static inline struct tdx_vm *tdx_vm(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

static inline struct tdx_vcpu *tdx_vcpu(const struct ucall_cpu *vcpu)
{
	return vcpu->guard_data;
}

/* ---- pages.c ---- */

int tdx_track_memory(struct ucall_machine *vm);
void tdx_free_memory(struct ucall_machine *vm);
bool tdx_is_private(const struct ucall_machine *vm, uint64_t gpa);
/* struct ucall_guard.set_private, and MapGPA: contents are lost. */
int tdx_set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);
/* A private page that was not accepted becomes the guest's, and zero. */
enum tdx_accept {
	TDX_ACCEPTED,
	TDX_ACCEPTED_ALREADY,
	TDX_ACCEPT_SHARED, /* it is not private */
	TDX_ACCEPT_LARGE, /* only pages of 4 KiB can be accepted */
	TDX_ACCEPT_FAILED, /* after ucall_fail() */
};
enum tdx_accept tdx_accept(struct ucall_machine *vm, uint64_t gpa, bool is_4k);
bool tdx_is_accepted(const struct ucall_machine *vm, uint64_t gpa);
bool tdx_is_poisoned(const struct ucall_machine *vm, uint64_t gpa);
/* struct ucall_guard.copy. */
int tdx_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size);

/* ---- tdcall.c ---- */

/*
 * TDCALL with the guest's `regs`, whose rip is behind it.  Returns 1 if the guest goes on with them; 0 if
 * vcpu->exit is for the caller, after which it does; or -1.
 */
int tdx_call(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, struct kvm_run *run,
	     size_t run_size);

/* ---- vmcall.c: TDG.VP.VMCALL ---- */

/* Returns the same. */
int tdx_vmcall(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, struct kvm_run *run,
	       size_t run_size);
/* Puts the host's answer into the registers that the guest has shown. */
void tdx_answer(struct ucall_cpu *vcpu, struct kvm_regs *regs, const struct kvm_run *run,
		size_t run_size);

/* ---- exits.c ---- */

/* Serves KVM's exit.  Returns 1 to go on, 0 if vcpu->exit is for the caller, or -1. */
int tdx_serve(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size);
/* trap=step: serves the next instruction if it is one that KVM would not show.  Returns the same. */
int tdx_look_ahead(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size);
/* The exit that ends a trust domain. */
int tdx_report_death(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size);

#endif
