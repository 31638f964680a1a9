// SPDX-License-Identifier: MIT
/* Names guest addresses: with a module, or for a separate guest ELF with a helper program. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "modules/module.h"
#include "symbols-helper.h"
#include "base/text.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NEEDED_STACK (256u << 10) /* libdw's, and some more */

/* The bytes that are left on this thread's stack; a large number if that is not known. */
static size_t left_of_stack(void)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0), start = 0;
	size_t size = 0, left = SIZE_MAX;
	pthread_attr_t attr;
	void *address;

	if (pthread_getattr_np(pthread_self(), &attr))
		return left;
	if (!pthread_attr_getstack(&attr, &address, &size))
		start = (uintptr_t)address;
	/* A program may have switched to another stack. */
	if (start && here - start < size)
		left = here - start;
	pthread_attr_destroy(&attr);
	return left;
}

static unsigned int of_this_program(const struct ucall_unwind *at,
				    struct ucall_backtrace_entry *frames, unsigned int most,
				    const char **problem)
{
	static __thread char text[1200];
	const struct ucall_symbols *module;
	unsigned int n;
	size_t left = left_of_stack();

	if (left < NEEDED_STACK) {
		snprintf(text, sizeof(text),
			 "only %zu KiB are left on this thread's stack, and reading debug "
			 "information needs %u; raise the limit (ulimit -s)",
			 left >> 10, NEEDED_STACK >> 10);
		*problem = text;
		return 0;
	}
	module = ucall_module("symbols", "ucall_symbols", offsetof(struct ucall_symbols, version),
			      problem);
	if (!module && errno != ENOENT)
		return 0;
	if (!module) {
		snprintf(text, sizeof(text), "%s; %s", *problem, UCALL_INSTALL_MODULE("libdw-dev"));
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
