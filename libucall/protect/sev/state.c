// SPDX-License-Identifier: MIT
/* Emulated SEV, SEV-ES and SEV-SNP in a snapshot: what this software keeps of a VM and its vCPUs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "sev.h"

struct sev_state {
	uint8_t *private_pages; /* of SNP; NULL */
	unsigned int vcpu_count;
	struct sev_vcpu vcpus[]; /* by number */
};

static size_t bitmap_size(const struct ucall_machine *vm)
{
	return vm->memory.size / UCALL_PAGE_SIZE / 8;
}

void sev_free_state(void *from)
{
	struct sev_state *state = from;

	if (state)
		free(state->private_pages);
	free(state);
}

void *sev_save(const struct ucall_machine *vm)
{
	const struct sev_vm *sev = sev_vm(vm);
	struct sev_state *state =
		calloc(1, sizeof(*state) + vm->vcpu_count * sizeof(state->vcpus[0]));

	if (state && sev->private_pages) {
		state->private_pages = malloc(bitmap_size(vm));
		if (state->private_pages)
			memcpy(state->private_pages, sev->private_pages, bitmap_size(vm));
	}
	if (!state || (sev->private_pages && !state->private_pages)) {
		sev_free_state(state);
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	state->vcpu_count = vm->vcpu_count;
	for (const struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		state->vcpus[vcpu->number] = *sev_vcpu(vcpu);
	return state;
}

int sev_load(struct ucall_machine *vm, const void *from)
{
	const struct sev_state *state = from;

	for (const struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		*sev_vcpu(vcpu) = state->vcpus[vcpu->number];
	return state->private_pages ? sev_put_back_pages(vm, state->private_pages) : 0;
}
