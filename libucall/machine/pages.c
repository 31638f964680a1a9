// SPDX-License-Identifier: MIT
/* See pages.h. */
#include <errno.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "pages.h"

#define MIB ((size_t)1 << 20)

/* Reserves whole MiB, aligned to 1 MiB; *mapping is what to unmap, 1 MiB more. */
static uint8_t *reserve(size_t size, void **mapping)
{
	void *p = mmap(NULL, size + MIB, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED) {
		ucall_fail(errno, "cannot reserve %zu bytes for guest memory: %s", size,
			   strerror(errno));
		return NULL;
	}
	*mapping = p;
	return (uint8_t *)(((uintptr_t)p + MIB - 1) & ~(uintptr_t)(MIB - 1));
}

static int map_alias(const struct ucall_memory *mem, uint8_t *at)
{
	if (mmap(at, mem->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, mem->alias, 0) ==
	    MAP_FAILED)
		return ucall_fail(errno, "cannot map %zu bytes of guest memory twice: %s",
				  mem->size, strerror(errno));
	/* A forked child must not write to its parent's guest: it gets no view. */
	return madvise(at, mem->size, MADV_DONTFORK) ? ucall_fail_call("madvise") : 0;
}

/* Puts the same memory in both places. */
static int make_alias(struct ucall_memory *mem)
{
	struct rlimit limit;
	int fd;

	/* ftruncate() would end the process by SIGXFSZ. */
	if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < mem->size)
		return ucall_fail(
			EFBIG,
			"%zu bytes of guest memory are a file in memory, and the limit for files "
			"is %llu; raise it (ulimit -f unlimited)",
			mem->size, (unsigned long long)limit.rlim_cur);
	fd = memfd_create("ucall guest", MFD_CLOEXEC);
	if (!fd) { /* 0 means none */
		fd = fcntl(0, F_DUPFD_CLOEXEC, 1);
		close(0);
	}
	if (fd < 0)
		return ucall_fail_call("memfd_create");
	mem->alias = fd;
	if (ftruncate(fd, (off_t)mem->size))
		return ucall_fail_call("ftruncate");
	return map_alias(mem, mem->private_base) || map_alias(mem, mem->base) ? -1 : 0;
}

int ucall_pages_show(const struct ucall_memory *mem, uint64_t gpa, uint64_t size, bool is_shown)
{
	return mprotect(mem->base + gpa, size, is_shown ? PROT_READ | PROT_WRITE : PROT_NONE)
		       ? ucall_fail_call("mprotect")
		       : 0;
}

int ucall_pages_init(struct ucall_memory *mem, size_t size, enum ucall_private_memory kind)
{
	/* KVM on s390x needs addresses and sizes in whole MiB (KVM API document, 4.35). */
	size = (size + MIB - 1) & ~(MIB - 1);
	mem->base = reserve(size, &mem->mapping);
	if (!mem->base)
		return -1;
	mem->size = mem->end = size;
	mem->private_base =
		kind == UCALL_PRIVATE_SAME ? mem->base : reserve(size, &mem->private_mapping);
	if (!mem->private_base || (kind == UCALL_PRIVATE_ALIAS && make_alias(mem)))
		return -1;
	mem->next = UCALL_PAGE_SIZE; /* address 0 means none */
	return 0;
}

void ucall_pages_fini(struct ucall_memory *mem)
{
	if (mem->mapping)
		munmap(mem->mapping, mem->size + MIB);
	if (mem->private_mapping)
		munmap(mem->private_mapping, mem->size + MIB);
	if (mem->alias)
		close(mem->alias);
	mem->mapping = mem->private_mapping = NULL;
	mem->alias = 0;
}

static bool has_room(const struct ucall_memory *mem, size_t count)
{
	uint64_t left = (mem->end - mem->next) / UCALL_PAGE_SIZE;

	if (count && count <= left)
		return true;
	ucall_fail(ENOMEM,
		   "guest memory is exhausted: %zu pages wanted, %llu of %zu left; "
		   "set a larger mem_size",
		   count, (unsigned long long)left, mem->size / UCALL_PAGE_SIZE);
	return false;
}

/*
 * Single pages are tables and descriptors, which are read and written.  A page that is read first
 * is the kernel's zero page.  The first write replaces that, for which the kernel calls KVM's MMU
 * notifier of each VM of the process.
 */
static void fault_in(const struct ucall_memory *mem, uint64_t gpa)
{
	volatile uint8_t *p = ucall_memory_pointer(mem, gpa, 1);

	if (p)
		*p = 0;
}

uint64_t ucall_memory_alloc_pages(struct ucall_memory *mem, size_t count)
{
	uint64_t gpa = mem->next;

	if (!has_room(mem, count))
		return 0;
	mem->next += count * UCALL_PAGE_SIZE;
	if (count == 1)
		fault_in(mem, gpa);
	return gpa;
}

/* From the other end, so that private memory stays in one piece. */
uint64_t ucall_memory_alloc_shared_pages(struct ucall_memory *mem, size_t count)
{
	if (!mem->has_private)
		return ucall_memory_alloc_pages(mem, count);
	if (!has_room(mem, count))
		return 0;
	mem->end -= count * UCALL_PAGE_SIZE;
	return mem->end;
}

void *ucall_memory_side(const struct ucall_memory *mem, uint64_t gpa, size_t size, bool is_shared)
{
	if (gpa >= mem->size || size > mem->size - gpa)
		return NULL;
	return (is_shared ? mem->base : mem->private_base) + gpa;
}

void *ucall_memory_pointer(const struct ucall_memory *mem, uint64_t gpa, size_t size)
{
	return ucall_memory_side(mem, gpa, size, gpa >= mem->end);
}
