// SPDX-License-Identifier: MIT
/*
 * Plugins: where they are found, and how one is loaded.
 *
 * A file is opened and read once.  What was read is checked; the file is then loaded through the
 * same descriptor, and what the dynamic linker mapped is compared with what was checked.  So nothing
 * of a refused file runs, not even its constructors, and what runs is what was checked.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "error.h"
#include "options.h"

#define PREFIX "ucall-"
#define SUFFIX ".so"
#define MAX_FILE ((off_t)64 << 20)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ucall_backend *loaded;

/* ---- search ---- */

/* Calls `visit` with each folder of the search path until it returns other than 0. */
static int for_each_folder(int (*visit)(void *data, const char *folder), void *data)
{
	const char *path = secure_getenv("UCALL_PLUGIN_PATH");
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
	return r ? r : visit(data, UCALL_BACKEND_DIR);
}

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

struct text {
	char *p;
	size_t size, used;
};

static void append(struct text *t, const char *separator, const char *word)
{
	int n;

	if (t->used >= t->size)
		return;
	n = snprintf(t->p + t->used, t->size - t->used, "%s%s", t->used ? separator : "", word);
	if (n > 0)
		t->used += (size_t)n;
}

static int list_folder(void *data, const char *folder)
{
	append(data, ", ", folder);
	return 0;
}

static int fail_not_found(const char *name)
{
	char folder_text[512] = "", name_text[512] = "";
	struct text folders = { folder_text, sizeof(folder_text), 0 };
	struct text names = { name_text, sizeof(name_text), 0 };
	struct ucall_backend_info *all;
	size_t count;

	all = ucall_backends(&count);
	for (size_t i = 0; all && i < count; i++)
		append(&names, ", ", all[i].metadata.name);
	ucall_backends_free(all);
	for_each_folder(list_folder, &folders);
	return ucall_fail(ENOENT,
			  "no backend \"%s\": looked for " PREFIX "%s" SUFFIX " in %s; %s%s", name,
			  name, folder_text,
			  name_text[0] ? "these are there: " : "there is no backend at all",
			  name_text);
}

/* The path of the plugin's file, in new memory. */
static char *find_path(const char *name)
{
	struct search search = { .name = name };

	if (strchr(name, '/'))
		search.path = strdup(name);
	else if (for_each_folder(look_in, &search) == 0)
		fail_not_found(name);
	else if (!search.path)
		ucall_fail(ENOMEM, "out of memory");
	return search.path;
}

/* ---- reading a file ---- */

static void *read_file(int fd, const char *path, struct stat *st)
{
	uint8_t *file = NULL;
	size_t size;

	if (fstat(fd, st))
		goto failed;
	if (!S_ISREG(st->st_mode)) {
		ucall_fail(ENOEXEC, "%s: not a regular file", path);
		return NULL;
	}
	if (st->st_size > MAX_FILE) {
		ucall_fail(EFBIG, "%s: a plugin of more than 64 MiB", path);
		return NULL;
	}
	size = (size_t)st->st_size;
	file = malloc(size + 1);
	if (!file)
		goto failed;
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(fd, file + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO;
			goto failed;
		}
		done += (size_t)n;
	}
	return file;

failed:
	ucall_fail(errno, "cannot read %s: %s", path, strerror(errno));
	free(file);
	return NULL;
}

/* ---- loading ---- */

int ucall_backend_copy_ops(struct ucall_ops *to, const struct ucall_ops *from)
{
	const size_t least = offsetof(struct ucall_ops, recv_cmd_shared) + sizeof(void *);

	memset(to, 0, sizeof(*to));
	if (from->abi < 1 || from->abi > UCALL_ABI)
		return ucall_fail(ENOEXEC,
				  "its ucall_ops are of plugin ABI %u; this libucall serves 1 to "
				  "%d; begin them with UCALL_OPS",
				  from->abi, UCALL_ABI);
	if (from->size < least)
		return ucall_fail(ENOEXEC, "its ucall_ops have the size %u; begin them with "
					   "UCALL_OPS",
				  from->size);
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	if (!to->metadata)
		return ucall_fail(ENOEXEC, "its ucall_ops have no metadata; begin them with "
					   "UCALL_OPS");
	if (!to->send_cmd != !to->recv_cmd || !to->send_cmd_shared != !to->recv_cmd_shared ||
	    (!to->send_cmd && !to->send_cmd_shared))
		return ucall_fail(ENOEXEC,
				  "its ucall_ops have no complete pair: give send_cmd and recv_cmd, "
				  "or send_cmd_shared and recv_cmd_shared, or all four");
	return 0;
}

/* The guest's functions must be those that were checked. */
static int check_entries(const struct ucall_backend *b)
{
	const uint64_t send[2] = { (uint64_t)(uintptr_t)b->ops.send_cmd,
				   (uint64_t)(uintptr_t)b->ops.send_cmd_shared };

	for (int i = 0; i < 2; i++)
		if (send[i] && send[i] - b->code >= b->note.native.size)
			return ucall_fail(ENOEXEC,
					  "its %s is not in the section ucall_guest; mark it "
					  "UCALL_DOORBELL",
					  i ? "send_cmd_shared" : "send_cmd");
	return 0;
}

/* Runs code of the plugin for the first time: its constructors. */
static int map(struct ucall_backend *b)
{
	const struct ucall_note *note = &b->note;
	const struct ucall_ops *ops;
	struct link_map *link = NULL;
	char name[64];
	void *handle;

	/*
	 * The dynamic linker takes an object of the same name for the same object.  This name stays
	 * right for as long as the descriptor is open, for a debugger too.
	 */
	snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)getpid(), b->fd);
	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return ucall_fail(ENOEXEC, "cannot be loaded: %s", dlerror());
	if (dlinfo(handle, RTLD_DI_LINKMAP, &link) || !link)
		return ucall_fail(ENOEXEC, "cannot be loaded: %s", dlerror());
	b->code = link->l_addr + note->native.link_address;
	if (memcmp((const void *)(link->l_addr + note->address), note->descriptor,
		   note->descriptor_size) ||
	    memcmp((const void *)(uintptr_t)b->code, note->native.bytes, note->native.size))
		return ucall_fail(ESTALE,
				  "the file was changed after this process had loaded it; replace "
				  "files instead of writing over them, and run again");
	ops = dlsym(handle, "ucall_ops");
	if (!ops)
		return ucall_fail(ENOEXEC, "no symbol ucall_ops");
	if (ucall_backend_copy_ops(&b->ops, ops))
		return -1;
	return check_entries(b);
}

static void discard(struct ucall_backend *b)
{
	if (b->fd >= 0)
		close(b->fd);
	free(b->file);
	free(b->path);
	free(b);
}

static bool same_file(const struct ucall_backend *b, const struct stat *st)
{
	return b->device == st->st_dev && b->inode == st->st_ino &&
	       b->size == (uint64_t)st->st_size && b->mtime == st->st_mtim.tv_sec &&
	       b->mtime_ns == st->st_mtim.tv_nsec;
}

/* Opens and reads a plugin's file; not mapped yet.  Takes over `path`. */
static struct ucall_backend *open_file(char *path)
{
	struct ucall_backend *b = calloc(1, sizeof(*b));
	struct stat st;

	if (!b) {
		ucall_fail(ENOMEM, "out of memory");
		free(path);
		return NULL;
	}
	b->path = path;
	b->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (b->fd < 0) {
		ucall_fail(errno, "cannot open %s: %s", path, strerror(errno));
		discard(b);
		return NULL;
	}
	b->file = read_file(b->fd, path, &st);
	if (!b->file) {
		discard(b);
		return NULL;
	}
	b->device = st.st_dev;
	b->inode = st.st_ino;
	b->size = (uint64_t)st.st_size;
	b->mtime = st.st_mtim.tv_sec;
	b->mtime_ns = st.st_mtim.tv_nsec;
	return b;
}

static int read_note(struct ucall_backend *b)
{
	if (ucall_note_read(b->file, b->size, &b->note))
		return ucall_fail_in("%s", b->path);
	if (!b->note.native.size) {
		ucall_fail(EOPNOTSUPP, "%s: it has no guest code for %s", b->path,
			   ucall_arch_native.name);
		return -1;
	}
	return 0;
}

static const struct ucall_backend *load_locked(char *path)
{
	struct ucall_backend *b;
	struct stat st;

	if (!stat(path, &st)) {
		for (b = loaded; b; b = b->next) {
			if (same_file(b, &st)) {
				free(path);
				return b;
			}
		}
	}
	b = open_file(path);
	if (!b)
		return NULL;
	if (read_note(b)) {
		discard(b);
		return NULL;
	}
	if (map(b)) {
		ucall_fail_in("%s", b->path);
		/* If it was mapped it stays, and so must the name by which it was. */
		if (!b->code)
			discard(b);
		return NULL;
	}
	b->next = loaded;
	loaded = b;
	return b;
}

const struct ucall_backend *ucall_backend_load(const char *name)
{
	const struct ucall_backend *b;
	char *path = find_path(name);

	if (!path)
		return NULL;
	pthread_mutex_lock(&lock);
	b = load_locked(path);
	pthread_mutex_unlock(&lock);
	return b;
}

/* ---- listing ---- */

static void describe(struct ucall_backend_info *info, char *path)
{
	struct ucall_backend *b = open_file(strdup(path));

	info->path = path;
	if (!b || read_note(b))
		info->problem = strdup(ucall_error());
	if (!b)
		return;
	info->metadata = b->note.metadata;
	info->archs = b->note.archs;
	discard(b);
}

struct list {
	struct ucall_backend_info *infos;
	size_t count, room;
};

static bool listed(const struct list *list, const char *name)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *base = strrchr(list->infos[i].path, '/');

		if (!strcmp(base ? base + 1 : list->infos[i].path, name))
			return true;
	}
	return false;
}

static int add_folder(void *data, const char *folder)
{
	struct list *list = data;
	struct dirent *entry;
	DIR *dir = opendir(folder);
	int r = 0;

	while (!r && dir && (entry = readdir(dir))) {
		size_t n = strlen(entry->d_name);
		char *path;

		if (n <= strlen(PREFIX SUFFIX) || strncmp(entry->d_name, PREFIX, strlen(PREFIX)) ||
		    strcmp(entry->d_name + n - strlen(SUFFIX), SUFFIX) ||
		    listed(list, entry->d_name))
			continue;
		if (list->count + 1 >= list->room) {
			size_t room = list->room ? 2 * list->room : 8;
			void *p = realloc(list->infos, room * sizeof(*list->infos));

			if (!p) {
				r = -1;
				break;
			}
			list->infos = p;
			list->room = room;
		}
		if (asprintf(&path, "%s/%s", folder, entry->d_name) < 0) {
			r = -1;
			break;
		}
		memset(&list->infos[list->count], 0, sizeof(list->infos[0]));
		describe(&list->infos[list->count++], path);
	}
	if (dir)
		closedir(dir);
	return r;
}

static int by_name(const void *a, const void *b)
{
	const struct ucall_backend_info *x = a, *y = b;

	return strcmp(strrchr(x->path, '/'), strrchr(y->path, '/'));
}

struct ucall_backend_info *ucall_backends(size_t *count)
{
	struct list list = { NULL, 0, 0 };

	*count = 0;
	if (for_each_folder(add_folder, &list) || (!list.infos && !(list.infos = calloc(1, sizeof(
										     *list.infos))))) {
		ucall_fail(ENOMEM, "out of memory");
		if (list.infos)
			memset(&list.infos[list.count], 0, sizeof(list.infos[0]));
		ucall_backends_free(list.infos);
		return NULL;
	}
	if (list.count)
		qsort(list.infos, list.count, sizeof(list.infos[0]), by_name);
	memset(&list.infos[list.count], 0, sizeof(list.infos[0])); /* ends it for the free */
	*count = list.count;
	return list.infos;
}

struct ucall_backend_info *ucall_backend_find(const char *config)
{
	struct ucall_backend_info *info;
	char *name = ucall_config_name(config), *path;

	if (!name)
		return NULL;
	path = find_path(name);
	free(name);
	if (!path)
		return NULL;
	info = calloc(2, sizeof(*info));
	if (!info) {
		free(path);
		ucall_fail(ENOMEM, "out of memory");
		return NULL;
	}
	describe(info, path);
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
		ucall_fail(ENOENT,
			   "no backend is the default for this VM; name one in $UCALL_BACKEND "
			   "(`ucall list` shows what there is)");
	ucall_backends_free(all);
	return name;
}
