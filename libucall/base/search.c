// SPDX-License-Identifier: MIT
/* Where plugins are looked for: $UCALL_PLUGIN_PATH, then the install's folder. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef UCALL_BACKEND_DIR /* else given to the compiler */
#include "install-folders.h"
#endif

#include "error.h"
#include "search.h"
#include "text.h"

#define PREFIX "ucall-"
#define SUFFIX ".so"

const char *ucall_search_installed(void)
{
	const char *folder = secure_getenv("UCALL_BACKEND_DIR");

	return folder ? folder : UCALL_BACKEND_DIR;
}

int ucall_search_folders(const char *variable, int (*visit)(void *data, const char *folder),
			 void *data)
{
	const char *path = secure_getenv(variable);
	char folder[4096];
	int r = 0;

	while (!r && path && *path) {
		size_t n = strcspn(path, ":");

		if (n && n < sizeof(folder)) {
			memcpy(folder, path, n);
			folder[n] = 0;
			r = visit(data, folder);
		}
		path += n + (path[n] == ':');
	}
	return r || !*ucall_search_installed() ? r : visit(data, ucall_search_installed());
}

/* ---- all ---- */

struct walk {
	int (*visit)(void *data, const char *path, const char *name);
	void *data;
};

static int walk_folder(void *data, const char *folder)
{
	const size_t around = strlen(PREFIX SUFFIX);
	const struct walk *walk = data;
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int r = 0;

	if (!dir && ucall_is_shortage(errno))
		return ucall_fail(errno, "cannot open the folder %s: %s", folder, strerror(errno));
	while (!r && dir && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		char *path, *name;

		if (n <= around || strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		name = strndup(entry->d_name + strlen(PREFIX), n - around);
		if (!name || asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			r = ucall_fail(ENOMEM, "out of memory");
		} else {
			r = walk->visit(walk->data, path, name);
			free(path);
		}
		free(name);
	}
	if (dir)
		closedir(dir);
	return r;
}

int ucall_search_all(int (*visit)(void *data, const char *path, const char *name), void *data)
{
	struct walk walk = { visit, data };

	return ucall_search_folders(UCALL_SEARCH_PATH, walk_folder, &walk);
}

/* ---- one ---- */

struct search {
	const char *name;
	char *path;
};

static int look_in(void *data, const char *folder)
{
	struct search *search = data;

	if (asprintf(&search->path, "%s/" PREFIX "%s" SUFFIX, folder, search->name) < 0) {
		search->path = NULL;
		return -1;
	}
	if (!access(search->path, F_OK))
		return 1;
	free(search->path);
	search->path = NULL;
	return 0;
}

/* Adds a word, after a comma if it is not the first. */
static void append(struct ucall_text *t, const char *word)
{
	ucall_text_add(t, "%s%s", t->used ? ", " : "", word);
}

static int add_folder(void *data, const char *folder)
{
	append(data, folder);
	return 0;
}

/* The names that were found, sorted, without duplicates. */
struct names {
	char *name[64];
	size_t count;
};

static int add_name(void *data, const char *path, const char *name)
{
	struct names *names = data;
	size_t at = 0;

	while (at < names->count && strcmp(names->name[at], name) < 0)
		at++;
	if (names->count == sizeof(names->name) / sizeof(names->name[0]) ||
	    (at < names->count && !strcmp(names->name[at], name)))
		return 0;
	memmove(&names->name[at + 1], &names->name[at], (names->count - at) * sizeof(char *));
	names->name[at] = strdup(name);
	if (!names->name[at])
		names->name[at] = strdup("");
	names->count++;
	return 0;
}

static void fail_not_found(const char *name)
{
	char folders_text[512] = "", there_text[512] = "";
	struct ucall_text folders = { folders_text, sizeof(folders_text), 0 };
	struct ucall_text there = { there_text, sizeof(there_text), 0 };
	struct names names = { { NULL }, 0 };

	ucall_search_folders(UCALL_SEARCH_PATH, add_folder, &folders);
	if (ucall_search_all(add_name, &names))
		append(&there, "?");
	for (size_t i = 0; i < names.count; i++) {
		append(&there, names.name[i]);
		free(names.name[i]);
	}
	ucall_fail(
		ENOENT, "no backend \"%s\": looked for " PREFIX "%s" SUFFIX " in %s; %s%s", name,
		name, folders.p,
		there.used
			? "available: "
			: "no backend is available: install the package libucall-plugins, or set UCALL_PLUGIN_PATH",
		there.p);
}

char *ucall_search(const char *name)
{
	struct search search = { .name = name };
	int r = 0;

	if (strchr(name, '/'))
		search.path = strdup(name);
	else
		r = ucall_search_folders(UCALL_SEARCH_PATH, look_in, &search);
	if (!search.path && (r < 0 || strchr(name, '/')))
		ucall_fail(ENOMEM, "out of memory");
	else if (!search.path)
		fail_not_found(name);
	return search.path;
}
