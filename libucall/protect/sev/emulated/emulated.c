// SPDX-License-Identifier: MIT
/* Emulated SEV, SEV-ES and SEV-SNP: guards of the kvm engine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/x86_64.h"
#include "emulated.h"

/* ---- VMs and vCPUs ---- */

static int check(int kvm_fd, const struct ucall_protection *protection)
{
	return x86_check_msr_exits(kvm_fd) || !ucall_ciphers_load() ? -1 : 0;
}

/*
 * With SEV-ES, all MSRs exit except those of the encrypted state that KVM leaves to the guest there
 * (sev_es_init_vmcb() and its MSR permission map).
 */
static const struct x86_msrs guests_own[] = {
	{ 0x174, 3 }, /* SYSENTER_CS, _ESP, _EIP */
	{ 0x277, 1 }, /* PAT */
	{ 0xc0000080, 5 }, /* EFER STAR LSTAR CSTAR SFMASK */
	{ 0xc0000100, 3 }, /* FS_BASE GS_BASE KERNEL_GS_BASE */
};
static const struct x86_msrs status[] = { { UCALL_MSR_SEV_STATUS, 1 } };

static int filter_msrs(const struct ucall_machine *vm, int fd)
{
	if (ucall_protection_closes(vm->protection))
		return x86_filter_msrs(fd, guests_own, sizeof(guests_own) / sizeof(guests_own[0]),
				       false);
	return x86_filter_msrs(fd, status, 1, true);
}

static int vm_init(struct ucall_machine *vm, int kvm_fd, int fd)
{
	const struct kvm_cpuid2 *supported = ucall_x86_64_cpuid(vm, kvm_fd);
	struct sev_vm *sev = ucall_calloc(1, sizeof(*sev));
	uint64_t c_bit = 0;

	if (!sev)
		return -1;
	vm->guard_data = sev;
	if (x86_init(&sev->cpu, fd))
		return -1;
	sev->ciphers = ucall_ciphers_load();
	if (!supported || !sev->ciphers)
		return -1;
	if (sev->ciphers->new_key(sev->key))
		return ucall_fail(EIO, "libcrypto cannot generate a random key");
	sev->step = ucall_protection_closes(vm->protection) &&
		    ucall_args_uint(vm->protection_options, "trap_cpuid");
	if (sev->step && x86_check_steps(vm, "trap_cpuid=step"))
		return -1;
	if (x86_find_address_bit(fd, &c_bit, supported) || filter_msrs(vm, fd))
		return -1;
	sev_set_c_bit(&vm->memory, c_bit);
	sev->cpuid = sev_make_cpuid(vm, supported);
	return sev->cpuid ? 0 : -1;
}

static void vm_fini(struct ucall_machine *vm)
{
	struct sev_vm *sev = sev_vm(vm);

	if (!sev)
		return;
	x86_fini(&sev->cpu, vm->inherited);
	free(sev->cpuid);
	memset(sev->key, 0, sizeof(sev->key));
	free(sev);
	vm->guard_data = NULL;
}

static int vcpu_init(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	struct sev_vcpu *v = ucall_calloc(1, sizeof(*v));

	if (!v)
		return -1;
	vcpu->guard_data = v;
	v->ghcb_msr = sev_ghcb_info(vcpu->vm);
	if (ioctl(fd, KVM_SET_CPUID2, sev_vm(vcpu->vm)->cpuid))
		return ucall_fail_call("KVM_SET_CPUID2");
	if (ucall_protection_closes(vcpu->vm->protection))
		run->kvm_valid_regs = 0; /* such a guest cannot use KVM_CAP_SYNC_REGS */
	return 0;
}

static void vcpu_fini(struct ucall_cpu *vcpu)
{
	free(vcpu->guard_data);
	vcpu->guard_data = NULL;
}

static int launch(struct ucall_machine *vm)
{
	return sev_measure(vm);
}

static int launch_snp(struct ucall_machine *vm)
{
	return sev_measure(vm) || sev_split_memory(vm) ? -1 : 0;
}

/* ---- exits ---- */

/* Undoes the exit in vcpu->exit and raises #VC at its instruction (APM volume 2, 15.35.5). */
static int raise_vc(struct ucall_cpu *vcpu, int fd, uint64_t code)
{
	struct kvm_regs regs;
	int r = x86_undo(vcpu, fd, &regs, NULL);

	if (!r)
		return ucall_fail(
			EOPNOTSUPP,
			"the guest raised #VC by an instruction that this emulation does not "
			"recognise (a store to MMIO other than MOV, MOVS and STOS); see "
			"docs/CONFIDENTIAL.md");
	return r < 0 ? r : x86_deliver(vcpu, fd, &regs, VECTOR_VC, code);
}

static int serve_msr(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct sev_vcpu *v = sev_vcpu(vcpu);
	uint32_t msr = run->msr.index;
	bool is_write = run->exit_reason == KVM_EXIT_X86_WRMSR;

	run->msr.error = 0;
	if (msr == UCALL_MSR_SEV_STATUS) {
		run->msr.error = is_write; /* #GP */
		run->msr.data = UCALL_SEV_STATUS_SEV;
		if (ucall_protection_closes(vcpu->vm->protection))
			run->msr.data |= UCALL_SEV_STATUS_ES;
		if (vcpu->vm->protection->bit == UCALL_PROTECT_SEV_SNP)
			run->msr.data |= UCALL_SEV_STATUS_SNP;
		return 1;
	}
	if (!ucall_protection_closes(vcpu->vm->protection))
		return 0;
	if (msr == UCALL_MSR_GHCB) {
		if (is_write)
			v->ghcb_msr = run->msr.data;
		else
			run->msr.data = v->ghcb_msr;
		return 1;
	}
	if (msr == UCALL_MSR_VMGEXIT && is_write)
		return ucall_kvm_complete(vcpu) ? -1 : sev_vmgexit(vcpu, fd, run, run_size);
	run->msr.data = 0;
	return raise_vc(vcpu, fd, UCALL_SVM_EXIT_MSR);
}

static int serve_mmio(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct ucall_machine *vm = vcpu->vm;
	uint64_t gpa = ucall_memory_entry_address(&vm->memory, run->mmio.phys_addr);

	if (!ucall_protection_closes(vm->protection))
		return 0;
	if (vm->protection->bit == UCALL_PROTECT_SEV_SNP && gpa < vm->memory.size)
		return x86_report_mismatch(
			vcpu, fd, gpa,
			!ucall_memory_entry_is_shared(&vm->memory, run->mmio.phys_addr));
	return raise_vc(vcpu, fd, UCALL_SVM_EXIT_NPF);
}

/* trap_cpuid=step: raises #VC if CPUID is next.  1: the guest can go on. */
static int look_ahead(struct ucall_cpu *vcpu, int fd)
{
	struct kvm_regs regs;
	uint8_t code[4];

	if (x86_look_ahead(vcpu, fd, &regs, code, sizeof(code)))
		return -1;
	sev_vcpu(vcpu)->looked = code[0] != 0x0f || code[1] != 0xa2;
	if (sev_vcpu(vcpu)->looked)
		return 1;
	return x86_deliver(vcpu, fd, &regs, VECTOR_VC, UCALL_SVM_EXIT_CPUID);
}

/* Returns 1 to go on, 0 if vcpu->exit is for the caller, or -1. */
static int serve(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	switch (run->exit_reason) {
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return serve_msr(vcpu, fd, run, run_size);
	case KVM_EXIT_IO:
		return ucall_protection_closes(vcpu->vm->protection)
			       ? raise_vc(vcpu, fd, UCALL_SVM_EXIT_IOIO)
			       : 0;
	case KVM_EXIT_MMIO:
		return serve_mmio(vcpu, fd, run);
	case KVM_EXIT_DEBUG:
		if (!sev_vm(vcpu->vm)->step)
			return 0;
		return vcpu->stepping ? 0 : look_ahead(vcpu, fd);
	default:
		return 0;
	}
}

/* Prepares the vCPU to go on; returns as serve() does. */
static int prepare(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct sev_vcpu *v = sev_vcpu(vcpu);

	if (ucall_protection_closes(vcpu->vm->protection) &&
	    (run->kvm_valid_regs || run->kvm_dirty_regs))
		return ucall_fail(
			EINVAL,
			"KVM_RUN: kvm_valid_regs or kvm_dirty_regs is set, but the registers of an "
			"%s guest are closed (Invalid argument)",
			vcpu->vm->protection->name);
	if (v->pending)
		sev_answer(vcpu, run, run_size);
	if (!sev_vm(vcpu->vm)->step || v->looked)
		return 1;
	/* After an exit: check the next instruction before it runs. */
	if (v->started && ucall_kvm_complete(vcpu))
		return -1;
	v->started = true;
	return look_ahead(vcpu, fd);
}

static enum ucall_run_end run_vcpu(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				   size_t run_size)
{
	struct sev_vm *sev = sev_vm(vcpu->vm);
	bool gated = vcpu->vm->protection->bit == UCALL_PROTECT_SEV_SNP;
	int r = prepare(vcpu, fd, run, run_size);
	enum ucall_run_end end;

	if (r <= 0)
		return r ? UCALL_RUN_FAILED : UCALL_RUN_EXIT;
	sev_vcpu(vcpu)->looked = false;
	if (gated)
		x86_enter(&sev->cpu);
	end = ucall_kvm_enter(vcpu, sev->step);
	if (gated)
		x86_leave(&sev->cpu);
	if (end != UCALL_RUN_EXIT)
		return end;
	r = serve(vcpu, fd, run, run_size);
	return r < 0 ? UCALL_RUN_FAILED : r ? UCALL_RUN_AGAIN : UCALL_RUN_EXIT;
}

#define COMMON \
	.check = check, .vm_init = vm_init, .vm_fini = vm_fini, .set_memory = sev_set_memory, \
	.vcpu_init = vcpu_init, .vcpu_fini = vcpu_fini, .run = run_vcpu

#define STATE .save = sev_save, .load = sev_load, .free_state = sev_free_state

const struct ucall_kvm_guard sev_emulated = {
	.guard = { .launch = launch,
		   .copy = sev_copy,
		   .private_memory = UCALL_PRIVATE_APART,
		   STATE },
	COMMON,
};

const struct ucall_kvm_guard sev_emulated_snp = {
	.guard = { .launch = launch_snp,
		   .copy = sev_copy,
		   .private_memory = UCALL_PRIVATE_APART,
		   .set_private = sev_set_private,
		   .is_private = sev_is_private,
		   STATE },
	COMMON,
};
