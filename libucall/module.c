// SPDX-License-Identifier: MIT
/* Loads modules. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/ucall.h>

#include "module.h"

/* Each module that was asked for, loaded or not. */
struct module {
	struct module *next;
	const void *found;
	char name[32];
	char problem[512];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct module *modules;

static const void *load_from(struct module *m, const char *folder, int length, const char *symbol,
			     unsigned int version_offset)
{
	const char *const *version;
	const char *found;
	char path[4096];
	void *handle;

	snprintf(path, sizeof(path), "%.*s/%s.so", length, folder, m->name);
	if (access(path, F_OK))
		return NULL;
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		snprintf(m->problem, sizeof(m->problem), "%.500s", dlerror());
		return NULL;
	}
	found = dlsym(handle, symbol);
	version = found ? (const void *)(found + version_offset) : NULL;
	if (version && *version && !strcmp(*version, ucall_version()))
		return found;
	snprintf(m->problem, sizeof(m->problem), "%.400s is not of libucall %s", path,
		 ucall_version());
	dlclose(handle);
	return NULL;
}

static struct module *load(const char *name, const char *symbol, unsigned int version_offset)
{
	const char *path = secure_getenv("UCALL_MODULE_PATH"), *all = path;
	struct module *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	snprintf(m->name, sizeof(m->name), "%s", name);
	while (!m->found && path && *path) {
		int n = (int)strcspn(path, ":");

		if (n)
			m->found = load_from(m, path, n, symbol, version_offset);
		path += n + (path[n] == ':');
	}
	if (!m->found)
		m->found = load_from(m, UCALL_BACKEND_DIR, (int)strlen(UCALL_BACKEND_DIR), symbol,
				     version_offset);
	if (!m->found && !m->problem[0])
		snprintf(m->problem, sizeof(m->problem), "no %s.so in %.200s%s%.200s", m->name,
			 all ? all : "", all && *all ? ":" : "", UCALL_BACKEND_DIR);
	m->next = modules;
	modules = m;
	return m;
}

const void *ucall_module(const char *name, const char *symbol, unsigned int version_offset,
			 const char **problem)
{
	struct module *m;

	pthread_mutex_lock(&lock);
	for (m = modules; m && strcmp(m->name, name) != 0;)
		m = m->next;
	if (!m)
		m = load(name, symbol, version_offset);
	pthread_mutex_unlock(&lock);
	*problem = !m ? "out of memory" : m->found ? NULL : m->problem;
	return m ? m->found : NULL;
}
