// SPDX-License-Identifier: MIT
/* Loads the module that names guest addresses. */
#include <pthread.h>

#include "module.h"
#include "symbols.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

unsigned int ucall_backtrace(const struct ucall_unwind *at, struct ucall_frame *frames,
			     unsigned int most, const char **problem)
{
	const struct ucall_symbols *module;
	unsigned int n = 0;

	module = ucall_module("symbols", "ucall_symbols", offsetof(struct ucall_symbols, version),
			      problem);
	pthread_mutex_lock(&lock);
	if (module)
		n = module->backtrace(at, frames, most);
	pthread_mutex_unlock(&lock);
	return n;
}
