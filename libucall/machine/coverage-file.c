// SPDX-License-Identifier: MIT
/* See coverage-file.h.  Structures and format: gcc's libgcov.h and gcov-io.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "coverage-file.h"
#include "image.h"
#include "memory.h"

#define SECTION "gcov_info"
#define OLDEST 12 /* gcc's version; sizes were in words before it */

#define MAGIC 0x67636461 /* "gcda" */
#define TAG_FUNCTION 0x01000000
#define TAG_ARCS 0x01a10000
#define TAG_SUMMARY 0xa1000000

/* struct gcov_info: offsets in a 64-bit guest. */
#define INFO_VERSION 0
#define INFO_STAMP 16
#define INFO_CHECKSUM 20
#define INFO_NAME 24
#define INFO_MERGE 32 /* a function for each kind of counter, NULL if there are none */
#define MERGE_MOST 16

/* struct gcov_fn_info, with counters of arcs alone. */
#define FUNCTION_SIZE 40
#define FUNCTION_IDENT 8
#define FUNCTION_LINES 12
#define FUNCTION_GRAPH 16
#define FUNCTION_COUNT 24
#define FUNCTION_VALUES 32

#define COUNTERS_MOST (1u << 20) /* of a function */

/* ---- what is in the ELF file ---- */

struct source {
	const struct ucall_machine *vm;
	const struct ucall_elf *elf;
	uint64_t merge; /* the function that arcs have */
};

static bool read32(const struct source *s, uint64_t address, uint32_t *value)
{
	const uint8_t *at = ucall_elf_at(s->elf, address, sizeof(*value));

	if (at)
		memcpy(value, at, sizeof(*value));
	*value = at ? ucall_guest32(s->vm->arch, *value) : 0;
	return at;
}

static bool read64(const struct source *s, uint64_t address, uint64_t *value)
{
	const uint8_t *at = ucall_elf_at(s->elf, address, sizeof(*value));

	if (at)
		memcpy(value, at, sizeof(*value));
	*value = at ? ucall_guest64(s->vm->arch, *value) : 0;
	return at;
}

static int fail_format(const struct source *s)
{
	return ucall_fail(EINVAL,
			  "%s: its coverage is not that of gcc %d or later with --coverage alone",
			  s->vm->image->name, OLDEST);
}

/* A name in the file's data. */
static const char *name_at(const struct source *s, uint64_t address)
{
	for (size_t size = 1; size <= PATH_MAX; size++) {
		const uint8_t *at = ucall_elf_at(s->elf, address, size);

		if (!at)
			return NULL;
		if (!at[size - 1])
			return (const char *)at;
	}
	return NULL;
}

/* ---- the .gcda file ---- */

struct data {
	uint32_t *words; /* in the guest's byte order */
	size_t count, room;
	bool failed;
};

static void put(struct data *d, const struct ucall_arch *arch, uint32_t word)
{
	if (d->count == d->room) {
		size_t room = d->room ? 2 * d->room : 256;
		uint32_t *more = ucall_realloc(d->words, room * sizeof(*more));

		d->failed = d->failed || !more;
		if (!more)
			return;
		d->words = more;
		d->room = room;
	}
	d->words[d->count++] = ucall_guest32(arch, word);
}

/* What an older file has of it, read in the same order; NULL: there is none, or it is another's. */
struct old {
	const uint32_t *words;
	size_t count, at;
};

static bool take(struct old *o, const struct ucall_arch *arch, uint32_t *word)
{
	if (!o->words || o->at == o->count)
		return false;
	*word = ucall_guest32(arch, o->words[o->at++]);
	return true;
}

static bool takes(struct old *o, const struct ucall_arch *arch, uint32_t wanted)
{
	uint32_t word;

	return take(o, arch, &word) && word == wanted;
}

/* The old counters of a function, added to those in `values`; false: it is another's file. */
static bool add_old(struct old *o, const struct ucall_arch *arch, const uint32_t ident[3],
		    uint64_t *values, uint32_t count)
{
	uint32_t size, low, high;

	if (!takes(o, arch, TAG_FUNCTION) || !takes(o, arch, 12))
		return false;
	for (int i = 0; i < 3; i++)
		if (!takes(o, arch, ident[i]))
			return false;
	if (!takes(o, arch, TAG_ARCS) || !take(o, arch, &size))
		return false;
	if (size == -(8 * count))
		return true; /* all are 0 */
	if (size != 8 * count)
		return false;
	for (uint32_t i = 0; i < count; i++) {
		if (!take(o, arch, &low) || !take(o, arch, &high))
			return false;
		values[i] += (uint64_t)high << 32 | low;
	}
	return true;
}

/* One function: reads and clears its counters in guest memory.  Returns how many were not 0. */
static int add_function(struct ucall_machine *vm, const struct source *s, uint64_t at,
			struct data *d, struct old *o)
{
	const struct ucall_arch *arch = vm->arch;
	uint32_t ident[3], count;
	uint64_t from, *values;
	bool is_zero = true;
	int changed = 0;

	if (!read32(s, at + FUNCTION_IDENT, &ident[0]) ||
	    !read32(s, at + FUNCTION_LINES, &ident[1]) ||
	    !read32(s, at + FUNCTION_GRAPH, &ident[2]) || !read32(s, at + FUNCTION_COUNT, &count) ||
	    !read64(s, at + FUNCTION_VALUES, &from) || !count || count > COUNTERS_MOST)
		return fail_format(s);
	values = ucall_calloc(count, sizeof(*values));
	if (!values)
		return -1;
	if (ucall_memory_read(vm, vm->memory.root, from, values, count * sizeof(*values))) {
		free(values);
		return -1;
	}
	for (uint32_t i = 0; i < count; i++) {
		values[i] = ucall_guest64(arch, values[i]);
		changed += values[i] != 0;
	}
	if (!add_old(o, arch, ident, values, count))
		o->words = NULL;
	for (uint32_t i = 0; i < count; i++)
		is_zero = is_zero && !values[i];
	put(d, arch, TAG_FUNCTION);
	put(d, arch, 12);
	for (int i = 0; i < 3; i++)
		put(d, arch, ident[i]);
	put(d, arch, TAG_ARCS);
	put(d, arch, is_zero ? -(8 * count) : 8 * count);
	for (uint32_t i = 0; i < count && !is_zero; i++) {
		put(d, arch, (uint32_t)values[i]);
		put(d, arch, (uint32_t)(values[i] >> 32));
	}
	memset(values, 0, count * sizeof(*values));
	if (changed &&
	    ucall_memory_write(vm, vm->memory.root, from, values, count * sizeof(*values)))
		changed = -1;
	free(values);
	return changed;
}

/* The list of the functions of one source file. */
static bool find_functions(const struct source *s, uint64_t info, uint64_t *list, uint32_t *count)
{
	uint64_t at = info + INFO_MERGE, merge = 0;

	/* The number of kinds differs between versions of gcc; only arcs may be counted. */
	for (int i = 0; i < MERGE_MOST; i++, at += 8) {
		if (!read64(s, at, &merge))
			return false;
		if (i == 0 ? merge != s->merge : merge != 0)
			break;
	}
	return merge && read32(s, at, count) && read64(s, at + 8, list) && *count <= COUNTERS_MOST;
}

static int build(struct ucall_machine *vm, const struct source *s, uint64_t info, struct data *d,
		 struct old *o)
{
	const struct ucall_arch *arch = vm->arch;
	uint32_t version, stamp, checksum, count, runs = 0, most;
	uint64_t list, function;
	int changed = 0;

	if (!read32(s, info + INFO_VERSION, &version) || !read32(s, info + INFO_STAMP, &stamp) ||
	    !read32(s, info + INFO_CHECKSUM, &checksum) ||
	    !find_functions(s, info, &list, &count) || (version >> 24) - 'A' > 9 ||
	    ((version >> 24) - 'A') * 10 + (version >> 16 & 0xff) - '0' < OLDEST)
		return fail_format(s);
	if (!takes(o, arch, MAGIC) || !takes(o, arch, version) || !takes(o, arch, stamp) ||
	    !takes(o, arch, checksum) || !takes(o, arch, TAG_SUMMARY) || !takes(o, arch, 8) ||
	    !take(o, arch, &runs) || !take(o, arch, &most)) {
		o->words = NULL;
		runs = 0;
	}
	put(d, arch, MAGIC);
	put(d, arch, version);
	put(d, arch, stamp);
	put(d, arch, checksum);
	put(d, arch, TAG_SUMMARY);
	put(d, arch, 8);
	put(d, arch, runs + 1);
	put(d, arch, 0); /* the largest counter, which gcov does not read */
	for (uint32_t i = 0; i < count; i++) {
		int n;

		if (!read64(s, list + 8ull * i, &function))
			return fail_format(s);
		n = add_function(vm, s, function, d, o);
		if (n < 0)
			return -1;
		changed = changed > INT_MAX - n ? INT_MAX : changed + n;
	}
	put(d, arch, 0);
	return d->failed ? -1 : changed;
}

/* Reads a file whole; empty without one. */
static uint32_t *read_old(int fd, size_t *count)
{
	struct stat st;
	uint32_t *words;

	*count = 0;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < 4 || st.st_size > INT_MAX)
		return NULL;
	words = malloc((size_t)st.st_size);
	if (words && pread(fd, words, (size_t)st.st_size, 0) == st.st_size)
		*count = (size_t)st.st_size / sizeof(*words);
	return words;
}

static int fail_file(const char *name)
{
	return ucall_fail(errno, "cannot write the guest's coverage to %s: %s", name,
			  strerror(errno));
}

/* One source file of the guest. */
static int write_file(struct ucall_machine *vm, const struct source *s, uint64_t info)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	struct data d = { .words = NULL };
	struct old old = { .at = 0 };
	uint32_t *words;
	const char *name;
	uint64_t at;
	size_t size;
	int fd, r;

	name = read64(s, info + INFO_NAME, &at) ? name_at(s, at) : NULL;
	if (!name)
		return fail_format(s);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return fail_file(name);
	/* As programs do that write the same file. */
	while (fcntl(fd, F_SETLKW, &lock) && errno == EINTR)
		continue;
	words = read_old(fd, &old.count);
	old.words = words;
	r = build(vm, s, info, &d, &old);
	size = d.count * sizeof(*d.words);
	if (r >= 0 && (pwrite(fd, d.words, size, 0) != (ssize_t)size || ftruncate(fd, (off_t)size)))
		r = fail_file(name);
	if (close(fd) && r >= 0)
		r = fail_file(name);
	free(words);
	free(d.words);
	return r;
}

int ucall_coverage_write(struct ucall_machine *vm)
{
	struct source s = { vm, &vm->image->elf, 0 };
	uint64_t at, size, info;
	int changed = 0;

	if (!ucall_elf_find_section(s.elf, SECTION, &at, &size) ||
	    !ucall_elf_find_symbol(s.elf, "__gcov_merge_add", &s.merge))
		return ucall_fail(
			ENOENT,
			"%s has no counters; compile it with `ucall cc --coverage`, and do "
			"not strip it",
			vm->image->name);
	for (uint64_t i = 0; i < size / 8; i++) {
		int n = read64(&s, at + 8 * i, &info) ? write_file(vm, &s, info) : fail_format(&s);

		if (n < 0)
			return -1;
		changed = changed > INT_MAX - n ? INT_MAX : changed + n;
	}
	return changed;
}
