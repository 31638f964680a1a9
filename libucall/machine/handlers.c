// SPDX-License-Identifier: MIT
/* The guest's own exception handlers. */
#include <errno.h>

#include "base/error.h"
#include "base/handle.h"
#include "memory.h"

/* vm->lock is held. */
static int set(struct ucall_machine *vm, unsigned int vector, uint64_t function)
{
	if (ucall_memory_check_setup(vm, "ucall_vm_set_handler"))
		return -1;
	if (function && !ucall_memory_is_code(vm, vm->memory.root, function))
		return ucall_fail(EINVAL,
				  "ucall_vm_set_handler: no guest code at 0x%llx; the handler must "
				  "be a function of the %s, not of a library",
				  (unsigned long long)function,
				  vm->image ? "guest ELF" : "program itself");
	__atomic_store_n(&vm->handlers[vector], function, __ATOMIC_RELEASE);
	return 0;
}

static int check_and_set(struct ucall_machine *vm, unsigned int vector, uint64_t function)
{
	int r;

	if (vector >= vm->arch->vectors)
		return ucall_fail(EINVAL, "ucall_vm_set_handler: vector %u; %s has 0 to %u", vector,
				  vm->arch->name, vm->arch->vectors - 1);
	if (!(vm->engine->can() & UCALL_CAN_HANDLERS))
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vm_set_handler: engine %s cannot run exception handlers "
				  "in %s guests",
				  vm->engine->name, vm->arch->name);
	pthread_mutex_lock(&vm->lock);
	r = set(vm, vector, function);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

int ucall_vm_set_handler_function(struct ucall_vm *handle, unsigned int vector, uint64_t function,
				  const char *name)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_set_handler");

	if (!vm)
		return -1;
	if (function && vm->image) {
		function = ucall_vm_symbol(handle, name);
		if (!function)
			return -1;
	}
	return check_and_set(vm, vector, function);
}

int ucall_vm_set_handler_symbol(struct ucall_vm *handle, unsigned int vector, const char *name)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_set_handler_symbol");
	uint64_t function;

	if (!vm || ucall_fail_if_null(name, "ucall_vm_set_handler_symbol"))
		return -1;
	function = ucall_vm_symbol(handle, name);
	return function ? check_and_set(vm, vector, function) : -1;
}
