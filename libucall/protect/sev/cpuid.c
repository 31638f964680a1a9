// SPDX-License-Identifier: MIT
/* CPUID for guests with encrypted memory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sev.h"

#define CPUID_SEV 0x8000001f /* APM volume 3, E.4.17 */
#define CPUID_SEV_BIT (1u << 1)
#define CPUID_ES_BIT (1u << 3)
#define CPUID_SNP_BIT (1u << 4)

static struct kvm_cpuid_entry2 *leaf(struct kvm_cpuid2 *cpuid, uint32_t function)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	memset(&cpuid->entries[cpuid->nent], 0, sizeof(cpuid->entries[0]));
	cpuid->entries[cpuid->nent].function = function;
	return &cpuid->entries[cpuid->nent++];
}

/* Copies the supported CPUID and adds the leaf for memory encryption. */
struct kvm_cpuid2 *sev_make_cpuid(const struct ucall_machine *vm,
				  const struct kvm_cpuid2 *supported)
{
	const uint32_t more = 2;
	struct kvm_cpuid2 *cpuid = ucall_calloc(
		1, sizeof(*cpuid) + (supported->nent + more) * sizeof(cpuid->entries[0]));
	struct kvm_cpuid_entry2 *e;

	if (!cpuid)
		return NULL;
	memcpy(cpuid, supported, sizeof(*cpuid) + supported->nent * sizeof(cpuid->entries[0]));
	e = leaf(cpuid, 0x80000000);
	if (e->eax < CPUID_SEV)
		e->eax = CPUID_SEV;
	e = leaf(cpuid, CPUID_SEV);
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

void sev_find_cpuid(const struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index,
		    uint32_t values[4])
{
	memset(values, 0, 4 * sizeof(values[0]));
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function != function ||
		    ((e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) && e->index != index))
			continue;
		values[0] = e->eax;
		values[1] = e->ebx;
		values[2] = e->ecx;
		values[3] = e->edx;
		return;
	}
}
