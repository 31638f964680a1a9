// SPDX-License-Identifier: MIT
/* Decodes KVM's exits: struct kvm_run (KVM API document, 5). */
#include <string.h>

#include "kvm.h"

void ucall_kvm_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
		      struct ucall_exit *exit)
{
	exit->native = run->exit_reason;
	switch (run->exit_reason) {
	case KVM_EXIT_HLT:
		exit->reason = UCALL_EXIT_HALT;
		return;
	case KVM_EXIT_MMIO:
		exit->reason = UCALL_EXIT_MMIO;
		exit->u.mmio.gpa = run->mmio.phys_addr;
		exit->u.mmio.size = run->mmio.len;
		exit->u.mmio.is_write = run->mmio.is_write;
		exit->u.mmio.data = 0;
		if (run->mmio.is_write && run->mmio.len <= sizeof(run->mmio.data))
			memcpy(&exit->u.mmio.data, run->mmio.data, run->mmio.len);
		return;
	case KVM_EXIT_SHUTDOWN:
		exit->reason = UCALL_EXIT_SHUTDOWN;
		return;
	case KVM_EXIT_DEBUG:
		exit->reason = UCALL_EXIT_DEBUG;
		return;
	case KVM_EXIT_INTERNAL_ERROR:
		exit->reason = UCALL_EXIT_OTHER;
		exit->u.other.suberror = run->internal.suberror;
		for (unsigned int i = 0; i < 3; i++)
			exit->u.other.data[i] = i < run->internal.ndata ? run->internal.data[i] : 0;
		return;
	case KVM_EXIT_FAIL_ENTRY:
		exit->reason = UCALL_EXIT_OTHER;
		exit->u.other.suberror = run->fail_entry.hardware_entry_failure_reason;
		return;
	default:
		if (ucall_kvm_arch.decode && ucall_kvm_arch.decode(vcpu, run, run_size, exit))
			return;
		exit->reason = UCALL_EXIT_OTHER;
		exit->u.other.suberror = 0;
	}
}

const char *ucall_kvm_exit_name(uint32_t native)
{
#define NAME(n) \
	case KVM_EXIT_##n: \
		return "KVM_EXIT_" #n;
	switch (native) {
		NAME(UNKNOWN)
		NAME(EXCEPTION)
		NAME(IO)
		NAME(HYPERCALL)
		NAME(DEBUG)
		NAME(HLT)
		NAME(MMIO)
		NAME(IRQ_WINDOW_OPEN)
		NAME(SHUTDOWN)
		NAME(FAIL_ENTRY)
		NAME(INTR)
		NAME(SET_TPR)
		NAME(TPR_ACCESS)
		NAME(S390_SIEIC)
		NAME(S390_RESET)
		NAME(NMI)
		NAME(INTERNAL_ERROR)
		NAME(S390_UCONTROL)
		NAME(WATCHDOG)
		NAME(SYSTEM_EVENT)
		NAME(IOAPIC_EOI)
		NAME(HYPERV)
		NAME(ARM_NISV)
		NAME(X86_RDMSR)
		NAME(X86_WRMSR)
		NAME(DIRTY_RING_FULL)
		NAME(AP_RESET_HOLD)
		NAME(X86_BUS_LOCK)
		NAME(RISCV_SBI)
		NAME(RISCV_CSR)
		NAME(NOTIFY)
	case UCALL_KVM_EXIT_MEMORY_FAULT:
		return "KVM_EXIT_MEMORY_FAULT";
	default:
		return "an exit unknown to this libucall";
	}
#undef NAME
}
