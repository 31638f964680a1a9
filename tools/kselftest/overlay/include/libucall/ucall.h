/* SPDX-License-Identifier: MIT */
/* Comes before include/ARCH/ucall.h if LIBUCALL is set: lib/ucall_libucall.c. */
#ifndef SELFTEST_KVM_UCALL_H
#define SELFTEST_KVM_UCALL_H

#include "kvm_util.h"
#if defined(__riscv)
/* Others have these by way of the header that this one replaces. */
#include "processor.h"
#include "sbi.h"
#endif

#include <ucall/attach.h>

/*
 * Guest addresses of libucall's shared area.  By address it lies after the place of one with a
 * mailbox, and on riscv below the end of a guest with three levels of page tables (Sv39).
 */
#if defined(__riscv)
#define LIBUCALL_ADDRESS 0x2000000000ull
#else
#define LIBUCALL_ADDRESS (UCALL_ATTACH_ADDRESS + 0x400000ull)
#endif

#if defined(__x86_64__)
#define UCALL_EXIT_REASON KVM_EXIT_IO
#elif defined(__aarch64__)
#define UCALL_EXIT_REASON KVM_EXIT_MMIO
#elif defined(__s390x__)
#define UCALL_EXIT_REASON KVM_EXIT_S390_SIEIC
#else
#define UCALL_EXIT_REASON KVM_EXIT_RISCV_SBI
#endif

static inline void ucall_arch_do_ucall(uint64_t uc)
{
	ucall_bell_ring_at(LIBUCALL_ADDRESS, uc);
}

#endif
