// SPDX-License-Identifier: MIT
/* See handle.h. */
#include <errno.h>

#include "error.h"
#include "handle.h"

static void refuse(const char *function)
{
	ucall_fail(EOPNOTSUPP,
		   "%s: this VM was attached (ucall_vm_attach()); its owner controls its memory, "
		   "vCPUs and set-up",
		   function);
}

struct ucall_machine *ucall_machine_of(const struct ucall_vm *vm, const char *function)
{
	if (ucall_fail_if_null(vm, function))
		return NULL;
	if (!vm->machine)
		refuse(function);
	return vm->machine;
}

struct ucall_cpu *ucall_cpu_of(const struct ucall_vcpu *vcpu, const char *function)
{
	if (ucall_fail_if_null(vcpu, function))
		return NULL;
	if (!vcpu->cpu)
		refuse(function);
	return vcpu->cpu;
}
