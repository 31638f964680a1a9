// SPDX-License-Identifier: MIT
/* ucall_backends(): what there is, from the files' notes alone. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backend.h"
#include "error.h"
#include "options.h"
#include "search.h"

/*
 * What files that are as they were have said of themselves: each VM that names no backend asks all of
 * them.  Those that are wrong are read again each time.
 */
#define KNOWN 32
static struct {
	struct ucall_file_identity identity;
	struct ucall_metadata metadata;
	uint32_t archs;
} known[KNOWN];
static unsigned int next_known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool recall(struct ucall_backend_info *info, const struct ucall_file_identity *identity)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (int i = 0; !found && i < KNOWN; i++) {
		found = known[i].metadata.abi && ucall_file_is_same(&known[i].identity, identity);
		if (found) {
			info->metadata = known[i].metadata;
			info->archs = known[i].archs;
		}
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void remember(const struct ucall_backend_info *info, const struct ucall_file_identity *identity)
{
	pthread_mutex_lock(&lock);
	known[next_known].identity = *identity;
	known[next_known].metadata = info->metadata;
	known[next_known].archs = info->archs;
	next_known = (next_known + 1) % KNOWN;
	pthread_mutex_unlock(&lock);
}

/* Fills in what the file says of itself.  Returns 0, or -1 if memory ran out. */
static int describe(struct ucall_backend_info *info, const char *path)
{
	struct ucall_file_identity identity;
	struct ucall_backend *b;
	struct stat st;
	bool bad;

	memset(info, 0, sizeof(*info));
	info->path = strdup(path);
	if (!info->path)
		return -1;
	if (!stat(path, &st)) {
		identity = ucall_file_identity(&st);
		if (recall(info, &identity))
			return 0;
	}
	b = ucall_backend_open(path);
	bad = !b || ucall_backend_read(b);
	if (bad)
		info->problem = strdup(ucall_error());
	if (b) {
		info->metadata = b->note.metadata;
		info->archs = b->note.archs;
		if (!bad)
			remember(info, &b->identity);
		ucall_backend_close(b);
	}
	return bad && !info->problem ? -1 : 0;
}

/* Ends in an entry that is all zero. */
struct list {
	struct ucall_backend_info *infos;
	size_t count, room;
};

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int add(void *data, const char *path, const char *name)
{
	struct list *list = data;

	(void)name;
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(file_name(list->infos[i].path), file_name(path)))
			return 0; /* an earlier folder has it */
	if (list->count + 1 >= list->room) {
		size_t room = 2 * list->room;
		void *p = realloc(list->infos, room * sizeof(*list->infos));

		if (!p)
			return -1;
		list->infos = p;
		list->room = room;
	}
	memset(&list->infos[list->count + 1], 0, sizeof(*list->infos));
	return describe(&list->infos[list->count++], path);
}

static int by_name(const void *a, const void *b)
{
	const struct ucall_backend_info *x = a, *y = b;

	return strcmp(file_name(x->path), file_name(y->path));
}

struct ucall_backend_info *ucall_backends(size_t *count)
{
	struct list list = { calloc(8, sizeof(*list.infos)), 0, 8 };

	*count = 0;
	if (!list.infos || ucall_search_all(add, &list)) {
		ucall_backends_free(list.infos);
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	qsort(list.infos, list.count, sizeof(list.infos[0]), by_name);
	*count = list.count;
	return list.infos;
}

struct ucall_backend_info *ucall_backend_find(const char *config)
{
	char *name = ucall_config_name(config);
	char *path = name ? ucall_search(name) : NULL;
	struct ucall_backend_info *info = path ? calloc(2, sizeof(*info)) : NULL;

	if (path && (!info || describe(info, path))) {
		ucall_backends_free(info);
		info = NULL;
		ucall_fail(ENOMEM, "out of memory");
	}
	free(name);
	free(path);
	return info;
}

void ucall_backends_free(struct ucall_backend_info *backends)
{
	if (!backends)
		return;
	for (struct ucall_backend_info *info = backends; info->path; info++) {
		free((char *)(uintptr_t)info->path);
		free((char *)(uintptr_t)info->problem);
	}
	free(backends);
}

char *ucall_backend_default(uint32_t arch, uint32_t protection)
{
	struct ucall_backend_info *all;
	char *name = NULL;
	size_t count;

	all = ucall_backends(&count);
	if (!all)
		return NULL;
	for (size_t i = 0; !name && i < count; i++)
		if (!all[i].problem && (all[i].metadata.default_for & arch) &&
		    (all[i].metadata.default_for_protections & protection))
			name = strdup(all[i].metadata.name);
	if (!name)
		ucall_fail(ENOENT, "no backend is the default for this VM; name one in $UCALL_BACKEND "
				   "(`ucall list` shows what there is)");
	ucall_backends_free(all);
	return name;
}
