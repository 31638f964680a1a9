// SPDX-License-Identifier: MIT
/* Loads the module that names guest addresses. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "symbols.h"

#define FILE_NAME "symbols.so"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct ucall_symbols *module;
static char failure[512]; /* why it is not there; looked for once */

static const struct ucall_symbols *load_from(const char *folder)
{
	const struct ucall_symbols *found;
	char path[4096];
	void *handle;

	snprintf(path, sizeof(path), "%s/" FILE_NAME, folder);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(failure, sizeof(failure), "%s", dlerror());
		return NULL;
	}
	found = dlsym(handle, "ucall_symbols");
	if (found && !strcmp(found->version, ucall_version()))
		return found;
	snprintf(failure, sizeof(failure), "%.400s is not of libucall %s", path, ucall_version());
	dlclose(handle);
	return NULL;
}

static void load(void)
{
	const char *folder = secure_getenv("UCALL_MODULE_PATH");

	if (folder && *folder)
		module = load_from(folder);
	if (!module)
		module = load_from(UCALL_BACKEND_DIR);
}

unsigned int ucall_backtrace(const struct ucall_unwind *at, struct ucall_frame *frames,
			     unsigned int most, const char **problem)
{
	unsigned int n = 0;

	pthread_mutex_lock(&lock);
	if (!module && !failure[0])
		load();
	if (module)
		n = module->backtrace(at, frames, most);
	*problem = module ? NULL : failure;
	pthread_mutex_unlock(&lock);
	return n;
}
