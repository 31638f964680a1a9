// SPDX-License-Identifier: MIT
/* #VE, the exception that the TDX module raises for an instruction that would exit. */
#include "arch/x86_64/exceptions.h"
#include "emulated.h"

#define FLAG_RF (1u << 16)

int tdx_raise_ve(struct ucall_cpu *vcpu, int fd, const struct kvm_regs *regs,
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
