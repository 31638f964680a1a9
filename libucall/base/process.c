// SPDX-License-Identifier: MIT
/* See process.h. */
#include <errno.h>
#include <pthread.h>

#include "error.h"
#include "process.h"

/* Number of fork()s from the first process to this one: cheaper to compare than getpid(). */
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

unsigned int ucall_process_this(void)
{
	pthread_once(&once, prepare);
	return generation;
}

bool ucall_process_is_inherited(unsigned int process)
{
	return process != generation;
}

int ucall_process_check(unsigned int process, const char *what)
{
	if (!ucall_process_is_inherited(process))
		return 0;
	return ucall_fail(
		EPERM,
		"%s: this VM belongs to the process that created it; after fork() a child can "
		"only free its copy (ucall_vm_free)",
		what);
}
