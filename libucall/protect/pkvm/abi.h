/* SPDX-License-Identifier: MIT */
/*
 * What a protected guest says to its hypervisor (Documentation/virt/kvm/arm/hypercalls.rst), and what
 * its first code needs to know.  For C and assembler.
 */
#ifndef LIBUCALL_PKVM_ABI_H
#define LIBUCALL_PKVM_ABI_H

/* Hypercalls by HVC; x1 is an address of the granule's size, x2 and x3 are 0. */
#define PKVM_HYP_HIGH 0xc600
#define PKVM_HYP_MEMINFO_LOW 0x0002 /* returns the granule */
#define PKVM_MEM_SHARE_LOW 0x0003 /* returns 0, or less */
#define PKVM_MEM_UNSHARE_LOW 0x0004

/* struct pkvm_start */
#define PKVM_START_DONE 0
#define PKVM_START_GPA 8

/* Stores there, from STUB_STOP: memory could not be shared, with the hypervisor's answer; it is shared. */
#define PKVM_STOP_FAILED 8
#define PKVM_STOP_DONE 16

#ifndef __ASSEMBLER__
#include <stdint.h>

/* For the code where vCPUs start; it is in the guest's own memory. */
struct pkvm_start {
	uint64_t done; /* 1: it has shared */
	uint64_t gpa, end; /* what the guest shares */
};
#endif

#endif
