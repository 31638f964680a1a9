// SPDX-License-Identifier: MIT
/* Snapshots of emulated SEV, SEV-ES and SEV-SNP: the emulation's state of a VM and its vCPUs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "emulated.h"

struct sev_state {
	uint32_t *private_bits; /* SNP only, else NULL */
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
		free(state->private_bits);
	free(state);
}

void *sev_save(const struct ucall_machine *vm)
{
	const struct sev_vm *sev = sev_vm(vm);
	struct sev_state *state =
		calloc(1, sizeof(*state) + vm->vcpu_count * sizeof(state->vcpus[0]));

	if (state && sev->cpu.pages.private_bits) {
		state->private_bits = malloc(bitmap_size(vm));
		if (state->private_bits)
			memcpy(state->private_bits, sev->cpu.pages.private_bits, bitmap_size(vm));
	}
	if (!state || (sev->cpu.pages.private_bits && !state->private_bits)) {
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
	return state->private_bits ? sev_restore_pages(vm, state->private_bits) : 0;
}
