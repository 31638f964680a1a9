// SPDX-License-Identifier: MIT
/* See process.h. */
#include <errno.h>
#include <pthread.h>

#include "base/error.h"
#include "process.h"

/* How many fork()s lie between the first process and this one: cheaper to compare than getpid(). */
static unsigned int generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void after_fork_in_child(void)
{
	generation++;
}

static void prepare(void)
{
	pthread_atfork(NULL, NULL, after_fork_in_child);
}

void ucall_process_own(struct ucall_vm *vm)
{
	pthread_once(&once, prepare);
	vm->process = generation;
}

bool ucall_process_inherited(const struct ucall_vm *vm)
{
	return vm->process != generation;
}

int ucall_process_check(const struct ucall_vm *vm, const char *what)
{
	if (!ucall_process_inherited(vm))
		return 0;
	return ucall_fail(EPERM,
			  "%s: this VM belongs to the process that created it; after fork() a child can "
			  "only free its copy (ucall_vm_free)",
			  what);
}
