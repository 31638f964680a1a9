// SPDX-License-Identifier: MIT
/* Emulated TDX: a guard of the kvm engine. */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/x86_64/x86_64.h"
#include "base/error.h"
#include "base/options.h"
#include "emulated.h"

#define RESET_SLOT 0

/* ---- VMs and vCPUs ---- */

static int check(int kvm_fd, const struct ucall_protection *protection)
{
	return x86_check_msr_exits(kvm_fd);
}

/*
 * MSRs that a guest reads and writes itself (TDX Module, msr_config_lookup); the others exit, and are
 * answered by serve_msr().
 */
static const struct x86_msrs guests_own[] = {
	{ 0x48, 2 }, /* SPEC_CTRL, PRED_CMD */
	{ 0x10b, 1 }, /* FLUSH_CMD */
	{ 0x174, 3 }, /* SYSENTER_CS, _ESP, _EIP */
	{ 0x277, 1 }, /* PAT */
	{ 0x600, 1 }, /* DS_AREA */
	{ 0x1b01, 1 }, /* UARCH_MISC_CTL */
	{ 0xc0000081, 2 }, /* STAR LSTAR */
	{ 0xc0000084, 1 }, /* FMASK */
	{ 0xc0000100, 4 }, /* FS_BASE GS_BASE KERNEL_GS_BASE TSC_AUX */
};

/* "IntelTDX    " */
static struct kvm_cpuid2 *make_cpuid(const struct kvm_cpuid2 *supported)
{
	struct kvm_cpuid2 *cpuid = x86_copy_cpuid(supported, 2);
	struct kvm_cpuid_entry2 *e;

	if (!cpuid)
		return NULL;
	e = x86_cpuid_leaf(cpuid, 0);
	if (e->eax < 0x21)
		e->eax = 0x21;
	e = x86_cpuid_leaf(cpuid, 0x21);
	e->eax = 0;
	e->ebx = 0x65746e49;
	e->ecx = 0x20202020;
	e->edx = 0x5844546c;
	return cpuid;
}

static int vm_init(struct ucall_machine *vm, int kvm_fd, int fd)
{
	const struct kvm_cpuid2 *supported = ucall_x86_64_cpuid(vm, kvm_fd);
	struct tdx_vm *tdx = ucall_calloc(1, sizeof(*tdx));
	uint64_t bit = 0;

	if (!tdx)
		return -1;
	vm->guard_data = tdx;
	tdx->reset_page = MAP_FAILED;
	if (x86_init(&tdx->cpu, fd))
		return -1;
	tdx->step = ucall_args_uint(vm->protection_options, "trap");
	tdx->map_pages = ucall_args_uint(vm->protection_options, "map_pages");
	if (vm->irqchip)
		return tdx_refuse_irqchip();
	if (tdx->step && x86_check_steps(vm, "trap=step"))
		return -1;
	if (!supported || x86_find_address_bit(fd, &bit, supported) ||
	    x86_filter_msrs(fd, guests_own, sizeof(guests_own) / sizeof(guests_own[0]), false))
		return -1;
	vm->memory.has_private = true;
	vm->memory.shared_bits = bit;
	tdx->cpuid = make_cpuid(supported);
	return tdx->cpuid ? 0 : -1;
}

static void vm_fini(struct ucall_machine *vm)
{
	struct tdx_vm *tdx = tdx_vm(vm);

	if (!tdx)
		return;
	tdx_free_memory(vm);
	if (tdx->reset_page != MAP_FAILED)
		munmap(tdx->reset_page, UCALL_PAGE_SIZE);
	free(tdx->cpuid);
	free(tdx);
	vm->guard_data = NULL;
}

/* The reset page only: the launch adds memory. */
static int set_memory(struct ucall_machine *vm, int fd)
{
	struct tdx_vm *tdx = tdx_vm(vm);

	tdx->reset_page = mmap(NULL, UCALL_PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tdx->reset_page == MAP_FAILED)
		return ucall_fail_call("mmap");
	memcpy(tdx->reset_page, tdx_reset_page, UCALL_PAGE_SIZE);
	if (x86_set_slot(fd, RESET_SLOT, TDX_RESET_PAGE, UCALL_PAGE_SIZE, tdx->reset_page))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int vcpu_init(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	vcpu->guard_data = ucall_calloc(1, sizeof(struct tdx_vcpu));
	if (!vcpu->guard_data)
		return -1;
	if (ioctl(fd, KVM_SET_CPUID2, tdx_vm(vcpu->vm)->cpuid))
		return ucall_fail_call("KVM_SET_CPUID2");
	run->kvm_valid_regs = 0; /* such a guest cannot use KVM_CAP_SYNC_REGS */
	return tdx_make_start(vcpu, &tdx_vm(vcpu->vm)->reset_root);
}

static void vcpu_fini(struct ucall_cpu *vcpu)
{
	free(vcpu->guard_data);
	vcpu->guard_data = NULL;
}

static struct kvm_segment flat(uint8_t type)
{
	return (struct kvm_segment){
		.limit = 0xffffffff, .type = type, .present = 1, .s = 1, .db = 1, .g = 1
	};
}

#define CR4_MCE 0x40
#define CR4_PAE 0x20

/*
 * QEMU's emulation of SVM (seen with 7.2) loses the host's CR0 at the exit of a guest with EFER.LME, but
 * without CR4.PAE: on an AMD CPU under a hypervisor, vCPUs start with it.
 */
static bool needs_pae(void)
{
	uint32_t a, b, c, d;

	return __get_cpuid(0, &a, &b, &c, &d) && c == signature_AMD_ecx &&
	       __get_cpuid(1, &a, &b, &c, &d) && c >> 31;
}

/* The state in which TDH.VP.INIT leaves a vCPU. */
static int boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct kvm_regs regs = {
		.rip = TDX_RESET_PAGE + TDX_RESET_OFFSET,
		.rflags = 2,
		.rbx = (uint64_t)__builtin_ctzll(vcpu->vm->memory.shared_bits) + 1,
		.rcx = vcpu->boot.start_arg,
		.r8 = vcpu->boot.start_arg,
		.rsi = vcpu->number,
	};
	struct kvm_sregs sregs;

	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_SREGS");
	sregs.cs = flat(0xb);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(0x3);
	memset(&sregs.tr, 0, sizeof(sregs.tr));
	sregs.tr.limit = 0xffff;
	sregs.tr.type = 0xb;
	sregs.tr.present = 1;
	sregs.gdt.base = sregs.idt.base = 0;
	sregs.gdt.limit = 0xffff;
	sregs.idt.limit = 0;
	sregs.cr0 = 0x21; /* NE PE */
	sregs.cr2 = sregs.cr3 = 0;
	sregs.cr4 = CR4_MCE | (needs_pae() ? CR4_PAE : 0);
	sregs.efer = 0x901; /* NXE LME SCE */
	if (ioctl(fd, KVM_SET_SREGS, &sregs))
		return ucall_fail_call("KVM_SET_SREGS");
	if (ioctl(fd, KVM_SET_REGS, &regs))
		return ucall_fail_call("KVM_SET_REGS");
	return 0;
}

static int launch(struct ucall_machine *vm)
{
	if (tdx_vm(vm)->cpu.slots)
		return tdx_refuse_launch();
	tdx_share_by_first(vm);
	return tdx_track_memory(vm) || tdx_run_start(vm) ? -1 : 0;
}

/* ---- running ---- */

/* A vCPU that halts waits for a kick or its time limit: nothing interrupts it. */
static void wait_for_kick(const struct kvm_run *run)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	while (!__atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST))
		nanosleep(&moment, NULL);
}

static int answer(struct ucall_cpu *vcpu, int fd, const struct kvm_run *run, size_t run_size)
{
	struct kvm_regs regs;

	if (ioctl(fd, KVM_GET_REGS, &regs))
		return ucall_fail_call("KVM_GET_REGS");
	tdx_answer(vcpu, &regs, run, run_size);
	return ioctl(fd, KVM_SET_REGS, &regs) ? ucall_fail_call("KVM_SET_REGS") : 0;
}

/* Prepares the vCPU to go on; returns as tdx_serve() does. */
static int prepare(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct tdx_vcpu *v = tdx_vcpu(vcpu);

	if (run->kvm_valid_regs || run->kvm_dirty_regs)
		return ucall_fail(EINVAL,
				  "KVM_RUN: kvm_valid_regs or kvm_dirty_regs is set, but the "
				  "registers of an %s guest are closed (Invalid argument)",
				  vcpu->vm->protection->name);
	if (__atomic_load_n(&tdx_vm(vcpu->vm)->dead, __ATOMIC_RELAXED))
		return tdx_report_death(vcpu, run, run_size);
	if (v->pending && answer(vcpu, fd, run, run_size))
		return -1;
	if (!tdx_vm(vcpu->vm)->step || v->looked)
		return 1;
	if (v->started && ucall_kvm_complete(vcpu))
		return -1;
	v->started = true;
	return tdx_look_ahead(vcpu, fd, run, run_size);
}

static enum ucall_run_end run_vcpu(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				   size_t run_size)
{
	struct tdx_vm *tdx = tdx_vm(vcpu->vm);
	struct tdx_vcpu *v = tdx_vcpu(vcpu);
	enum ucall_run_end end;
	int r;

	if (v->halted) {
		wait_for_kick(run);
		return UCALL_RUN_INTERRUPTED;
	}
	r = prepare(vcpu, fd, run, run_size);
	if (r <= 0)
		return r ? UCALL_RUN_FAILED : UCALL_RUN_EXIT;
	/* An instruction was served: look at the next, unless the run is to end. */
	if (tdx->step && !v->looked)
		return __atomic_load_n(&run->immediate_exit, __ATOMIC_SEQ_CST)
			       ? UCALL_RUN_INTERRUPTED
			       : UCALL_RUN_AGAIN;
	v->looked = false;
	x86_enter(&tdx->cpu);
	end = ucall_kvm_enter(vcpu, tdx->step);
	x86_leave(&tdx->cpu);
	if (end != UCALL_RUN_EXIT)
		return end;
	r = tdx_serve(vcpu, fd, run, run_size);
	return r < 0 ? UCALL_RUN_FAILED : r ? UCALL_RUN_AGAIN : UCALL_RUN_EXIT;
}

const struct ucall_kvm_guard tdx_emulated = {
	.guard = { .launch = launch,
		   .set_private = tdx_set_private,
		   .told = tdx_told,
		   .is_private = tdx_is_private,
		   .copy = tdx_copy,
		   .private_memory = UCALL_PRIVATE_APART },
	.check = check,
	.vm_init = vm_init,
	.vm_fini = vm_fini,
	.set_memory = set_memory,
	.vcpu_init = vcpu_init,
	.vcpu_fini = vcpu_fini,
	.boot = boot,
	.run = run_vcpu,
};
