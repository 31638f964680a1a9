// SPDX-License-Identifier: MIT
/* The leaves of TDCALL (TDX Module ABI specification, "Guest-side interface functions"). */
#include <string.h>

#include "emulated.h"

/* The number of an operand in the lower half of a status. */
#define OPERAND_RAX 0
#define OPERAND_RCX 1

/* The fields that TDG.VM.RD and TDG.VM.WR know: whether zero-step attacks are told. */
#define FIELD_NOTIFY_ENABLES 0x9100000000000010

static void get_info(const struct ucall_cpu *vcpu, struct kvm_regs *regs)
{
	const struct ucall_machine *vm = vcpu->vm;

	/* The shared bit is the highest one of an address of this width. */
	regs->rcx = (uint64_t)__builtin_ctzll(vm->memory.shared_bits) + 1;
	regs->rdx = 0; /* attributes: pages that are not accepted raise #VE */
	regs->r8 = (uint64_t)vm->vcpu_count << 32 | vm->vcpu_count;
	regs->r9 = vcpu->number;
	regs->r10 = regs->r11 = 0;
}

static uint64_t get_ve_info(struct ucall_cpu *vcpu, struct kvm_regs *regs)
{
	struct tdx_vcpu *v = tdx_vcpu(vcpu);
	const bool has_ve = v->has_ve;

	v->has_ve = false;
	regs->rcx = has_ve ? v->ve.reason : 0;
	regs->rdx = has_ve ? v->ve.qualification : 0;
	regs->r8 = has_ve ? v->ve.gla : 0;
	regs->r9 = has_ve ? v->ve.gpa : 0;
	regs->r10 = has_ve ? v->ve.length : 0;
	return has_ve ? UCALL_TDX_SUCCESS : UCALL_TDX_NO_VE_INFO;
}

/* Returns as tdx_call() does. */
static int accept(struct ucall_cpu *vcpu, struct kvm_regs *regs)
{
	struct ucall_machine *vm = vcpu->vm;
	const uint64_t level = regs->rcx & 7, gpa = regs->rcx & ~7ull;

	regs->rax = UCALL_TDX_OPERAND_INVALID | OPERAND_RCX;
	if (level > 1 || gpa % (level ? 2ull << 20 : UCALL_PAGE_SIZE) ||
	    gpa >= vm->memory.shared_bits)
		return 1;
	switch (tdx_accept(vm, gpa, !level)) {
	case TDX_ACCEPTED:
		regs->rax = UCALL_TDX_SUCCESS;
		return 1;
	case TDX_ACCEPTED_ALREADY:
		regs->rax = UCALL_TDX_PAGE_ALREADY_ACCEPTED;
		return 1;
	case TDX_ACCEPT_LARGE: /* as with KVM, which maps private memory by pages of 4 KiB */
		regs->rax = UCALL_TDX_PAGE_SIZE_MISMATCH;
		return 1;
	case TDX_ACCEPT_SHARED:
		/* An exit to the host, after which the guest calls again. */
		memset(&vcpu->exit, 0, sizeof(vcpu->exit));
		vcpu->exit.reason = UCALL_EXIT_MEMORY;
		vcpu->exit.native = UCALL_KVM_EXIT_MEMORY_FAULT;
		vcpu->exit.u.memory.gpa = gpa;
		vcpu->exit.u.memory.size = UCALL_PAGE_SIZE;
		vcpu->exit.u.memory.is_private = true;
		return 0;
	default:
		return -1;
	}
}

static uint64_t access_field(struct kvm_regs *regs)
{
	const uint64_t field = regs->rdx;

	if (regs->rcx)
		return UCALL_TDX_OPERAND_INVALID | OPERAND_RCX;
	regs->r8 = 0; /* its value: nothing is told here */
	return field == FIELD_NOTIFY_ENABLES ? UCALL_TDX_SUCCESS
					     : UCALL_TDX_METADATA_FIELD_ID_INCORRECT;
}

int tdx_call(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, struct kvm_run *run,
	     size_t run_size)
{
	switch (regs->rax) {
	case UCALL_TDG_VP_VMCALL:
		return tdx_vmcall(vcpu, fd, regs, run, run_size);
	case UCALL_TDG_VP_INFO:
		get_info(vcpu, regs);
		regs->rax = UCALL_TDX_SUCCESS;
		return 1;
	case UCALL_TDG_VP_VEINFO_GET:
		regs->rax = get_ve_info(vcpu, regs);
		return 1;
	case UCALL_TDG_MEM_PAGE_ACCEPT:
		return accept(vcpu, regs);
	case UCALL_TDG_VM_RD:
	case UCALL_TDG_VM_WR:
		regs->rax = access_field(regs);
		return 1;
	default:
		regs->rax = UCALL_TDX_OPERAND_INVALID | OPERAND_RAX;
		return 1;
	}
}
