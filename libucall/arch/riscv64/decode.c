// SPDX-License-Identifier: MIT
/* KVM exits that only riscv64 has (KVM API document, 5: KVM_EXIT_RISCV_SBI). */
#include <linux/kvm.h>

#include "riscv64.h"

int ucall_riscv64_decode(const struct kvm_run *run, struct ucall_exit *exit)
{
	if (run->exit_reason != KVM_EXIT_RISCV_SBI)
		return 0;
	exit->reason = UCALL_EXIT_SBI;
	exit->u.sbi.extension = run->riscv_sbi.extension_id;
	exit->u.sbi.function = run->riscv_sbi.function_id;
	for (int i = 0; i < 6; i++)
		exit->u.sbi.args[i] = run->riscv_sbi.args[i];
	return 1;
}
