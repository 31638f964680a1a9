// SPDX-License-Identifier: MIT
/* vCPUs of libucall's own VMs: a machine's vCPU and a port of the channel. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "machine/memory.h"
#include "own.h"
#include "protect/protect.h"

/* The caller holds the machine's lock. */
static int build(struct ucall_own_vcpu *vcpu, struct ucall_own_vm *vm)
{
	struct ucall_cpu *cpu = &vcpu->cpu;

	if (ucall_memory_check_setup(cpu->vm, "ucall_vcpu_add") || ucall_cpu_map_memory(cpu))
		return -1;
	vcpu->port.number = cpu->number;
	if (ucall_port_open(&vcpu->port, &vm->channel))
		return -1;
	vcpu->fault.area = &vcpu->port.mailbox->fault;
	if (ucall_cpu_create(cpu))
		return -1;
	ucall_trace_add(vcpu);
	ucall_debug_add(vcpu);
	vcpu->port.mailbox->ghcb = cpu->shared_page;
	return 0;
}

struct ucall_vcpu *ucall_vcpu_add_entry(struct ucall_vm *handle, uint64_t entry, unsigned int nargs,
					uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
					uint64_t a4, uint64_t a5)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vcpu_add_entry");
	struct ucall_own_vcpu *vcpu;
	struct ucall_own_vm *vm;
	int r;

	if (!machine)
		return NULL;
	if (nargs > 6) {
		ucall_fail(EINVAL,
			   "ucall_vcpu_add: nargs must be the number of arguments that follow, 6 "
			   "at most");
		return NULL;
	}
	vm = ucall_own_vm(machine);
	vcpu = ucall_calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return NULL;
	vcpu->handle = (struct ucall_vcpu){ handle, &vcpu->port, &vcpu->cpu };
	vcpu->port.vcpu = &vcpu->handle;
	vcpu->port.cpu = vcpu;
	vcpu->port.exit = &vcpu->cpu.exit;
	vcpu->fault.cpu = &vcpu->cpu;
	vcpu->fault.backend = vm->channel.backend_name;
	vcpu->cpu.vm = machine;
	vcpu->cpu.boot.entry = entry;
	memcpy(vcpu->cpu.boot.args, (const uint64_t[6]){ a0, a1, a2, a3, a4, a5 },
	       sizeof(vcpu->cpu.boot.args));

	pthread_mutex_lock(&machine->lock);
	r = build(vcpu, vm);
	pthread_mutex_unlock(&machine->lock);
	if (r) {
		ucall_own_vcpu_free(vcpu);
		return NULL;
	}
	/*
	 * Without the lock: the backend may use the VM.  After a failure the VM still owns the
	 * vCPU.
	 */
	return ucall_port_start(&vcpu->port) ? NULL : &vcpu->handle;
}

struct ucall_vcpu *ucall_vcpu_add_function(struct ucall_vm *vm, uint64_t function, const char *name,
					   unsigned int nargs, uint64_t a0, uint64_t a1,
					   uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	const struct ucall_machine *machine = ucall_machine_of(vm, "ucall_vcpu_add_function");

	if (!machine)
		return NULL;
	if (machine->image || !function)
		function = ucall_vm_symbol(vm, name);
	if (!function)
		return NULL;
	return ucall_vcpu_add_entry(vm, function, nargs, a0, a1, a2, a3, a4, a5);
}

void ucall_own_vcpu_free(struct ucall_own_vcpu *vcpu)
{
	bool inherited = vcpu->cpu.vm->inherited;
	int error = errno;

	ucall_port_close(&vcpu->port, inherited);
	ucall_cpu_fini(&vcpu->cpu);
	free(vcpu->fault.report);
	free(vcpu);
	errno = error;
}

/* Stops and returns the vCPU; NULL after ucall_fail(). */
static struct ucall_own_vcpu *stop_vcpu(struct ucall_vcpu *vcpu, const char *function)
{
	struct ucall_cpu *cpu = ucall_cpu_of(vcpu, function);

	if (!cpu || ucall_process_check(cpu->vm->process, function))
		return NULL;
	if (vcpu->port->ops->stop)
		vcpu->port->ops->stop(vcpu->port);
	return ucall_own_vcpu(cpu);
}

int ucall_vcpu_restart(struct ucall_vcpu *handle)
{
	const struct ucall_cpu *cpu = ucall_cpu_of(handle, "ucall_vcpu_restart");
	struct ucall_own_vcpu *vcpu;
	struct ucall_own_vm *vm;
	int r;

	if (!cpu || ucall_memory_check_setup(cpu->vm, "ucall_vcpu_restart"))
		return -1;
	vcpu = stop_vcpu(handle, "ucall_vcpu_restart");
	if (!vcpu)
		return -1;
	vm = ucall_own_vm(vcpu->cpu.vm);
	ucall_debug_begin(vm);
	r = ucall_cpu_restart(&vcpu->cpu);
	if (!r) {
		ucall_port_reset(&vcpu->port);
		ucall_debug_reset(vcpu);
		ucall_fault_clear(&vcpu->fault);
		vcpu->fault.dead = false;
	}
	ucall_debug_end(vm);
	return r;
}

int ucall_vcpu_set_stepping(struct ucall_vcpu *handle, bool on)
{
	struct ucall_own_vcpu *vcpu = stop_vcpu(handle, "ucall_vcpu_set_stepping");
	const struct ucall_engine *engine;

	if (!vcpu)
		return -1;
	engine = vcpu->cpu.vm->engine;
	if (!engine->set_stepping)
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vcpu_set_stepping: engine %s cannot single-step",
				  engine->name);
	if (on && ucall_machine_check_registers(vcpu->cpu.vm, "ucall_vcpu_set_stepping"))
		return -1;
	if (engine->set_stepping(&vcpu->cpu, on))
		return -1;
	vcpu->cpu.stepping = on;
	return 0;
}

const struct ucall_fault_info *ucall_fault(const struct ucall_vcpu *vcpu)
{
	static const struct ucall_fault_info none;

	return vcpu && vcpu->cpu ? &ucall_own_vcpu(vcpu->cpu)->fault.info : &none;
}

const char *ucall_fault_report(const struct ucall_vcpu *vcpu)
{
	const char *report = vcpu && vcpu->cpu ? ucall_own_vcpu(vcpu->cpu)->fault.report : NULL;

	return report ? report : "";
}
