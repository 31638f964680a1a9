// SPDX-License-Identifier: MIT
/* CPUID for guests with encrypted memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "protect/x86/cpu.h"
#include "sev.h"

#define CPUID_SEV 0x8000001f /* APM volume 3, E.4.17 */
#define CPUID_SEV_BIT (1u << 1)
#define CPUID_ES_BIT (1u << 3)
#define CPUID_SNP_BIT (1u << 4)

/* Copies the supported CPUID and adds the leaf for memory encryption. */
struct kvm_cpuid2 *sev_make_cpuid(const struct ucall_machine *vm,
				  const struct kvm_cpuid2 *supported)
{
	struct kvm_cpuid2 *cpuid = x86_copy_cpuid(supported, 2);
	struct kvm_cpuid_entry2 *e;

	if (!cpuid)
		return NULL;
	e = x86_cpuid_leaf(cpuid, 0x80000000);
	if (e->eax < CPUID_SEV)
		e->eax = CPUID_SEV;
	e = x86_cpuid_leaf(cpuid, CPUID_SEV);
	e->eax = CPUID_SEV_BIT;
	if (ucall_protection_closes(vm->protection))
		e->eax |= CPUID_ES_BIT;
	if (vm->protection->bit == UCALL_PROTECT_SEV_SNP)
		e->eax |= CPUID_SNP_BIT;
	/* The C-bit's position; how many address bits encryption takes: from the C-bit up. */
	e->ebx = sev_c_bit(&vm->memory) | 1u << 6;
	e->ecx = e->edx = 0;
	return cpuid;
}
