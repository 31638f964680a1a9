/* SPDX-License-Identifier: MIT */
/*
 * The parts of KVM's interface for TDX that are used here (Linux 6.16), under libucall's own names.  See
 * Documentation/virt/kvm/x86/intel-tdx.rst.
 */
#ifndef LIBUCALL_KVM_TDX_H
#define LIBUCALL_KVM_TDX_H

#include "protect/x86/kvm-private.h"

#define TDX_VM_TYPE 5 /* KVM_X86_TDX_VM */

struct tdx_command { /* struct kvm_tdx_cmd */
	uint32_t id, flags;
	uint64_t data, hw_error; /* hw_error: the TDX module's status */
};

enum tdx_command_id {
	TDX_CAPABILITIES = 0,
	TDX_INIT_VM = 1,
	TDX_INIT_VCPU = 2,
	TDX_INIT_MEM_REGION = 3,
	TDX_FINALIZE_VM = 4,
};

#define TDX_MEASURE_REGION 1u /* KVM_TDX_MEASURE_MEMORY_REGION: flag of TDX_INIT_MEM_REGION */

struct tdx_capabilities { /* struct kvm_tdx_capabilities */
	uint64_t supported_attrs, supported_xfam;
	uint64_t vmcall_info[4], reserved[250];
	struct kvm_cpuid2 cpuid;
};

struct tdx_init_vm { /* struct kvm_tdx_init_vm */
	uint64_t attributes, xfam;
	uint64_t mrconfigid[6], mrowner[6], mrownerconfig[6];
	uint64_t reserved[12];
	struct kvm_cpuid2 cpuid;
};

struct tdx_region { /* struct kvm_tdx_init_mem_region */
	uint64_t source_addr, gpa, nr_pages;
};

_Static_assert(sizeof(struct tdx_command) == 24, "kvm_tdx_cmd");
_Static_assert(sizeof(struct tdx_capabilities) == 2056, "kvm_tdx_capabilities");
_Static_assert(sizeof(struct tdx_init_vm) == 264, "kvm_tdx_init_vm");
_Static_assert(sizeof(struct tdx_region) == 24, "kvm_tdx_init_mem_region");

#endif
