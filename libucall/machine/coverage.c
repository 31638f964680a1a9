// SPDX-License-Identifier: MIT
/* See coverage.h. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/elf-file.h"
#include "base/error.h"
#include "coverage.h"
#include "memory.h"

/* Counters that follow each other, by their addresses in the file. */
struct range {
	uint64_t start, end;
};

struct ranges {
	struct range *of;
	size_t count, room;
	bool failed; /* after ucall_fail() */
};

struct ucall_coverage {
	size_t count;
	struct {
		uint64_t *guest, *host;
		size_t words;
	} of[];
};

/* ---- the program's counters: those of its file, found once ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ranges program;
static bool is_known;

/* gcc: one symbol for each function; clang: one for each function, numbered. */
static bool is_counter(const char *name)
{
	static const char gcc[] = "__gcov0.", clang[] = "__llvm_gcov_ctr";
	const size_t n = sizeof(clang) - 1;

	return !strncmp(name, gcc, sizeof(gcc) - 1) ||
	       (!strncmp(name, clang, n) && (!name[n] || name[n] == '.'));
}

static bool visit_object(void *data, const char *name, uint64_t address, uint64_t size)
{
	struct ranges *r = data;

	if (!is_counter(name) || !size || (address | size) % sizeof(uint64_t))
		return true;
	if (r->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct range *more = ucall_realloc(r->of, room * sizeof(*more));

		if (!more) {
			r->failed = true;
			return false;
		}
		r->of = more;
		r->room = room;
	}
	r->of[r->count++] = (struct range){ address, address + size };
	return true;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;

	return (x > y) - (x < y);
}

/* Sorts, and joins what touches. */
static void join(struct ranges *r)
{
	size_t kept = 0;

	if (!r->count)
		return;
	qsort(r->of, r->count, sizeof(r->of[0]), compare);
	for (size_t i = 1; i < r->count; i++) {
		if (r->of[i].start <= r->of[kept].end) {
			if (r->of[i].end > r->of[kept].end)
				r->of[kept].end = r->of[i].end;
		} else {
			r->of[++kept] = r->of[i];
		}
	}
	r->count = kept + 1;
}

static int find(int file)
{
	struct ranges found = { 0 };
	struct ucall_elf elf;
	struct stat st;
	void *bytes;

	if (is_known)
		return 0;
	bytes = fstat(file, &st) ? MAP_FAILED
				 : mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		return ucall_fail(errno, "cannot read the program's symbols: %s", strerror(errno));
	if (!ucall_elf_open(&elf, bytes, (size_t)st.st_size, NULL)) {
		ucall_elf_objects(&elf, visit_object, &found);
		ucall_elf_close(&elf);
	}
	munmap(bytes, (size_t)st.st_size);
	if (found.failed) {
		ucall_free(found.of);
		return -1;
	}
	join(&found);
	program = found;
	is_known = true;
	return 0;
}

/* ---- a VM's ---- */

int ucall_coverage_begin(struct ucall_machine *vm, int file, uint64_t base)
{
	struct ucall_coverage *c;
	size_t count;
	int r;

	/* The host cannot read it. */
	if (vm->memory.has_private)
		return 0;
	pthread_mutex_lock(&lock);
	r = find(file);
	pthread_mutex_unlock(&lock);
	count = r ? 0 : program.count; /* it does not change any more */
	if (!count)
		return r;
	c = ucall_calloc(1, sizeof(*c) + count * sizeof(c->of[0]));
	if (!c)
		return -1;
	vm->coverage = c;
	for (size_t i = 0; i < count; i++) {
		const struct range *from = &program.of[i];
		uint64_t address = base + from->start;
		uint64_t *guest = ucall_memory_view(vm, address, from->end - from->start);

		if (!guest)
			return -1;
		c->of[c->count].guest = guest;
		c->of[c->count].host = (uint64_t *)(uintptr_t)address;
		c->of[c->count++].words = (from->end - from->start) / sizeof(uint64_t);
		/* Only where it counts from; zero pages stay unpopulated. */
		for (size_t k = 0; k < c->of[i].words; k++)
			if (guest[k])
				guest[k] = 0;
	}
	return 0;
}

void ucall_coverage_end(struct ucall_machine *vm)
{
	free(vm->coverage);
	vm->coverage = NULL;
}

int ucall_coverage_collect(const struct ucall_machine *vm)
{
	const struct ucall_coverage *c = vm->coverage;
	int changed = 0;

	for (size_t i = 0; c && i < c->count; i++)
		for (size_t k = 0; k < c->of[i].words; k++) {
			uint64_t *guest = &c->of[i].guest[k];
			uint64_t n = __atomic_load_n(guest, __ATOMIC_RELAXED);

			if (!n)
				continue;
			__atomic_store_n(guest, 0, __ATOMIC_RELAXED);
			__atomic_fetch_add(&c->of[i].host[k], n, __ATOMIC_RELAXED);
			if (changed < INT_MAX)
				changed++;
		}
	return changed;
}
