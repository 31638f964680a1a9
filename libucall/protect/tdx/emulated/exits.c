// SPDX-License-Identifier: MIT
/* What a guest's exits are to the TDX module: TDCALL, #VE, or a memory fault. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/x86_64.h"
#include "base/error.h"
#include "emulated.h"

/* ---- #VE ---- */

#define FLAG_RF (1u << 16)

/*
 * Raises #VE at `regs`, for the reason in `info`; #DF if the guest has not asked for the last one.
 * Returns 1; 0 if the guest shut down; -1.
 */
static int raise_ve(struct ucall_cpu *vcpu, int fd, const struct kvm_regs *regs,
		    const struct ucall_ve_info *info)
{
	struct tdx_vcpu *v = tdx_vcpu(vcpu);
	struct kvm_regs at = *regs;

	at.rflags |= FLAG_RF; /* as the frame of a fault has it */
	if (v->has_ve)
		return x86_deliver(vcpu, fd, &at, VECTOR_DF, 0);
	v->has_ve = true;
	v->ve = *info;
	return x86_deliver(vcpu, fd, &at, VECTOR_VE, 0);
}

/* The same at the instruction of the exit, which is undone. */
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
	return r < 0 ? r : raise_ve(vcpu, fd, &regs, &info);
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
	return raise_ve(vcpu, fd, &regs, &info);
}

#define NON_RECOVERABLE_TD 0x6000000200000000

/* KVM_EXIT_INTERNAL_ERROR with the TDX module's status, as KVM reports it. */
int tdx_report_death(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size)
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
		return tdx_report_death(vcpu, run, run_size);
	/* A page that the guest has not accepted, or a device. */
	if (is_private ? tdx_is_private(vm, gpa) && !tdx_is_accepted(vm, gpa)
		       : gpa >= vm->memory.size)
		return raise(vcpu, fd, info);
	return x86_report_mismatch(vcpu, fd, gpa, is_private);
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
	return raise_ve(vcpu, fd, &regs, &info);
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

int tdx_look_ahead(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
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
		return raise_ve(vcpu, fd, &regs, &info);
	tdx_vcpu(vcpu)->looked = true;
	return 1;
}

int tdx_serve(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
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
