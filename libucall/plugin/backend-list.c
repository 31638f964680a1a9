// SPDX-License-Identifier: MIT
/* ucall_backends(): lists the backends, from their files' notes only. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "backend.h"
#include "base/error.h"
#include "base/options.h"
#include "base/search.h"
#include "base/text.h"

/*
 * Metadata of unchanged files: each VM that names no backend asks for all of them.  Invalid files
 * are read again each time.
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

static void remember(const struct ucall_backend_info *info,
		     const struct ucall_file_identity *identity)
{
	pthread_mutex_lock(&lock);
	known[next_known].identity = *identity;
	known[next_known].metadata = info->metadata;
	known[next_known].archs = info->archs;
	next_known = (next_known + 1) % KNOWN;
	pthread_mutex_unlock(&lock);
}

/*
 * Fills in what the file says about itself.  Returns 0, or -1 after ucall_fail() if something ran
 * out.
 */
static int describe(struct ucall_backend_info *info, const char *path)
{
	struct ucall_file_identity identity;
	struct ucall_backend *b;
	struct stat st;
	bool bad, short_of;

	memset(info, 0, sizeof(*info));
	info->path = ucall_strdup(path);
	if (!info->path)
		return -1;
	if (!stat(path, &st)) {
		identity = ucall_file_identity(&st);
		if (recall(info, &identity))
			return 0;
	}
	b = ucall_backend_open(path);
	bad = !b || ucall_backend_read(b);
	short_of = bad && ucall_is_shortage(errno);
	if (bad && !short_of)
		info->problem = strdup(ucall_error());
	/* Nothing in a refused file can be trusted. */
	if (!bad) {
		info->metadata = b->note.metadata;
		info->archs = b->note.archs;
		remember(info, &b->identity);
	}
	if (b)
		ucall_backend_close(b);
	if (bad && !short_of && !info->problem)
		return ucall_fail(ENOMEM, "out of memory");
	return short_of ? -1 : 0;
}

/* The last entry is all zero. */
struct list {
	struct ucall_backend_info *infos;
	size_t count, room;
};

static int add(void *data, const char *path, const char *name)
{
	struct list *list = data;

	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(ucall_file_name(list->infos[i].path), ucall_file_name(path)))
			return 0; /* an earlier folder has it */
	if (list->count + 1 >= list->room) {
		size_t room = 2 * list->room;
		void *p = ucall_realloc(list->infos, room * sizeof(*list->infos));

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

	return strcmp(ucall_file_name(x->path), ucall_file_name(y->path));
}

static void free_keeping_errno(struct ucall_backend_info *backends)
{
	int error = errno;

	ucall_backends_free(backends);
	errno = error;
}

struct ucall_backend_info *ucall_backends(size_t *count)
{
	struct list list = { NULL, 0, 8 };

	if (ucall_fail_if_null(count, "ucall_backends"))
		return NULL;
	*count = 0;
	list.infos = ucall_calloc(list.room, sizeof(*list.infos));
	if (!list.infos || ucall_search_all(add, &list)) {
		free_keeping_errno(list.infos);
		return NULL;
	}
	qsort(list.infos, list.count, sizeof(list.infos[0]), by_name);
	*count = list.count;
	return list.infos;
}

struct ucall_backend_info *ucall_backend_find(const char *config)
{
	char *name = ucall_fail_if_null(config, "ucall_backend_find")
			     ? NULL
			     : ucall_config_name(config, "backend");
	char *path = name ? ucall_search(name) : NULL;
	struct ucall_backend_info *info = path ? ucall_calloc(2, sizeof(*info)) : NULL;

	if (info && describe(info, path)) {
		free_keeping_errno(info);
		info = NULL;
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

/* ---- the default ---- */

/*
 * The default that was found, valid while no folder has changed: searching again would cost more
 * than all else that a VM needs from this library.  A plugin that becomes a default by being
 * overwritten in place, instead of replaced by another file, is not noticed.
 */
struct chosen {
	struct ucall_file_identity folders[16]; /* all zero: it does not exist */
	unsigned int folder_count;
	uint32_t arch, protection;
	char name[sizeof(((struct ucall_metadata *)NULL)->name)];
};
static struct chosen chosen[4]; /* under `lock` */
static unsigned int next_chosen;

static int add_folder(void *data, const char *folder)
{
	struct chosen *c = data;
	struct stat st;

	if (c->folder_count == sizeof(c->folders) / sizeof(c->folders[0]))
		return -1;
	if (stat(folder, &st))
		memset(&c->folders[c->folder_count], 0, sizeof(c->folders[0]));
	else
		c->folders[c->folder_count] = ucall_file_identity(&st);
	c->folder_count++;
	return 0;
}

/* False if a folder changed just now: it may change again with the same time. */
static bool is_settled(const struct chosen *c)
{
	const int64_t tick = 100000000; /* ns; longer than any file system's time granularity */
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	for (unsigned int i = 0; i < c->folder_count; i++) {
		const struct ucall_file_identity *f = &c->folders[i];

		if ((now.tv_sec - f->mtime) * 1000000000 + now.tv_nsec - f->mtime_ns < tick)
			return false;
	}
	return true;
}

static bool has_same_key(const struct chosen *a, const struct chosen *b)
{
	bool same = a->folder_count == b->folder_count && a->arch == b->arch &&
		    a->protection == b->protection;

	for (unsigned int i = 0; same && i < a->folder_count; i++)
		same = ucall_file_is_same(&a->folders[i], &b->folders[i]);
	return same;
}

/* Fills in the name if it is known. */
static bool recall_chosen(struct chosen *c)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; !found && i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		found = chosen[i].name[0] && has_same_key(&chosen[i], c);
		if (found)
			*c = chosen[i];
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void remember_chosen(const struct chosen *c)
{
	pthread_mutex_lock(&lock);
	chosen[next_chosen] = *c;
	next_chosen = (next_chosen + 1) % (sizeof(chosen) / sizeof(chosen[0]));
	pthread_mutex_unlock(&lock);
}

/* Chooses the first by name.  Sets c->name; leaves it empty if there is none. */
static int choose(struct chosen *c)
{
	struct ucall_backend_info *all;
	size_t count;

	all = ucall_backends(&count);
	if (!all)
		return -1;
	for (size_t i = 0; !c->name[0] && i < count; i++)
		if (!all[i].problem && (all[i].metadata.default_for & c->arch) &&
		    (all[i].metadata.default_for_protections & c->protection))
			memcpy(c->name, all[i].metadata.name, sizeof(c->name));
	ucall_backends_free(all);
	return 0;
}

char *ucall_backend_default(uint32_t arch, uint32_t protection)
{
	struct chosen c = { .arch = arch, .protection = protection };
	/* The folders first: later changes are then seen the next time. */
	bool stamped = !ucall_search_folders(UCALL_SEARCH_PATH, add_folder, &c);

	if (!stamped || !recall_chosen(&c)) {
		if (choose(&c))
			return NULL;
		if (stamped && c.name[0] && is_settled(&c))
			remember_chosen(&c);
	}
	if (!c.name[0]) {
		ucall_fail(ENOENT,
			   "no backend is the default for this VM; name one in $UCALL_BACKEND "
			   "(see `ucall list`)");
		return NULL;
	}
	return ucall_strndup(c.name, sizeof(c.name));
}
