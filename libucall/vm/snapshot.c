// SPDX-License-Identifier: MIT
/* Snapshots of libucall's own VMs: the machine, and each vCPU's channel and report state. */
#include <stdlib.h>

#include "channel/queued.h"
#include "machine/coverage.h"
#include "machine/snapshot.h"
#include "own.h"

struct vcpu_state {
	struct ucall_exit exit;
	struct ucall_fault_info fault;
	char *report;
	bool dead;
	struct ucall_queued_state queued;
};

struct ucall_own_states {
	unsigned int count;
	struct vcpu_state of[]; /* by number */
};

static void drop(struct ucall_own_states *s)
{
	for (unsigned int i = 0; s && i < s->count; i++)
		free(s->of[i].report);
	free(s);
}

void ucall_own_drop_states(struct ucall_own_vm *vm)
{
	drop(vm->states);
	vm->states = NULL;
}

/* NULL after ucall_fail(). */
static struct ucall_own_states *save_states(const struct ucall_own_vm *vm)
{
	struct ucall_own_states *s =
		ucall_calloc(1, sizeof(*s) + vm->machine.vcpu_count * sizeof(s->of[0]));

	if (!s)
		return NULL;
	s->count = vm->machine.vcpu_count;
	for (const struct ucall_cpu *cpu = vm->machine.vcpus; cpu; cpu = cpu->next) {
		const struct ucall_own_vcpu *vcpu = ucall_own_vcpu(cpu);
		struct vcpu_state *to = &s->of[cpu->number];

		to->exit = cpu->exit;
		to->fault = vcpu->fault.info;
		to->dead = vcpu->fault.dead;
		ucall_queued_save(&vcpu->port, &to->queued);
		if (vcpu->fault.report && !(to->report = ucall_strdup(vcpu->fault.report))) {
			drop(s);
			return NULL;
		}
	}
	return s;
}

static int load_states(const struct ucall_own_vm *vm)
{
	for (struct ucall_cpu *cpu = vm->machine.vcpus; cpu; cpu = cpu->next) {
		struct ucall_own_vcpu *vcpu = ucall_own_vcpu(cpu);
		const struct vcpu_state *from = &vm->states->of[cpu->number];
		char *report = from->report ? ucall_strdup(from->report) : NULL;

		if (from->report && !report)
			return -1;
		ucall_debug_reset(vcpu);
		ucall_fault_clear(&vcpu->fault);
		vcpu->fault.report = report;
		vcpu->fault.info = from->fault;
		vcpu->fault.dead = from->dead;
		cpu->exit = from->exit;
		ucall_queued_load(&vcpu->port, &from->queued);
	}
	return 0;
}

int ucall_vm_snapshot(struct ucall_vm *handle)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_snapshot");
	struct ucall_own_states *states;
	struct ucall_own_vm *vm;
	int r = -1;

	if (!machine || ucall_snapshot_check(machine, "ucall_vm_snapshot"))
		return -1;
	vm = ucall_own_vm(machine);
	/* Without the lock: a polled vCPU may need it before it stops, to change page states. */
	ucall_own_stop(vm);
	ucall_debug_begin(vm);
	pthread_mutex_lock(&machine->lock);
	states = save_states(vm);
	if (states) {
		/* From here on the older snapshot is gone, even after a failure. */
		drop(vm->states);
		vm->states = states;
		ucall_coverage_collect(machine);
		r = ucall_snapshot_take(machine);
	}
	pthread_mutex_unlock(&machine->lock);
	ucall_debug_end(vm);
	return r;
}

int ucall_vm_restore(struct ucall_vm *handle)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_restore");
	struct ucall_own_vm *vm;
	int r;

	if (!machine || ucall_snapshot_check(machine, "ucall_vm_restore") ||
	    ucall_snapshot_check_restore(machine))
		return -1;
	vm = ucall_own_vm(machine);
	ucall_own_stop(vm);
	ucall_debug_begin(vm);
	pthread_mutex_lock(&machine->lock);
	ucall_coverage_collect(machine);
	r = load_states(vm) || ucall_snapshot_restore(machine) ? -1 : 0;
	pthread_mutex_unlock(&machine->lock);
	ucall_debug_end(vm);
	return r;
}
