// SPDX-License-Identifier: MIT
/* See snapshot.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "report/fault.h"
#include "base/file.h"
#include "memory.h"
#include "process.h"
#include "protect/protect.h"
#include "channel/runner.h"
#include "snapshot.h"

/* What the core itself knows of a vCPU. */
struct vcpu_state {
	struct ucall_exit exit;
	struct ucall_fault_info fault;
	char *report;
	bool dead;
	struct ucall_queue_place place;
	struct ucall_outcome later;
};

struct ucall_snapshot {
	/* Guest memory as it was, and private memory that lies apart; -1: there is none. */
	int fd, private_fd;
	bool taken; /* all of it; else the last attempt failed */
	struct ucall_memory memory; /* what is given out; its pointers do not change */
	unsigned int vcpu_count;
	struct vcpu_state *vcpus; /* by number */
	void *engine_state;
	void *protect_state; /* NULL: memory is not encrypted */
};

/* ---- memory ---- */

/* Bits of an entry of /proc/self/pagemap (Linux, Documentation/admin-guide/mm/pagemap.rst). */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_SWAPPED (1ull << 62)
#define PAGE_OF_FILE (1ull << 61) /* as it is in the file, or shared */

#define CHUNK 512u /* pages whose entries are read at once */

/* Writes to the file what differs from it: pages that have been written since they were mapped. */
static int save_pages(const uint8_t *base, size_t size, int fd, int pagemap)
{
	const uint64_t first = (uintptr_t)base / UCALL_PAGE_SIZE, count = size / UCALL_PAGE_SIZE;
	uint64_t entries[CHUNK];

	for (uint64_t i = 0; i < count; i += CHUNK) {
		uint64_t n = count - i < CHUNK ? count - i : CHUNK;

		if (pread(pagemap, entries, n * sizeof(entries[0]),
			  (off_t)((first + i) * sizeof(entries[0]))) !=
		    (ssize_t)(n * sizeof(entries[0])))
			return ucall_fail(EIO,
					  "ucall_vm_snapshot: /proc/self/pagemap cannot be read; is "
					  "/proc mounted?");
		for (uint64_t k = 0; k < n; k++) {
			off_t at = (off_t)((i + k) * UCALL_PAGE_SIZE);

			if (!(entries[k] & (PAGE_PRESENT | PAGE_SWAPPED)) ||
			    ((entries[k] & PAGE_OF_FILE) && (entries[k] & PAGE_PRESENT)))
				continue;
			if (pwrite(fd, base + at, UCALL_PAGE_SIZE, at) != UCALL_PAGE_SIZE)
				return ucall_fail(
					errno,
					"ucall_vm_snapshot: no memory for the guest's pages: %s",
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
				errno, "ucall_vm_snapshot: a file of %zu bytes in memory: %s%s",
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
		return ucall_fail(errno, "ucall_vm_snapshot: mapping guest memory: %s",
				  strerror(errno));
	return 0;
}

static int save_memory(const struct ucall_vm *vm, struct ucall_snapshot *s)
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

/* ---- vCPUs ---- */

static void drop_vcpus(const struct ucall_vm *vm, struct ucall_snapshot *s)
{
	for (unsigned int i = 0; s->vcpus && i < s->vcpu_count; i++)
		free(s->vcpus[i].report);
	free(s->vcpus);
	if (vm->engine->free_state)
		vm->engine->free_state(s->engine_state);
	if (vm->protect && vm->protect->free_state)
		vm->protect->free_state(s->protect_state);
	s->vcpus = NULL;
	s->engine_state = s->protect_state = NULL;
	s->vcpu_count = 0;
}

static int save_vcpus(struct ucall_vm *vm, struct ucall_snapshot *s)
{
	s->vcpus = ucall_calloc(vm->vcpu_count + 1, sizeof(*s->vcpus));
	if (!s->vcpus)
		return -1;
	s->vcpu_count = vm->vcpu_count;
	for (const struct ucall_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
		struct vcpu_state *to = &s->vcpus[vcpu->number];

		to->exit = vcpu->exit;
		to->fault = vcpu->fault;
		to->dead = vcpu->dead;
		to->place = vcpu->place;
		to->later = vcpu->later;
		if (vcpu->report && !(to->report = ucall_strdup(vcpu->report)))
			return -1;
	}
	s->engine_state = vm->engine->save(vm);
	if (!s->engine_state)
		return -1;
	if (vm->protect)
		s->protect_state = vm->protect->save(vm);
	return vm->protect && !s->protect_state ? -1 : 0;
}

static int load_vcpus(struct ucall_vm *vm, const struct ucall_snapshot *s)
{
	for (struct ucall_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
		const struct vcpu_state *from = &s->vcpus[vcpu->number];
		char *report = from->report ? ucall_strdup(from->report) : NULL;

		if (from->report && !report)
			return -1;
		ucall_fault_clear(vcpu);
		vcpu->report = report;
		vcpu->exit = from->exit;
		vcpu->fault = from->fault;
		vcpu->dead = from->dead;
		vcpu->place = from->place;
		vcpu->later = from->later;
	}
	if (vm->engine->load(vm, s->engine_state))
		return -1;
	return vm->protect ? vm->protect->load(vm, s->protect_state) : 0;
}

/* ---- the whole ---- */

static int check(const struct ucall_vm *vm, const char *what)
{
	if (ucall_process_check(vm, what))
		return -1;
	if (vm->protect && !vm->protect->save)
		return ucall_fail(
			EOPNOTSUPP,
			"%s: the memory and registers of an %s VM are encrypted, and cannot be set "
			"to what they were",
			what, vm->protection->name);
	if (!vm->engine->save)
		return ucall_fail(EOPNOTSUPP,
				  "%s: engine %s of this version cannot do it for guests of %s",
				  what, vm->engine->name, vm->arch->name);
	if (!__atomic_load_n(&vm->launched, __ATOMIC_ACQUIRE))
		return ucall_fail(EPERM, "%s: call ucall_vm_launch() first", what);
	return 0;
}

int ucall_vm_snapshot(struct ucall_vm *vm)
{
	if (ucall_is_null(vm, "ucall_vm_snapshot"))
		return -1;
	struct ucall_snapshot *s = vm->snapshot;
	int r;

	if (check(vm, "ucall_vm_snapshot"))
		return -1;
	if (!s) {
		s = ucall_calloc(1, sizeof(*s));
		if (!s)
			return -1;
		s->fd = s->private_fd = -1;
		vm->snapshot = s;
	}
	pthread_mutex_lock(&vm->lock);
	ucall_runner_stop_all(vm);
	s->taken = false;
	drop_vcpus(vm, s);
	/* Registers first: what the last exits still have to write to memory is written by then. */
	r = save_vcpus(vm, s) || save_memory(vm, s) ? -1 : 0;
	s->memory = vm->memory;
	s->taken = !r;
	pthread_mutex_unlock(&vm->lock);
	return r;
}

int ucall_vm_restore(struct ucall_vm *vm)
{
	if (ucall_is_null(vm, "ucall_vm_restore"))
		return -1;
	const struct ucall_snapshot *s = vm->snapshot;
	int r = 0;

	if (check(vm, "ucall_vm_restore"))
		return -1;
	if (!s || !s->taken)
		return ucall_fail(EINVAL,
				  "ucall_vm_restore: there is no snapshot of this VM; take one by "
				  "ucall_vm_snapshot()");
	if (vm->vcpu_count != s->vcpu_count)
		return ucall_fail(
			EBUSY,
			"ucall_vm_restore: %u vCPUs were added after the snapshot, and cannot be "
			"taken back; add them before",
			vm->vcpu_count - s->vcpu_count);
	pthread_mutex_lock(&vm->lock);
	ucall_runner_stop_all(vm);
	/* The vCPUs first, since their last exits' instructions are completed before they are set. */
	if (load_vcpus(vm, s))
		r = -1;
	else
		r = load_memory(&vm->memory);
	vm->memory = s->memory;
	pthread_mutex_unlock(&vm->lock);
	return r;
}

void ucall_snapshot_free(struct ucall_vm *vm)
{
	struct ucall_snapshot *s = vm->snapshot;

	if (!s)
		return;
	drop_vcpus(vm, s);
	if (s->fd >= 0)
		close(s->fd);
	if (s->private_fd >= 0)
		close(s->private_fd);
	free(s);
	vm->snapshot = NULL;
}
