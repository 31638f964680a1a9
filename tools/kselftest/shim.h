/* SPDX-License-Identifier: MIT */
/* Takes the place of include/ARCH/ucall.h in a copy of the kernel's KVM selftests: shim.c. */
#ifndef SELFTEST_KVM_UCALL_H
#define SELFTEST_KVM_UCALL_H

#include "kvm_util.h"
#if defined(__riscv)
/* Others have these by way of the header that this one replaces. */
#include "processor.h"
#include "sbi.h"
#endif

#include <ucall/attach.h>

#if defined(__x86_64__)
#define UCALL_EXIT_REASON KVM_EXIT_IO
#define SHIM_ADDRESS UCALL_ATTACH_ADDRESS
#elif defined(__aarch64__)
#define UCALL_EXIT_REASON KVM_EXIT_MMIO
#define SHIM_ADDRESS UCALL_ATTACH_ADDRESS
#else
#define UCALL_EXIT_REASON KVM_EXIT_RISCV_SBI
/* Below the end of a guest with three levels of page tables (Sv39). */
#define SHIM_ADDRESS 0x2000000000ull
#endif

static inline void ucall_arch_do_ucall(uint64_t uc)
{
	ucall_bell_ring_at(SHIM_ADDRESS, uc);
}

#endif
