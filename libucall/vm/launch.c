// SPDX-License-Identifier: MIT
/* The end of a VM's set-up, and its private memory. */
#include <errno.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/options.h"
#include "base/process.h"
#include "machine/machine.h"
#include "protect/guard.h"
#include "protect/protect.h"

int ucall_vm_launch(struct ucall_vm *handle)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_launch");
	int r = -1;

	if (!vm)
		return -1;
	if (ucall_process_check(vm->process, "ucall_vm_launch"))
		return -1;
	pthread_mutex_lock(&vm->lock);
	if (ucall_machine_is_launched(vm) && !vm->guard)
		r = 0;
	else if (ucall_machine_is_launched(vm))
		ucall_fail(EPERM, "ucall_vm_launch: this %s VM has been launched already",
			   vm->protection->name);
	else if (!vm->vcpus)
		ucall_fail(EPERM, "ucall_vm_launch: this VM has no vCPU, and none can be added "
				  "later; call ucall_vcpu_add() first");
	else
		r = ucall_machine_launch(vm);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

uint64_t ucall_vm_shared_bit(const struct ucall_vm *handle)
{
	const struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_shared_bit");

	return vm ? vm->memory.shared_bits : 0;
}

int ucall_vm_measurement(const struct ucall_vm *handle, const uint8_t **digest)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_measurement");

	if (!vm)
		return -1;
	if (!vm->memory.has_private)
		return ucall_fail(
			EOPNOTSUPP,
			"ucall_vm_measurement: a VM without memory encryption is not measured");
	if (!ucall_machine_is_launched(vm))
		return ucall_fail(EPERM, "ucall_vm_measurement: call ucall_vm_launch() first");
	if (!vm->measurement_size && !vm->memory.private_bits)
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vm_measurement: a VM with protection %s is not measured",
				  vm->protection->name);
	if (!vm->measurement_size)
		return ucall_fail(
			EOPNOTSUPP,
			"ucall_vm_measurement: for a %s VM it is in the attestation report, which "
			"its guest can request",
			vm->protection->name);
	*digest = vm->measurement;
	return vm->measurement_size;
}

char *ucall_vm_launch_list(struct ucall_vm *handle, const char *protect)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_launch_list");
	const struct ucall_protection *p;
	struct ucall_args *args;
	char *text = NULL;

	if (!vm || ucall_fail_if_null(protect, "ucall_vm_launch_list"))
		return NULL;
	p = ucall_protection_find(protect);
	args = p ? ucall_protection_options(p, protect) : NULL;
	if (!args)
		return NULL;
	pthread_mutex_lock(&vm->lock);
	if (p->bit == UCALL_PROTECT_NONE || ucall_protection_is_emulated(p))
		ucall_fail(EINVAL,
			   "ucall_vm_launch_list: a VM with protection %s does not use firmware",
			   p->name);
	else if (p->bit != vm->protection->bit || !vm->engine->launch_list)
		ucall_fail(EINVAL,
			   "ucall_vm_launch_list: this VM is set up for protection %s; for %s it "
			   "must be "
			   "emulated-%s",
			   vm->protection->name, p->name, p->name);
	else
		text = vm->engine->launch_list(vm, p, args);
	pthread_mutex_unlock(&vm->lock);
	ucall_args_free(args);
	return text;
}

int ucall_vm_set_private(struct ucall_vm *handle, uint64_t gpa, size_t size, bool is_private)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_set_private");
	int r;

	if (!vm)
		return -1;
	if (!vm->guard || !vm->guard->set_private)
		return ucall_fail(
			EOPNOTSUPP,
			"ucall_vm_set_private: in a VM with protection %s only the guest decides "
			"what is private",
			vm->protection->name);
	if (!ucall_machine_is_launched(vm))
		return ucall_fail(EPERM,
				  "ucall_vm_set_private: before ucall_vm_launch() pages stay as "
				  "allocated");
	if (!size || (gpa | size) % UCALL_PAGE_SIZE || gpa >= vm->memory.size ||
	    size > vm->memory.size - gpa)
		return ucall_fail(EINVAL,
				  "ucall_vm_set_private: %zu bytes at guest-physical 0x%llx; give "
				  "whole pages "
				  "within the 0x%zx bytes of guest memory",
				  size, (unsigned long long)gpa, vm->memory.size);
	pthread_mutex_lock(&vm->lock);
	r = vm->guard->set_private(vm, gpa, size, is_private);
	pthread_mutex_unlock(&vm->lock);
	return r;
}
