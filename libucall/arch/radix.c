// SPDX-License-Identifier: MIT
/* Four-level page tables with 512 entries each. */
#include <errno.h>

#include "machine/pages.h"
#include "radix.h"

#define SHIFT(level) (12 + 9 * (level))

/* The entry for gva in the table at `table`, NULL if that is not in guest memory. */
static uint64_t *entry(const struct ucall_memory *mem, uint64_t table, uint64_t gva, int level)
{
	uint64_t *t = ucall_memory_entry_pointer(mem, table, UCALL_PAGE_SIZE);

	return t ? &t[gva >> SHIFT(level) & 511] : NULL;
}

uint64_t ucall_radix_new_root(struct ucall_memory *mem)
{
	uint64_t gpa = ucall_memory_alloc_pages(mem, 1);

	return gpa ? ucall_memory_entry(mem, gpa, false) : 0;
}

int ucall_radix_map(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
		    uint64_t gva, uint64_t gpa, unsigned int prot)
{
	uint64_t table = r->address(root), *e;

	for (int level = UCALL_RADIX_LEVELS - 1; level > 0; level--) {
		e = entry(mem, table, gva, level);
		if (!e || r->kind(*e, level) == UCALL_RADIX_LEAF)
			goto damaged;
		if (r->kind(*e, level) == UCALL_RADIX_NONE) {
			uint64_t new = ucall_memory_alloc_pages(mem, 1);

			if (!new)
				return -1;
			*e = r->make_table(ucall_memory_entry(mem, new, false));
		}
		table = r->address(*e);
	}
	e = entry(mem, table, gva, 0);
	if (!e)
		goto damaged;
	*e = r->make_leaf(
		ucall_memory_entry(mem, gpa, prot & (UCALL_MAP_SHARED | UCALL_MAP_DEVICE)), prot);
	return 0;

damaged:
	return ucall_fail(EFAULT, "the guest has damaged its page tables: cannot map 0x%llx",
			  (unsigned long long)gva);
}

void ucall_radix_share(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t to,
		       uint64_t from, uint64_t gva)
{
	const int top = UCALL_RADIX_LEVELS - 1;
	uint64_t *e = entry(mem, r->address(to), gva, top),
		 *f = entry(mem, r->address(from), gva, top);

	if (e && f)
		__atomic_store_n(e, *f, __ATOMIC_RELEASE);
}

int ucall_radix_walk(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
		     uint64_t gva, uint64_t *gpa, unsigned int *prot)
{
	uint64_t table = r->address(root), e, offset;
	enum ucall_radix_kind kind;

	if (!r->is_address(gva))
		return -1;
	*prot = UCALL_MAP_WRITE | UCALL_MAP_EXEC;
	for (int level = UCALL_RADIX_LEVELS - 1; level >= 0; level--) {
		const uint64_t *p = entry(mem, table, gva, level);

		if (!p)
			return -1;
		e = __atomic_load_n(p, __ATOMIC_RELAXED); /* once: the guest may be writing */
		kind = r->kind(e, level);
		if (kind == UCALL_RADIX_NONE)
			return -1;
		*prot = r->restrict_prot(e, kind == UCALL_RADIX_LEAF, *prot);
		if (kind == UCALL_RADIX_LEAF) {
			offset = (1ull << SHIFT(level)) - 1;
			*gpa = (ucall_memory_entry_address(mem, r->address(e)) & ~offset) |
			       (gva & offset);
			if (ucall_memory_entry_is_shared(mem, r->address(e)))
				*prot |= UCALL_MAP_SHARED;
			return 0;
		}
		table = r->address(e);
	}
	return -1;
}

/* The first address of the upper half, for those of 48 bits. */
#define UPPER_HALF 0xffff800000000000

/* The kind of the lowest entry for gva, and its level. */
static enum ucall_radix_kind find_lowest(const struct ucall_radix *r, struct ucall_memory *mem,
					 uint64_t root, uint64_t gva, int *level)
{
	uint64_t table = r->address(root), e;
	enum ucall_radix_kind kind = UCALL_RADIX_NONE;

	for (*level = UCALL_RADIX_LEVELS - 1; *level >= 0; --*level) {
		const uint64_t *p = entry(mem, table, gva, *level);

		if (!p)
			return UCALL_RADIX_NONE;
		e = __atomic_load_n(p, __ATOMIC_RELAXED);
		kind = r->kind(e, *level);
		if (kind != UCALL_RADIX_TABLE)
			return kind;
		table = r->address(e);
	}
	*level = 0;
	return UCALL_RADIX_NONE;
}

uint64_t ucall_radix_next(const struct ucall_radix *r, struct ucall_memory *mem, uint64_t root,
			  uint64_t gva, uint64_t *steps)
{
	gva &= ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	for (; *steps; --*steps) {
		uint64_t size;
		int level;

		if (!r->is_address(gva) && gva < UPPER_HALF)
			gva = UPPER_HALF;
		if (!r->is_address(gva))
			return UCALL_NO_PAGE;
		if (find_lowest(r, mem, root, gva, &level) == UCALL_RADIX_LEAF)
			return gva;
		size = 1ull << SHIFT(level);
		gva = (gva & ~(size - 1)) + size;
		if (!gva)
			return UCALL_NO_PAGE;
	}
	return UCALL_NO_PAGE;
}
