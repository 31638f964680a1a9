// SPDX-License-Identifier: MIT
/*
 * TDG.VP.VMCALL: what the TDX module shows to the host, and what KVM does with it (GHCI, 3; Linux,
 * arch/x86/kvm/vmx/tdx.c).  The host sees the registers that the guest shows, and no others.
 */
#include <errno.h>
#include <string.h>

#include "emulated.h"

/* General registers by number. */
enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, REGS };

/* Bits of RCX that must be 0: RAX, RCX, RSP, and RBP, as KVM creates trust domains; and the upper half. */
#define NEVER_SHOWN (0xffffffff00000000u | 1u << RAX | 1u << RCX | 1u << RSP | 1u << RBP)

#define KVM_NO_SUCH_CALL ((uint64_t)-1000) /* -KVM_ENOSYS */

struct call {
	struct ucall_cpu *vcpu;
	int fd;
	struct kvm_regs *regs; /* the guest's */
	uint64_t host[REGS]; /* as the host sees them */
	struct kvm_run *run;
	size_t run_size;
};

/* Sets a register of the guest, if it has shown it. */
static void set(struct ucall_cpu *vcpu, struct kvm_regs *regs, unsigned int number, uint64_t value)
{
	if (tdx_vcpu(vcpu)->shown >> number & 1)
		*x86_reg(regs, number) = value;
}

/* Answers at once. */
static int answer(const struct call *c, uint64_t status)
{
	set(c->vcpu, c->regs, R10, status);
	return 1;
}

static int answer_value(const struct call *c, uint64_t value)
{
	set(c->vcpu, c->regs, R11, value);
	return answer(c, UCALL_TDVMCALL_SUCCESS);
}

static bool is_size(uint64_t size, uint64_t most)
{
	return size && size <= most && !(size & (size - 1));
}

static int call_io(const struct call *c)
{
	const bool is_write = c->host[R13];

	if (!is_size(c->host[R12], 4) || c->host[R13] > 1 || c->host[R14] > 0xffff)
		return answer(c, UCALL_TDVMCALL_INVALID_OPERAND);
	if (!is_write)
		tdx_vcpu(c->vcpu)->pending = TDX_IO_READ;
	x86_show_io(c->vcpu, c->run, c->run_size, (uint16_t)c->host[R14], (uint8_t)c->host[R12],
		    is_write, c->host[R15]);
	answer(c, UCALL_TDVMCALL_SUCCESS);
	return 0;
}

static int call_mmio(const struct call *c)
{
	const uint64_t size = c->host[R12], gpa = c->host[R14], data = c->host[R15];
	const uint64_t shared = c->vcpu->vm->memory.shared_bits;
	struct kvm_run *run = c->run;

	if (!is_size(size, 8) || c->host[R13] > 1 || !(gpa & shared) ||
	    !((gpa + size - 1) & shared) || gpa >= 2 * shared)
		return answer(c, UCALL_TDVMCALL_INVALID_OPERAND);
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.phys_addr = gpa & ~shared;
	run->mmio.len = (uint32_t)size;
	run->mmio.is_write = (uint8_t)c->host[R13];
	memset(run->mmio.data, 0, sizeof(run->mmio.data));
	if (run->mmio.is_write)
		memcpy(run->mmio.data, &data, size);
	else
		tdx_vcpu(c->vcpu)->pending = TDX_MMIO_READ;
	ucall_kvm_decode(c->vcpu, run, c->run_size, &c->vcpu->exit);
	answer(c, UCALL_TDVMCALL_SUCCESS);
	return 0;
}

static int call_cpuid(const struct call *c)
{
	uint32_t values[4];

	x86_find_cpuid(tdx_vm(c->vcpu->vm)->cpuid, (uint32_t)c->host[R12], (uint32_t)c->host[R13],
		       values);
	for (unsigned int i = 0; i < 4; i++)
		set(c->vcpu, c->regs, R12 + i, values[i]);
	return answer(c, UCALL_TDVMCALL_SUCCESS);
}

#define UCODE_REV 0x8b /* the microcode's revision */

/* tdx_has_emulated_msr() of KVM, but for x2APIC's. */
static const struct {
	uint32_t first, last;
	bool writable;
} msrs[] = {
	{ 0x1b, 0x1b, false }, /* APIC_BASE */
	{ 0x3a, 0x3a, false }, /* FEAT_CTL */
	{ UCODE_REV, UCODE_REV, true },
	{ 0xce, 0xce, true }, /* PLATFORM_INFO */
	{ 0xfe, 0xfe, true }, /* MTRRcap */
	{ 0x10a, 0x10a, true }, /* ARCH_CAPABILITIES */
	{ 0x140, 0x140, true }, /* MISC_FEATURES_ENABLES */
	{ 0x179, 0x17b, true }, /* MCG_CAP, _STATUS, _CTL */
	{ 0x1a0, 0x1a0, true }, /* MISC_ENABLE */
	{ 0x1fc, 0x1fc, true }, /* POWER_CTL */
	{ 0x200, 0x26f, true }, /* MTRRs */
	{ 0x277, 0x277, true }, /* PAT */
	{ 0x280, 0x29f, true }, /* machine check banks */
	{ 0x2ff, 0x2ff, true }, /* MTRRdefType */
	{ 0x400, 0x47f, true }, /* machine check banks */
	{ 0x4d0, 0x4d0, true }, /* MCG_EXT_CTL */
	{ 0x6e0, 0x6e0, true }, /* TSC_DEADLINE */
	{ 0x4b564d05, 0x4b564d05, true }, /* KVM_POLL_CONTROL */
	{ 0xc0000080, 0xc0000080, false }, /* EFER */
};

static bool has_msr(uint64_t msr, bool is_write)
{
	for (size_t i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++)
		if (msr >= msrs[i].first && msr <= msrs[i].last)
			return msrs[i].writable || !is_write;
	return false;
}

static int call_msr(const struct call *c, bool is_write)
{
	uint64_t value = is_write ? c->host[R13] : 0;

	if (is_write && c->host[R12] == UCODE_REV) /* KVM takes a guest's write, and ignores it */
		return answer(c, UCALL_TDVMCALL_SUCCESS);
	if (!has_msr(c->host[R12], is_write) ||
	    !x86_access_msr(c->fd, (uint32_t)c->host[R12], is_write, &value))
		return answer(c, UCALL_TDVMCALL_INVALID_OPERAND);
	return is_write ? answer(c, UCALL_TDVMCALL_SUCCESS) : answer_value(c, value);
}

static int call_halt(const struct call *c)
{
	tdx_vcpu(c->vcpu)->halted = true;
	return answer(c, UCALL_TDVMCALL_SUCCESS);
}

#define CHUNK (2ull << 20) /* KVM does so much at a time */

/* R11 is where to go on, or what could not be done. */
static int answer_map(const struct call *c, uint64_t status, uint64_t next)
{
	set(c->vcpu, c->regs, R11, next);
	return answer(c, status);
}

static int call_map_gpa(const struct call *c)
{
	struct ucall_machine *vm = c->vcpu->vm;
	const uint64_t shared = vm->memory.shared_bits, start = c->host[R12], size = c->host[R13];
	const uint64_t gpa = start & ~shared, end = start + size;
	const uint64_t left = gpa < vm->memory.size ? vm->memory.size - gpa : 0;
	const uint64_t most = tdx_vm(vm)->map_pages * UCALL_PAGE_SIZE;
	uint64_t part = size, status = UCALL_TDVMCALL_SUCCESS;

	if (!size || end < start || end > 2 * shared || ((start ^ (end - 1)) & shared))
		return answer_map(c, UCALL_TDVMCALL_INVALID_OPERAND, start);
	if ((start | size) % UCALL_PAGE_SIZE)
		return answer_map(c, UCALL_TDVMCALL_ALIGN_ERROR, start);
	if (part > left) { /* what lies in memory is done */
		part = left / CHUNK * CHUNK;
		status = UCALL_TDVMCALL_INVALID_OPERAND;
	}
	if (most && part > most) {
		part = most;
		status = UCALL_TDVMCALL_RETRY;
	}
	if (part && tdx_set_private(vm, gpa, part, !(start & shared)))
		return errno == ENOSPC ? answer_map(c, UCALL_TDVMCALL_INVALID_OPERAND, start) : -1;
	return status ? answer_map(c, status, start + part) : answer(c, status);
}

/* Shows the registers as KVM does. */
static int call_fatal_error(const struct call *c)
{
	struct kvm_run *run = c->run;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = TDX_SYSTEM_EVENT;
	run->system_event.ndata = TDX_SYSTEM_EVENT_REGS;
	for (unsigned int i = 0; i < TDX_SYSTEM_EVENT_REGS; i++)
		run->system_event.data[i] = c->host[i];
	run->system_event.data[RAX] = 77; /* the exit's reason: TDCALL */
	run->system_event.data[RCX] = tdx_vcpu(c->vcpu)->shown;
	ucall_kvm_decode(c->vcpu, run, c->run_size, &c->vcpu->exit);
	return 0;
}

static int call_info(const struct call *c)
{
	if (c->host[R12] > 1) /* 1: the calls that user space serves: none */
		return answer(c, UCALL_TDVMCALL_INVALID_OPERAND);
	for (unsigned int i = R11; i <= R14; i++)
		set(c->vcpu, c->regs, i, 0);
	return answer(c, UCALL_TDVMCALL_SUCCESS);
}

static int serve(const struct call *c)
{
	if (c->host[R10]) /* KVM's own hypercalls: there is none here */
		return answer(c, KVM_NO_SUCH_CALL);
	switch (c->host[R11]) {
	case UCALL_TDVMCALL_CPUID:
		return call_cpuid(c);
	case UCALL_TDVMCALL_HLT:
		return call_halt(c);
	case UCALL_TDVMCALL_IO:
		return call_io(c);
	case UCALL_TDVMCALL_RDMSR:
	case UCALL_TDVMCALL_WRMSR:
		return call_msr(c, c->host[R11] == UCALL_TDVMCALL_WRMSR);
	case UCALL_TDVMCALL_MMIO:
		return call_mmio(c);
	case UCALL_TDVMCALL_GET_INFO:
		return call_info(c);
	case UCALL_TDVMCALL_MAP_GPA:
		return call_map_gpa(c);
	case UCALL_TDVMCALL_FATAL_ERROR:
		return call_fatal_error(c);
	default:
		return answer(c, UCALL_TDVMCALL_UNSUPPORTED);
	}
}

int tdx_vmcall(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, struct kvm_run *run,
	       size_t run_size)
{
	struct call c = { .vcpu = vcpu, .fd = fd, .regs = regs, .run = run, .run_size = run_size };

	if (regs->rcx & NEVER_SHOWN) {
		regs->rax = UCALL_TDX_OPERAND_INVALID | RCX;
		return 1;
	}
	tdx_vcpu(vcpu)->shown = regs->rcx;
	for (unsigned int i = 0; i < REGS; i++)
		c.host[i] = regs->rcx >> i & 1 ? *x86_reg(regs, i) : 0;
	regs->rax = UCALL_TDX_SUCCESS;
	return serve(&c);
}

void tdx_answer(struct ucall_cpu *vcpu, struct kvm_regs *regs, const struct kvm_run *run,
		size_t run_size)
{
	struct tdx_vcpu *v = tdx_vcpu(vcpu);
	uint64_t data = 0;

	if (v->pending == TDX_IO_READ)
		data = x86_read_io(run, run_size);
	else if (run->mmio.len <= sizeof(data))
		memcpy(&data, run->mmio.data, run->mmio.len);
	v->pending = TDX_NOTHING;
	set(vcpu, regs, R11, data);
}
