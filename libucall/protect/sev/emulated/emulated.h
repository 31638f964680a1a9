/* SPDX-License-Identifier: MIT */
/*
 * SEV by software on any KVM.  This part plays the CPU and its firmware: it sees private memory and
 * registers in plain, and hides them from the rest of the library.  docs/CONFIDENTIAL.md lists the
 * hardware rules that it enforces.
 */
#ifndef LIBUCALL_SEV_EMULATED_H
#define LIBUCALL_SEV_EMULATED_H

#include "modules/ciphers.h"
#include "protect/sev/sev.h"
#include "protect/x86/cpu.h"

struct sev_vm {
	struct x86_cpu cpu; /* SNP: which pages are private, and their slots */
	const struct ucall_ciphers *ciphers;
	uint8_t key[UCALL_XTS_KEY_SIZE];
	struct kvm_cpuid2 *cpuid; /* of its vCPUs */
	bool step; /* trap_cpuid=step */
};

struct sev_vcpu {
	uint64_t ghcb_msr;
	uint64_t registered; /* SNP: address of the GHCB that the guest has registered; 0: none */
	bool pending; /* the last exit is a port access by the GHCB, not answered yet */
	bool started; /* trap_cpuid=step: it has run */
	bool looked; /* trap_cpuid=step: the next instruction is known not to be CPUID */
};

static inline struct sev_vm *sev_vm(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

static inline struct sev_vcpu *sev_vcpu(const struct ucall_cpu *vcpu)
{
	return vcpu->guard_data;
}

/* ---- psp.c: the firmware ---- */

/* Sets vm->measurement. */
int sev_measure(struct ucall_machine *vm);
/* struct ucall_guard.copy: private memory as its host sees it. */
int sev_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size);
/* Makes the page private or shared: private contents become ciphertext, and the reverse. */
int sev_convert_page(struct ucall_machine *vm, uint64_t gpa, bool is_private);

/* ---- slots.c: private memory on KVM ---- */

int sev_set_memory(struct ucall_machine *vm, int fd);
/* SNP: from now on each page is either private or shared, with a slot to match. */
int sev_split_memory(struct ucall_machine *vm);
/* struct ucall_guard, for SNP. */
int sev_set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private);
bool sev_is_private(const struct ucall_machine *vm, uint64_t gpa);
/* SNP: restores a snapshot's private and shared pages, but not their contents. */
int sev_restore_pages(struct ucall_machine *vm, const uint32_t *private_bits);

/* ---- state.c: struct ucall_guard.save and so on ---- */

void *sev_save(const struct ucall_machine *vm);
int sev_load(struct ucall_machine *vm, const void *state);
void sev_free_state(void *state);

/* ---- ghcb.c: VMGEXIT ---- */

/* Returns 1 if answered, 0 if vcpu->exit is for the caller, or -1. */
int sev_vmgexit(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size);
/* Answers the exit after the caller has handled it. */
void sev_answer(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size);
/* The first value that ucall_rdmsr(UCALL_MSR_GHCB) returns. */
uint64_t sev_ghcb_info(const struct ucall_machine *vm);

#endif
