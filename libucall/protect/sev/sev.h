/* SPDX-License-Identifier: MIT */
/*
 * SEV, SEV-ES and SEV-SNP: by KVM's own calls (real/), and by software on any KVM (emulated/).
 * This file has what both use.
 */
#ifndef LIBUCALL_SEV_H
#define LIBUCALL_SEV_H

#include <ucall/sev.h>

#include "kvm/kvm.h"
#include "protect/private-pages.h"

extern const struct ucall_kvm_guards sev_guards; /* kinds.c: all of them */
extern const struct ucall_kvm_guard sev_emulated, sev_emulated_snp; /* emulated/emulated.c */
extern const struct ucall_kvm_guard sev_real, sev_real_snp; /* real/real.c */

/* real/real.c: struct ucall_kvm_guards.launch_list. */
char *sev_real_launch_list(const struct ucall_machine *vm,
			   const struct ucall_protection *protection,
			   const struct ucall_args *args);

/* Sets the C-bit: the address bit that means "private" in page tables. */
static inline void sev_set_c_bit(struct ucall_memory *mem, uint64_t c_bit)
{
	mem->has_private = true;
	mem->private_bits = c_bit;
}

static inline unsigned int sev_c_bit(const struct ucall_memory *mem)
{
	return (unsigned int)__builtin_ctzll(mem->private_bits);
}

/* ---- cpuid.c ---- */

/* Copies the supported CPUID and adds the leaf for memory encryption; NULL after ucall_fail(). */
struct kvm_cpuid2 *sev_make_cpuid(const struct ucall_machine *vm,
				  const struct kvm_cpuid2 *supported);

#endif
