// SPDX-License-Identifier: MIT
/*
 * Loading a plugin.
 *
 * A file is opened and read once, and the bytes read are checked: nothing of a refused file runs,
 * not even its constructors.  Then the dynamic linker loads it by its path, and the code that it
 * mapped, for guest and host, is compared with the checked bytes.  A file that is overwritten in
 * between is refused then, but its constructors have run.  Loading the checked bytes from a memfd
 * would close that gap, but $ORIGIN would mean /proc/PID/fd, dladdr() would name /proc/PID/fd/N,
 * and since the kernel calls such a mapping "/memfd:NAME (deleted)", core files, perf and the
 * sanitizers would find no symbols of plugins.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "base/error.h"
#include "base/file.h"
#include "base/search.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ucall_backend *loaded;

/* ---- reading a file ---- */

void ucall_backend_close(struct ucall_backend *b)
{
	free(b->file);
	free(b->path);
	free(b);
}

struct ucall_backend *ucall_backend_open(const char *path)
{
	struct ucall_backend *b = ucall_calloc(1, sizeof(*b));
	struct stat st;

	if (!b)
		return NULL;
	b->file = ucall_file_read(path, &st);
	b->path = strdup(path);
	if (!b->file || !b->path) {
		if (b->file)
			ucall_fail(ENOMEM, "out of memory");
		ucall_backend_close(b);
		return NULL;
	}
	b->identity = ucall_file_identity(&st);
	return b;
}

int ucall_backend_read(struct ucall_backend *b)
{
	if (ucall_note_read(b->file, b->identity.size, &b->note))
		return ucall_fail_in("%s", b->path);
	return 0;
}

/* ---- loading ---- */

int ucall_backend_copy_ops(struct ucall_ops *to, const struct ucall_ops *from)
{
	const size_t least = offsetof(struct ucall_ops, init); /* what every version has */

	memset(to, 0, sizeof(*to));
	if (from->abi < 1 || from->abi > UCALL_ABI)
		return ucall_fail(ENOEXEC,
				  "its ucall_ops is for plugin ABI %u; this libucall supports 1 to "
				  "%d; begin it with UCALL_OPS",
				  from->abi, UCALL_ABI);
	if (from->size < least)
		return ucall_fail(ENOEXEC,
				  "its ucall_ops has the size %u, too small; begin it with "
				  "UCALL_OPS",
				  from->size);
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	if (!to->metadata)
		return ucall_fail(ENOEXEC, "its ucall_ops has no metadata; begin it with "
					   "UCALL_OPS");
	return 0;
}

int ucall_ops_check_pairs(bool send, bool recv, bool send_shared, bool recv_shared)
{
	const bool bad_send = send && !recv, bad_recv = recv && !send && !send_shared;
	const bool bad_shared = send_shared ? !recv_shared && !recv : recv_shared;

	if (bad_send || bad_recv || bad_shared || (!send && !send_shared))
		return ucall_fail(ENOEXEC, "its ucall_ops has no complete pair: give send_cmd and "
					   "recv_cmd, "
					   "or send_cmd_shared and recv_cmd_shared (or a recv_cmd "
					   "for both), or all four");
	return 0;
}

/* Checks that the guest's functions are the checked ones, and that each has its other half. */
static int check_entries(const struct ucall_backend *b)
{
	const struct ucall_code *native = &b->note.code[ucall_arch_index(ucall_arch_native)];
	const uint64_t send[2] = { (uint64_t)(uintptr_t)b->ops.send_cmd,
				   (uint64_t)(uintptr_t)b->ops.send_cmd_shared };

	for (int i = 0; i < 2; i++)
		if (send[i] && send[i] - b->code >= native->size)
			return ucall_fail(ENOEXEC,
					  "its %s is not in the section ucall_guest; mark it "
					  "UCALL_DOORBELL",
					  i ? "send_cmd_shared" : "send_cmd");
	for (int i = 0; i < UCALL_ARCHS; i++) {
		const struct ucall_code *code = &b->note.code[i];

		if (code->size && ucall_ops_check_pairs(ucall_code_has_entry(code, &b->ops, false),
							b->ops.recv_cmd,
							ucall_code_has_entry(code, &b->ops, true),
							b->ops.recv_cmd_shared))
			return -1;
	}
	return 0;
}

/* True under a debugger, whose breakpoints change the mapped code. */
static bool is_traced(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	int tracer = 0;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "TracerPid: %d", &tracer) == 1)
			break;
	if (status)
		fclose(status);
	return tracer != 0;
}

/* Like memcmp() == 0, but may read a sanitizer's gaps between another object's constants. */
static UCALL_NO_SANITIZE bool is_equal(const void *a, const void *b, size_t size)
{
	const unsigned char *p = a, *q = b;
	unsigned char differs = 0;

	for (size_t i = 0; i < size; i++)
		differs |= p[i] ^ q[i];
	return !differs;
}

/* True if the mapped read-only segments are the same as in the file that was checked. */
static bool is_mapped_as_read(const struct ucall_backend *b, const struct link_map *link)
{
	const ElfW(Ehdr) *header = b->file;
	const ElfW(Phdr) *ph = (const void *)((const char *)b->file + header->e_phoff);

	for (unsigned int i = 0; i < header->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && !(ph[i].p_flags & PF_W) &&
		    !is_equal((const void *)(link->l_addr + ph[i].p_vaddr),
			      (const char *)b->file + ph[i].p_offset, ph[i].p_filesz))
			return is_traced();
	return true;
}

static int fail_changed(void)
{
	return ucall_fail(ESTALE, "the file was changed after this process had loaded it; replace "
				  "files instead of writing "
				  "over them, and run again");
}

/* Checks that the mapped file is the one that was read, then takes its ucall_ops. */
static int take_ops(struct ucall_backend *b, void *handle)
{
	const struct ucall_code *native = &b->note.code[ucall_arch_index(ucall_arch_native)];
	const struct ucall_ops *ops;
	struct link_map *link = NULL;

	if (dlinfo(handle, RTLD_DI_LINKMAP, &link) || !link)
		return ucall_fail(ENOEXEC, "cannot be loaded: %s", dlerror());
	b->code = native->size ? link->l_addr + native->link_address : 0;
	if (!is_mapped_as_read(b, link))
		return fail_changed();
	ops = dlsym(handle, "ucall_ops");
	if (!ops)
		return ucall_fail(ENOEXEC, "no symbol ucall_ops");
	if (ucall_backend_copy_ops(&b->ops, ops))
		return -1;
	return check_entries(b);
}

/*
 * Spells the path unlike those of the loaded plugins: the dynamic linker takes an object of the
 * same name for the same object, but the file may have been replaced.  "folder/ucall-x.so",
 * "folder/./ucall-x.so", ...
 */
static char *unused_spelling(const char *path)
{
	const char *base = strrchr(path, '/');
	size_t folder = base ? (size_t)(base + 1 - path) : 0, dots = base ? 0 : 1;
	char *name, *end;

	for (const struct ucall_backend *b = loaded; b; b = b->next)
		dots += !strcmp(b->path, path);
	name = end = malloc(strlen(path) + 2 * dots + 1);
	if (!name)
		return NULL;
	memcpy(end, path, folder);
	end += folder;
	for (; dots; dots--, end += 2)
		memcpy(end, "./", 2);
	memcpy(end, path + folder, strlen(path + folder) + 1);
	return name;
}

/* Maps the plugin, which runs its first code: the constructors. */
static int map(struct ucall_backend *b)
{
	char *name = unused_spelling(b->path);
	void *handle;

	if (!name)
		return ucall_fail(ENOMEM, "out of memory");
	handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	free(name);
	if (!handle)
		return ucall_fail(ENOEXEC, "cannot be loaded: %s", dlerror());
	if (take_ops(b, handle)) {
		dlclose(handle);
		return -1;
	}
	return 0;
}

static const struct ucall_backend *load_locked(const char *path)
{
	struct ucall_file_identity identity;
	struct ucall_backend *b;
	struct stat st;

	if (!stat(path, &st)) {
		identity = ucall_file_identity(&st);
		for (b = loaded; b; b = b->next) {
			if (ucall_file_is_same(&b->identity, &identity))
				return b;
			/*
			 * The dynamic linker would return the loaded object, with the size that the
			 * file had.
			 */
			if (b->identity.device == identity.device &&
			    b->identity.inode == identity.inode) {
				fail_changed();
				ucall_fail_in("%s", path);
				return NULL;
			}
		}
	}
	b = ucall_backend_open(path);
	if (!b)
		return NULL;
	if (ucall_backend_read(b)) {
		ucall_backend_close(b);
		return NULL;
	}
	if (map(b)) {
		ucall_fail_in("%s", b->path);
		ucall_backend_close(b);
		return NULL;
	}
	b->next = loaded;
	loaded = b;
	return b;
}

const struct ucall_backend *ucall_backend_load(const char *name)
{
	const struct ucall_backend *b;
	char *path = ucall_search(name);

	if (!path)
		return NULL;
	pthread_mutex_lock(&lock);
	b = load_locked(path);
	pthread_mutex_unlock(&lock);
	free(path);
	return b;
}
