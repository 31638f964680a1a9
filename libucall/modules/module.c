// SPDX-License-Identifier: MIT
/* Loads modules. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ucall/ucall.h>

#include "base/elf-file.h"
#include "base/error.h"
#include "base/file.h"
#include "module.h"
#include "base/search.h"

/* The loaded modules.  One that failed is tried again next time: the cause may be gone. */
struct module {
	struct module *next;
	const void *found;
	char name[32];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct module *modules;
static __thread char problem_text[512]; /* why this thread's last load failed */
static __thread int problem_error; /* ENOENT; or EMFILE, ENFILE or ENOMEM: something ran out */

struct load {
	struct module *module;
	const char *symbol;
	unsigned int version_offset;
};

/* Refuses what the dynamic linker would hang or crash on: not a regular file, or cut short. */
static int check_file(const char *path)
{
	struct ucall_elf elf;
	struct stat st;
	uint8_t *file;
	int r;

	file = ucall_file_read(path, &st);
	if (!file)
		return -1;
	r = ucall_elf_open(&elf, file, (size_t)st.st_size, ucall_arch_native);
	if (!r) {
		r = ucall_elf_check_segments(&elf);
		ucall_elf_close(&elf);
	}
	free(file);
	return r ? ucall_fail_in("%s", path) : 0;
}

static void note_shortage(int error)
{
	if (ucall_is_shortage(error))
		problem_error = error;
}

/* dlopen() gives no error number. */
static void note_load_failure(const char *why)
{
	struct rlimit space = { .rlim_cur = RLIM_INFINITY };
	const char *more = "";

	getrlimit(RLIMIT_AS, &space);
	if (strstr(why, strerror(EMFILE))) {
		note_shortage(EMFILE);
	} else if (strstr(why, strerror(ENOMEM))) {
		note_shortage(ENOMEM);
	} else if (strstr(why, "failed to map") && space.rlim_cur != RLIM_INFINITY) {
		note_shortage(ENOMEM);
		more = ": too little address space; raise the limit (ulimit -v)";
	}
	snprintf(problem_text, sizeof(problem_text), "%.400s%s", why, more);
}

static int load_from(void *data, const char *folder)
{
	const struct load *load = data;
	struct module *m = load->module;
	const char *const *version;
	const char *found;
	char path[4096];
	void *handle;

	snprintf(path, sizeof(path), "%s/%s.so", folder, m->name);
	if (access(path, F_OK))
		return 0;
	if (check_file(path)) {
		note_shortage(errno);
		snprintf(problem_text, sizeof(problem_text), "%.500s", ucall_error());
		return 0;
	}
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle) {
		const char *why = dlerror();

		note_load_failure(why ? why : path);
		return 0;
	}
	found = dlsym(handle, load->symbol);
	version = found ? (const void *)(found + load->version_offset) : NULL;
	if (version && *version && !strcmp(*version, ucall_version())) {
		m->found = found;
		return 1;
	}
	snprintf(problem_text, sizeof(problem_text), "%.400s was not built for libucall %s", path,
		 ucall_version());
	dlclose(handle);
	return 0;
}

static struct module *load(const char *name, const char *symbol, unsigned int version_offset)
{
	struct module *m = calloc(1, sizeof(*m));
	struct load load = { m, symbol, version_offset };

	problem_error = ENOENT;
	if (!m) {
		problem_error = ENOMEM;
		snprintf(problem_text, sizeof(problem_text), "out of memory");
		return NULL;
	}
	snprintf(m->name, sizeof(m->name), "%s", name);
	problem_text[0] = 0;
	if (!ucall_search_folders(UCALL_SEARCH_MODULES, load_from, &load)) {
		const char *all = secure_getenv(UCALL_SEARCH_MODULES);

		if (!problem_text[0])
			snprintf(problem_text, sizeof(problem_text), "no %s.so in %.200s%s%.200s",
				 name, all ? all : "", all && *all ? ":" : "",
				 ucall_search_installed());
		free(m);
		return NULL;
	}
	m->next = modules;
	modules = m;
	return m;
}

/* Sets errno to ENOENT if there is no such module here, or to what ran out. */
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
	*problem = m ? NULL : problem_text;
	if (!m)
		errno = problem_error;
	return m ? m->found : NULL;
}

const void *ucall_module_needed(const char *name, const char *symbol, unsigned int version_offset,
				const char *what)
{
	const char *problem;
	const void *found = ucall_module(name, symbol, version_offset, &problem);

	if (!found)
		ucall_fail(errno == ENOENT ? EOPNOTSUPP : errno, "%s: %s", what, problem);
	return found;
}
