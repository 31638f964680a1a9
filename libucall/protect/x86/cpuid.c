// SPDX-License-Identifier: MIT
/* CPUID for guests of an emulated protection. */
#include <string.h>

#include "base/error.h"
#include "cpu.h"

struct kvm_cpuid2 *x86_copy_cpuid(const struct kvm_cpuid2 *cpuid, uint32_t more)
{
	const size_t size = sizeof(*cpuid) + cpuid->nent * sizeof(cpuid->entries[0]);
	struct kvm_cpuid2 *copy = ucall_calloc(1, size + more * sizeof(cpuid->entries[0]));

	if (copy)
		memcpy(copy, cpuid, size);
	return copy;
}

struct kvm_cpuid_entry2 *x86_cpuid_leaf(struct kvm_cpuid2 *cpuid, uint32_t function)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == function)
			return &cpuid->entries[i];
	memset(&cpuid->entries[cpuid->nent], 0, sizeof(cpuid->entries[0]));
	cpuid->entries[cpuid->nent].function = function;
	return &cpuid->entries[cpuid->nent++];
}

void x86_find_cpuid(const struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index,
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
