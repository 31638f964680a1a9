// SPDX-License-Identifier: MIT
/* Public functions for programs and backends, on VMs and vCPUs of any machine. */
#include <errno.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "base/handle.h"
#include "base/process.h"
#include "channel.h"
#include "plugin/backend.h"
#include "protect/protect.h"
#include "queue.h"

/* ---- about a VM ---- */

const char *ucall_vm_backend(const struct ucall_vm *vm)
{
	return vm ? vm->channel->backend_name : NULL;
}

const char *ucall_vm_backend_path(const struct ucall_vm *vm)
{
	return vm && vm->channel->backend ? vm->channel->backend->path : NULL;
}

const char *ucall_vm_arch(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.arch->name : NULL;
}

const char *ucall_vm_engine(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.engine : NULL;
}

enum ucall_via ucall_vm_via(const struct ucall_vm *vm)
{
	return vm ? vm->channel->via : UCALL_VIA_DEFAULT;
}

const char *ucall_vm_protection(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.protection->name : NULL;
}

uint32_t ucall_vm_protection_bit(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.protection->bit : 0;
}

bool ucall_vm_closes_registers(const struct ucall_vm *vm)
{
	return vm ? ucall_protection_closes(vm->channel->traits.protection) : false;
}

int ucall_vm_ring(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.ring : 0;
}

bool ucall_vm_is_attached(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.attached : false;
}

bool ucall_vm_has_irqchip(const struct ucall_vm *vm)
{
	return vm ? vm->channel->traits.irqchip : false;
}

static int fail_unavailable(const struct ucall_vm *vm, const char *function, const char *what)
{
	return ucall_fail(EOPNOTSUPP, "%s: a %s of engine %s has no %s", function,
			  strcmp(function, "ucall_vm_fd") ? "vCPU" : "VM",
			  vm->channel->traits.engine, what);
}

int ucall_vm_fd(const struct ucall_vm *vm)
{
	if (ucall_fail_if_null(vm, "ucall_vm_fd"))
		return -1;
	const struct ucall_channel *c = vm->channel;
	int fd = c->machine->vm_fd ? c->machine->vm_fd(c->data) : -1;

	return fd >= 0 ? fd : fail_unavailable(vm, "ucall_vm_fd", "descriptor");
}

int ucall_vcpu_fd(const struct ucall_vcpu *vcpu)
{
	if (ucall_fail_if_null(vcpu, "ucall_vcpu_fd"))
		return -1;
	const struct ucall_machine_ops *m = vcpu->vm->channel->machine;
	int fd = m->vcpu_fd ? m->vcpu_fd(vcpu->port->cpu) : -1;

	return fd >= 0 ? fd : fail_unavailable(vcpu->vm, "ucall_vcpu_fd", "descriptor");
}

void *ucall_vcpu_kvm_run(const struct ucall_vcpu *vcpu)
{
	if (ucall_fail_if_null(vcpu, "ucall_vcpu_kvm_run"))
		return NULL;
	const struct ucall_machine_ops *m = vcpu->vm->channel->machine;
	void *run = m->vcpu_run ? m->vcpu_run(vcpu->port->cpu) : NULL;

	if (!run)
		fail_unavailable(vcpu->vm, "ucall_vcpu_kvm_run", "struct kvm_run");
	return run;
}

struct ucall_vm *ucall_vcpu_vm(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->vm : NULL;
}

unsigned int ucall_vcpu_number(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->port->number : 0;
}

const struct ucall_exit *ucall_vcpu_exit(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->port->exit : NULL;
}

struct ucall_mailbox *ucall_vcpu_mailbox(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->port->mailbox : NULL;
}

/* Stops the vCPU and returns its machine; NULL after ucall_fail(). */
static const struct ucall_machine_ops *stop_vcpu(struct ucall_vcpu *vcpu, const void *regs,
						 const char *function)
{
	if (ucall_fail_if_null(vcpu, function) || ucall_fail_if_null(regs, function) ||
	    ucall_process_check(vcpu->vm->channel->process, function))
		return NULL;
	if (vcpu->port->ops->stop)
		vcpu->port->ops->stop(vcpu->port);
	return vcpu->vm->channel->machine;
}

int ucall_vcpu_get_regs(struct ucall_vcpu *vcpu, struct ucall_frame *regs)
{
	const struct ucall_machine_ops *machine = stop_vcpu(vcpu, regs, "ucall_vcpu_get_regs");

	return machine ? machine->get_regs(vcpu->port->cpu, regs) : -1;
}

int ucall_vcpu_set_regs(struct ucall_vcpu *vcpu, const struct ucall_frame *regs)
{
	const struct ucall_machine_ops *machine = stop_vcpu(vcpu, regs, "ucall_vcpu_set_regs");

	return machine ? machine->set_regs(vcpu->port->cpu, regs) : -1;
}

/* ---- for backends ---- */

/* The channel, if its set-up may still change; NULL after ucall_fail(). */
static struct ucall_channel *channel_in_set_up(struct ucall_vm *vm, const char *function)
{
	if (ucall_fail_if_null(vm, function) ||
	    vm->channel->machine->check_may_change(vm->channel->data, function))
		return NULL;
	return vm->channel;
}

int ucall_vm_set_param(struct ucall_vm *vm, unsigned int n, uint64_t value)
{
	struct ucall_channel *c = channel_in_set_up(vm, "ucall_vm_set_param");

	if (!c)
		return -1;
	if (c->traits.attached && c->backend_ready)
		return ucall_fail(
			EPERM,
			"ucall_vm_set_param: call it in init(); vCPUs may have copies by now");
	if (n >= UCALL_PARAMS)
		return ucall_fail(EINVAL, "ucall_vm_set_param: n is %u; it must be below %d", n,
				  UCALL_PARAMS);
	c->bell->param[n] = ucall_guest64(c->traits.arch, value);
	return 0;
}

int ucall_vm_set_queue(struct ucall_vm *vm, uint32_t lines, bool polled)
{
	const uint32_t least = UCALL_QUEUE_LINES_LEAST;
	struct ucall_channel *c = channel_in_set_up(vm, "ucall_vm_set_queue");

	if (!c)
		return -1;
	if (lines < least || lines > UCALL_QUEUE_LINES_MAX || (lines & (lines - 1)))
		return ucall_fail(EINVAL,
				  "ucall_vm_set_queue: %u lines; give a power of two from %u to %u",
				  lines, least, UCALL_QUEUE_LINES_MAX);
	if (c->via == UCALL_VIA_ADDRESS)
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vm_set_queue: with UCALL_VIA_ADDRESS each exit gives its "
				  "message's address; leave `via` out");
	if (c->traits.attached && polled)
		return ucall_fail(EOPNOTSUPP, "ucall_vm_set_queue: the owner of an attached VM "
					      "runs its vCPUs itself and takes a "
					      "message with each exit; polling is not possible");
	if (c->traits.attached && lines > c->ops.metadata->queue_lines)
		return ucall_fail(
			EOPNOTSUPP,
			"ucall_vm_set_queue: %u lines; in an attached VM the maximum is the %u of "
			"the metadata (queue_lines)",
			lines, c->ops.metadata->queue_lines);
	c->queue_lines = lines;
	c->queue_polled = polled;
	return 0;
}

uint64_t ucall_vm_map_device(struct ucall_vm *vm, uint64_t gpa, size_t size)
{
	struct ucall_channel *c = channel_in_set_up(vm, "ucall_vm_map_device");

	if (!c)
		return 0;
	if (!size || gpa + size < gpa || size > UINT32_MAX) {
		ucall_fail(EINVAL, "cannot map %zu bytes at guest-physical address 0x%llx", size,
			   (unsigned long long)gpa);
		return 0;
	}
	if (!c->machine->map_device) {
		ucall_fail(EOPNOTSUPP,
			   "its doorbell is a device address, which needs map_device() in the "
			   "attach configuration");
		return 0;
	}
	return c->machine->map_device(c->data, gpa, size);
}

int ucall_vm_take_slot(struct ucall_vm *vm)
{
	struct ucall_channel *c = channel_in_set_up(vm, "ucall_vm_take_slot");

	if (!c)
		return -1;
	if (!c->machine->take_slot)
		return ucall_fail(EOPNOTSUPP, "ucall_vm_take_slot: engine %s has no memory slots",
				  c->traits.engine);
	return c->machine->take_slot(c->data);
}

void ucall_vm_set_backend_data(struct ucall_vm *vm, void *data)
{
	if (vm)
		vm->channel->backend_data = data;
}

void *ucall_vm_backend_data(const struct ucall_vm *vm)
{
	return vm ? vm->channel->backend_data : NULL;
}

uint64_t ucall_vcpu_argument(struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->vm->channel->machine->argument(vcpu->port->cpu) : 0;
}
