// SPDX-License-Identifier: MIT
/* See snapshot.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "memory.h"
#include "base/process.h"
#include "protect/guard.h"
#include "protect/protect.h"
#include "snapshot.h"

struct ucall_snapshot {
	/* Guest memory as it was, and private memory if that is separate; -1: none. */
	int fd, private_fd;
	bool taken; /* completely; false: the last attempt failed */
	struct ucall_memory memory; /* what is given out; its pointers do not change */
	unsigned int vcpu_count;
	void *engine_state;
	void *protect_state; /* NULL: memory is not encrypted */
};

/* ---- memory ---- */

/* Bits of an entry of /proc/self/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)
#define PAGE_OF_FILE (1ull << 61) /* as it is in the file, or shared */

#define CHUNK 512u /* pages whose entries are read at once */

/* Writes pages to the file that differ from it: those written since they were mapped. */
static int save_pages(const uint8_t *base, size_t size, int fd, int pagemap)
{
	const uint64_t first = (uintptr_t)base / UCALL_PAGE_SIZE, count = size / UCALL_PAGE_SIZE;
	uint64_t entries[CHUNK];

	for (uint64_t i = 0; i < count; i += CHUNK) {
		uint64_t n = count - i < CHUNK ? count - i : CHUNK;

		if (pread(pagemap, entries, n * sizeof(entries[0]),
			  (off_t)((first + i) * sizeof(entries[0]))) !=
		    (ssize_t)(n * sizeof(entries[0])))
			return ucall_fail(
				EIO, "ucall_vm_snapshot: /proc/self/pagemap cannot be read; is "
				     "/proc mounted?");
		for (uint64_t k = 0; k < n; k++) {
			off_t at = (off_t)((i + k) * UCALL_PAGE_SIZE);

			if (!(entries[k] & (PAGE_PRESENT | PAGE_SWAPPED)) ||
			    ((entries[k] & PAGE_OF_FILE) && (entries[k] & PAGE_PRESENT)))
				continue;
			if (pwrite(fd, base + at, UCALL_PAGE_SIZE, at) != UCALL_PAGE_SIZE)
				return ucall_fail(
					errno,
					"ucall_vm_snapshot: cannot save the guest's pages: %s",
					strerror(errno));
		}
	}
	return 0;
}

static int save_area(int *fd, uint8_t *base, size_t size)
{
	int pagemap, r;

	if (*fd < 0) {
		*fd = memfd_create("ucall-snapshot", MFD_CLOEXEC);
		if (*fd < 0 || ftruncate(*fd, (off_t)size))
			return ucall_fail(
				errno,
				"ucall_vm_snapshot: cannot make a memory file of %zu bytes: %s%s",
				size, strerror(errno), errno == EFBIG ? " (RLIMIT_FSIZE)" : "");
	}
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		return ucall_fail(errno,
				  "ucall_vm_snapshot: /proc/self/pagemap: %s; is /proc mounted?",
				  strerror(errno));
	r = save_pages(base, size, *fd, pagemap);
	close(pagemap);
	if (r)
		return -1;
	if (mmap(base, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, *fd,
		 0) == MAP_FAILED)
		return ucall_fail(errno, "ucall_vm_snapshot: cannot map guest memory: %s",
				  strerror(errno));
	return 0;
}

static int save_memory(const struct ucall_machine *vm, struct ucall_snapshot *s)
{
	const struct ucall_memory *mem = &vm->memory;

	struct ucall_file_writing writing;
	int r;

	ucall_file_writing_begin(&writing);
	r = save_area(&s->fd, mem->base, mem->size);
	if (!r && mem->private_mapping)
		r = save_area(&s->private_fd, mem->private_base, mem->size);
	ucall_file_writing_end(&writing);
	return r;
}

static int load_memory(const struct ucall_memory *mem)
{
	if (madvise(mem->base, mem->size, MADV_DONTNEED) ||
	    (mem->private_mapping && madvise(mem->private_base, mem->size, MADV_DONTNEED)))
		return ucall_fail(errno, "ucall_vm_restore: MADV_DONTNEED: %s", strerror(errno));
	return 0;
}

/* ---- vCPUs and devices ---- */

static void drop_state(const struct ucall_machine *vm, struct ucall_snapshot *s)
{
	if (vm->engine->free_state)
		vm->engine->free_state(s->engine_state);
	if (vm->guard && vm->guard->free_state)
		vm->guard->free_state(s->protect_state);
	s->engine_state = s->protect_state = NULL;
}

static int save_state(struct ucall_machine *vm, struct ucall_snapshot *s)
{
	s->vcpu_count = vm->vcpu_count;
	s->engine_state = vm->engine->save(vm);
	if (!s->engine_state)
		return -1;
	if (vm->guard)
		s->protect_state = vm->guard->save(vm);
	return vm->guard && !s->protect_state ? -1 : 0;
}

static int load_state(struct ucall_machine *vm, const struct ucall_snapshot *s)
{
	if (vm->engine->load(vm, s->engine_state))
		return -1;
	return vm->guard ? vm->guard->load(vm, s->protect_state) : 0;
}

/* ---- snapshots ---- */

int ucall_snapshot_check(const struct ucall_machine *vm, const char *what)
{
	if (ucall_process_check(vm->process, what))
		return -1;
	if (vm->guard && !vm->guard->save)
		return ucall_fail(
			EOPNOTSUPP,
			"%s: what a guest with protection %s has is closed to the host and cannot be "
			"restored",
			what, vm->protection->name);
	if (!vm->engine->save)
		return ucall_fail(EOPNOTSUPP,
				  "%s: this version of engine %s cannot do it for guests of %s",
				  what, vm->engine->name, vm->arch->name);
	if (!ucall_machine_is_launched(vm))
		return ucall_fail(EPERM, "%s: call ucall_vm_launch() first", what);
	return 0;
}

int ucall_snapshot_take(struct ucall_machine *vm)
{
	struct ucall_snapshot *s = vm->snapshot;
	int r;

	if (!s) {
		s = ucall_calloc(1, sizeof(*s));
		if (!s)
			return -1;
		s->fd = s->private_fd = -1;
		vm->snapshot = s;
	}
	s->taken = false;
	drop_state(vm, s);
	/* Registers first: this completes the last exits, which may still write to memory. */
	r = save_state(vm, s) || save_memory(vm, s) ? -1 : 0;
	s->memory = vm->memory;
	s->taken = !r;
	return r;
}

int ucall_snapshot_check_restore(const struct ucall_machine *vm)
{
	const struct ucall_snapshot *s = vm->snapshot;

	if (!s || !s->taken)
		return ucall_fail(EINVAL,
				  "ucall_vm_restore: there is no snapshot of this VM; take one "
				  "with ucall_vm_snapshot()");
	if (vm->vcpu_count != s->vcpu_count)
		return ucall_fail(
			EBUSY,
			"ucall_vm_restore: %u vCPUs were added after the snapshot, and cannot be "
			"removed; add them before it",
			vm->vcpu_count - s->vcpu_count);
	return 0;
}

int ucall_snapshot_restore(struct ucall_machine *vm)
{
	const struct ucall_snapshot *s = vm->snapshot;
	int r;

	/* The vCPUs first: this completes their last exits' instructions before it sets them. */
	r = load_state(vm, s) || load_memory(&vm->memory) ? -1 : 0;
	vm->memory = s->memory;
	return r;
}

void ucall_snapshot_free(struct ucall_machine *vm)
{
	struct ucall_snapshot *s = vm->snapshot;

	if (!s)
		return;
	drop_state(vm, s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->private_fd >= 0)
		close(s->private_fd);
	free(s);
	vm->snapshot = NULL;
}
