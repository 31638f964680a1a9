// SPDX-License-Identifier: MIT
/* Emulated TDX: a guard of the kvm engine. */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/x86_64.h"
#include "base/error.h"
#include "base/options.h"
#include "emulated.h"
#include "protect/sev/sev.h"

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
	x86_init(&tdx->cpu, fd);
	tdx->reset_page = MAP_FAILED;
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

/* ---- exits ---- */

static int raise(struct ucall_cpu *vcpu, int fd, struct ucall_ve_info info)
{
	unsigned int length;
	struct kvm_regs regs;
	int r = x86_undo(vcpu, fd, &regs, &length);

	if (!r)
		return ucall_fail(
			EOPNOTSUPP,
			"the guest raised #VE by an instruction that this emulation does not "
			"recognise (a store to MMIO other than MOV, MOVS and STOS); see "
			"docs/CONFIDENTIAL.md");
	info.length = info.reason == UCALL_TDVMCALL_MMIO ? 0 : length;
	return r < 0 ? r : tdx_raise_ve(vcpu, fd, &regs, &info);
}

/* The vCPU's CPL, 0 or 3; -1 after ucall_fail(). */
static int ring_of(int fd)
{
	struct kvm_sregs sregs;

	return ioctl(fd, KVM_GET_SREGS, &sregs) ? ucall_fail_call("KVM_GET_SREGS") : sregs.cs.dpl;
}

/* TDCALL or what replaces it, `size` bytes at regs->rip. */
static int serve_tdcall(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, unsigned int size,
			struct kvm_run *run, size_t run_size)
{
	const struct kvm_regs before = *regs;
	int ring = ring_of(fd), r;

	if (ring < 0)
		return -1;
	if (ring)
		return x86_deliver(vcpu, fd, regs, VECTOR_GP, 0);
	regs->rip += size;
	r = tdx_call(vcpu, fd, regs, run, run_size);
	if (r < 0)
		return -1;
	if (!r && vcpu->exit.reason == UCALL_EXIT_MEMORY)
		*regs = before; /* it calls again */
	return ioctl(fd, KVM_SET_REGS, regs) ? ucall_fail_call("KVM_SET_REGS") : r;
}

/*
 * Intel SDM volume 3, table 28-5: exit qualification for I/O instructions.  Corrects the length of string
 * instructions.
 */
static uint64_t io_qualification(const struct ucall_exit *exit, const uint8_t *code,
				 unsigned int *length)
{
	uint64_t q = (exit->u.io.size - 1u) | (uint64_t)exit->u.io.port << 16;
	unsigned int i = 0;

	if (!exit->u.io.is_write)
		q |= 1u << 3;
	for (; i < 4 &&
	       (code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3 || (code[i] & 0xf0) == 0x40);
	     i++)
		if ((code[i] & 0xfe) == 0xf2)
			q |= 1u << 5;
	if ((code[i] & 0xfc) == 0x6c) {
		*length = i + 1; /* with REP it was not known */
		return q | 1u << 4;
	}
	return (code[i] & 0xfc) == 0xe4 ? q | 1u << 6 : q;
}

static int serve_io(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	const struct ucall_exit exit = vcpu->exit;
	struct ucall_ve_info info = { .reason = UCALL_TDVMCALL_IO };
	unsigned int length;
	struct kvm_regs regs;
	uint8_t code[5];
	int r = x86_undo(vcpu, fd, &regs, &length);

	if (!r)
		return ucall_fail(EOPNOTSUPP,
				  "the guest raised #VE by a port access that this emulation does "
				  "not recognise");
	if (r < 0 || ucall_x86_64_next_code(vcpu, fd, &regs, code, sizeof(code)))
		return -1;
	if (ucall_exit_is_out(&exit, UCALL_TDX_PORT, 1) && code[0] == 0xe6)
		return serve_tdcall(vcpu, fd, &regs, 2, run, run_size);
	info.qualification = io_qualification(&exit, code, &length);
	info.length = length;
	return tdx_raise_ve(vcpu, fd, &regs, &info);
}

/* The guest used a private page as shared, or the reverse; or the page is poisoned. */
static int report_mismatch(struct ucall_cpu *vcpu, int fd, uint64_t gpa, bool is_private)
{
	struct kvm_regs regs;

	if (x86_undo(vcpu, fd, &regs, NULL) < 0)
		return -1;
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	vcpu->exit.reason = UCALL_EXIT_MEMORY;
	vcpu->exit.native = UCALL_KVM_EXIT_MEMORY_FAULT;
	vcpu->exit.u.memory.is_private = is_private;
	vcpu->exit.u.memory.gpa = gpa & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	vcpu->exit.u.memory.size = UCALL_PAGE_SIZE;
	return 0;
}

#define NON_RECOVERABLE_TD 0x6000000200000000

/* KVM_EXIT_INTERNAL_ERROR with the TDX module's status, as KVM reports it. */
static int report_death(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size)
{
	__atomic_store_n(&tdx_vm(vcpu->vm)->dead, true, __ATOMIC_RELAXED);
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 1;
	run->internal.data[0] = NON_RECOVERABLE_TD;
	ucall_kvm_decode(vcpu, run, run_size, &vcpu->exit);
	return 0;
}

static int serve_mmio(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct ucall_machine *vm = vcpu->vm;
	const uint64_t entry = run->mmio.phys_addr;
	const uint64_t gpa = ucall_memory_entry_address(&vm->memory, entry);
	const bool is_private = !ucall_memory_entry_is_shared(&vm->memory, entry);
	/* Intel SDM volume 3, table 28-7: a read or a write, and the address is a final one. */
	const struct ucall_ve_info info = { .reason = UCALL_TDVMCALL_MMIO,
					    .qualification = 1u << 8 | (run->mmio.is_write ? 2 : 1),
					    .gpa = entry };

	if (is_private && tdx_is_poisoned(vm, gpa))
		return report_death(vcpu, run, run_size);
	/* A page that the guest has not accepted, or a device. */
	if (is_private ? tdx_is_private(vm, gpa) && !tdx_is_accepted(vm, gpa)
		       : gpa >= vm->memory.size)
		return raise(vcpu, fd, info);
	return report_mismatch(vcpu, fd, gpa, is_private);
}

static bool is_in(uint32_t msr, const struct x86_msrs *msrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (msr >= msrs[i].first && msr < msrs[i].first + msrs[i].count)
			return true;
	return false;
}

#define IS_IN(msr, list) is_in(msr, list, sizeof(list) / sizeof((list)[0]))

/* MSRs that raise #GP, and those that can be read (the same table of the TDX module). */
/* clang-format off */
static const struct x86_msrs forbidden[] = {
	{ 0x87, 1 }, { 0x8c, 4 }, { 0x98, 4 }, { 0x9e, 1 }, { 0xc1, 8 }, { 0xe1, 1 }, { 0x122, 1 },
	{ 0x186, 8 }, { 0x195, 1 }, { 0x1a6, 2 }, { 0x1c4, 2 }, { 0x1f8, 3 }, { 0x276, 1 }, { 0x309, 8 },
	{ 0x329, 1 }, { 0x38d, 6 }, { 0x3f1, 2 }, { 0x3f6, 2 }, { 0x480, 1 }, { 0x485, 5 }, { 0x48b, 8 },
	{ 0x4c1, 8 }, { 0x500, 1 }, { 0x560, 0x28 }, { 0x6a0, 1 }, { 0x6a2, 1 }, { 0x6a4, 5 }, { 0x6e1, 1 },
	{ 0x981, 4 }, { 0x985, 6 }, { 0xd90, 1 }, { 0xd93, 1 }, { 0x1200, 0x100 }, { 0x14ce, 2 },
	{ 0x1500, 0x200 },
};
static const struct x86_msrs readable[] = {
	{ 0x10, 1 }, /* TSC */
	{ 0xbc, 2 }, /* MISC_PACKAGE_CTLS, XAPIC_DISABLE_STATUS */
	{ 0x10a, 1 }, /* ARCH_CAPABILITIES */
	{ 0x1a0, 1 }, /* MISC_ENABLE */
	{ 0x345, 1 }, /* PERF_CAPABILITIES */
	{ 0xc80, 1 }, /* DEBUG_INTERFACE */
	{ 0xda0, 1 }, /* XSS */
	{ 0xc0000080, 1 }, /* EFER */
};
/* clang-format on */

#define EFER 0xc0000080
#define EFER_SCE 1u
#define EFER_LMA 0x400u

/* A write that changes no more than EFER.SCE needs no help. */
static bool write_efer(int fd, uint64_t value)
{
	struct kvm_sregs sregs;
	uint64_t changed;

	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		return false;
	changed = (sregs.efer ^ value) & ~(uint64_t)EFER_LMA;
	if (changed & ~(uint64_t)EFER_SCE)
		return false;
	sregs.efer ^= changed;
	return !changed || !ioctl(fd, KVM_SET_SREGS, &sregs);
}

static int serve_msr(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const bool is_write = run->exit_reason == KVM_EXIT_X86_WRMSR;
	const uint32_t msr = run->msr.index;
	const struct ucall_ve_info info = { .reason = is_write ? UCALL_TDVMCALL_WRMSR
							       : UCALL_TDVMCALL_RDMSR };
	uint64_t value = 0;

	run->msr.error = IS_IN(msr, forbidden); /* #GP */
	if (run->msr.error)
		return 1;
	if (!is_write && IS_IN(msr, readable)) {
		/* What this KVM does not have is 0. */
		run->msr.data = x86_access_msr(fd, msr, false, &value) ? value : 0;
		return 1;
	}
	if (is_write && msr == EFER && write_efer(fd, run->msr.data))
		return 1;
	run->msr.data = 0;
	return raise(vcpu, fd, info);
}

static int serve_halt(struct ucall_cpu *vcpu, int fd)
{
	const struct ucall_ve_info info = { .reason = UCALL_TDVMCALL_HLT, .length = 1 };
	struct kvm_regs regs;

	if (ucall_kvm_complete(vcpu))
		return -1;
	if (ioctl(fd, KVM_GET_REGS, &regs))
		return ucall_fail_call("KVM_GET_REGS");
	regs.rip--;
	return tdx_raise_ve(vcpu, fd, &regs, &info);
}

/* trap=step: CPUID leaves that the TDX module leaves to the host. */
static bool is_cpuid_left(const struct kvm_regs *regs)
{
	static const uint32_t left[] = { 2,    6,    9,	   0xb,	 0xc,  0xf, 0x10,
					 0x16, 0x17, 0x18, 0x1a, 0x1b, 0x1f };
	const uint32_t function = (uint32_t)regs->rax;

	if (function >> 28 == 4 || (function >= 0x80000002 && function <= 0x80000006))
		return true;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (function == left[i])
			return true;
	return false;
}

/* trap=step: serves the next instruction if it is one that KVM would not show.  Returns as serve(). */
static int look_ahead(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	static const uint8_t tdcall[] = { 0x66, 0x0f, 0x01, 0xcc };
	struct ucall_ve_info info = { .reason = 0 };
	struct kvm_regs regs;
	uint8_t code[4];

	tdx_vcpu(vcpu)->looked = false;
	if (x86_look_ahead(vcpu, fd, &regs, code, sizeof(code)))
		return -1;
	if (!memcmp(code, tdcall, sizeof(tdcall)))
		return serve_tdcall(vcpu, fd, &regs, sizeof(tdcall), run, run_size);
	info.length = 2;
	if (code[0] == 0x0f && code[1] == 0xa2 && is_cpuid_left(&regs)) {
		info.reason = UCALL_TDVMCALL_CPUID;
	} else if (code[0] == 0x0f && code[1] == 0x08) {
		info.reason = 13; /* INVD */
	} else if (code[0] == 0x0f && code[1] == 0x09) {
		info.reason = 54; /* WBINVD */
	} else if (code[0] == 0x0f && code[1] == 0x01 && code[2] == 0xc1) {
		info.reason = 18; /* VMCALL */
		info.length = 3;
	}
	if (info.reason)
		return tdx_raise_ve(vcpu, fd, &regs, &info);
	tdx_vcpu(vcpu)->looked = true;
	return 1;
}

/* Returns 1 to go on, 0 if vcpu->exit is for the caller, or -1. */
static int serve(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	switch (run->exit_reason) {
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		return serve_msr(vcpu, fd, run);
	case KVM_EXIT_IO:
		return serve_io(vcpu, fd, run, run_size);
	case KVM_EXIT_MMIO:
		return serve_mmio(vcpu, fd, run, run_size);
	case KVM_EXIT_HLT:
		return serve_halt(vcpu, fd);
	case KVM_EXIT_DEBUG:
		return tdx_vm(vcpu->vm)->step ? 1 : 0;
	default:
		return 0;
	}
}

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

/* Prepares the vCPU to go on; returns as serve() does. */
static int prepare(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	struct tdx_vcpu *v = tdx_vcpu(vcpu);

	if (run->kvm_valid_regs || run->kvm_dirty_regs)
		return ucall_fail(EINVAL,
				  "KVM_RUN: kvm_valid_regs or kvm_dirty_regs is set, but the "
				  "registers of an %s guest are closed (Invalid argument)",
				  vcpu->vm->protection->name);
	if (__atomic_load_n(&tdx_vm(vcpu->vm)->dead, __ATOMIC_RELAXED))
		return report_death(vcpu, run, run_size);
	if (v->pending && answer(vcpu, fd, run, run_size))
		return -1;
	if (!tdx_vm(vcpu->vm)->step || v->looked)
		return 1;
	if (v->started && ucall_kvm_complete(vcpu))
		return -1;
	v->started = true;
	return look_ahead(vcpu, fd, run, run_size);
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
	r = serve(vcpu, fd, run, run_size);
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
