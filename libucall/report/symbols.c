// SPDX-License-Identifier: MIT
/* Names guest addresses: with a module, or for a separate guest ELF with a helper program. */
#include <pthread.h>
#include <stdio.h>

#include "modules/module.h"
#include "symbols-helper.h"
#include "base/text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned int of_this_program(const struct ucall_unwind *at,
				    struct ucall_backtrace_entry *frames, unsigned int most,
				    const char **problem)
{
	static __thread char text[1200];
	const struct ucall_symbols *module;
	unsigned int n;

	module = ucall_module("symbols", "ucall_symbols", offsetof(struct ucall_symbols, version),
			      problem);
	if (!module) {
		snprintf(text, sizeof(text), "%s; install libdw and build libucall with it",
			 *problem);
		*problem = text;
		return 0;
	}
	pthread_mutex_lock(&lock);
	n = module->backtrace(at, frames, most);
	pthread_mutex_unlock(&lock);
	return n;
}

unsigned int ucall_backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			     unsigned int most, const char **problem)
{
	unsigned int n = at->image ? ucall_symbols_ask(at, frames, most, problem)
				   : of_this_program(at, frames, most, problem);

	/* The texts come from an ELF file, which may contain anything. */
	for (unsigned int i = 0; i < n; i++) {
		ucall_text_escape(frames[i].function, sizeof(frames[i].function));
		ucall_text_escape(frames[i].file, sizeof(frames[i].file));
	}
	return n;
}
