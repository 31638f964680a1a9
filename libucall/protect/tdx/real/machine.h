/* SPDX-License-Identifier: MIT */
/* What this machine has for TDX, and what it lacks. */
#ifndef LIBUCALL_TDX_MACHINE_H
#define LIBUCALL_TDX_MACHINE_H

#include <ucall/plugin.h>

struct tdx_machine {
	bool has_kvm_intel;
	int parameter; /* kvm_intel's parameter tdx: 1 on, 0 off, -1 not there */
	int vm_types; /* KVM_CAP_VM_TYPES: one bit per type; 0: an older kernel */
};

void tdx_probe(struct tdx_machine *m, int kvm_fd);
/* -1 after ucall_fail() (EOPNOTSUPP) if it cannot run trust domains. */
int tdx_check_machine(const struct tdx_machine *m);

#endif
