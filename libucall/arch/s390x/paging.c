// SPDX-License-Identifier: MIT
/*
 * s390x page tables: a region-third table of 2048 entries, segment tables of 2048, page tables of
 * 256 (Principles of Operation, 3-37).  They are big-endian, and an entry of zero is valid.
 */
#include <endian.h>

#include "machine/pages.h"
#include "s390x.h"

#define INVALID 0x20ull /* region and segment entries */
#define REGION3 0x07ull /* table type 01, full length */
#define TYPE 0x0cull
#define PTE_INVALID 0x400ull
#define PTE_PROTECT 0x200ull
#define PTE_EXEC \
	0x01ull /* bits 56 to 63 are free for software; the hardware has no such bit here */
#define ORIGIN 0xfffffffffffff000ull
#define PTE_ORIGIN 0xfffffffffffff800ull /* of a page table, in a segment entry */

#define TABLE_ENTRIES 2048u
#define PAGES_ENTRIES 256u
#define LIMIT (1ull << 42)

static uint64_t *table_at(const struct ucall_memory *mem, uint64_t table, unsigned int entries,
			  uint64_t index)
{
	uint64_t *t = ucall_memory_pointer(mem, table, entries * sizeof(uint64_t));

	return t ? &t[index % entries] : NULL;
}

/*
 * The region-third entry, the segment entry, the page entry for gva, in the tables at these
 * origins.
 */
static uint64_t *region(const struct ucall_memory *mem, uint64_t root, uint64_t gva)
{
	return table_at(mem, root, TABLE_ENTRIES, gva >> 31);
}

static uint64_t *segment(const struct ucall_memory *mem, uint64_t region_entry, uint64_t gva)
{
	return table_at(mem, region_entry & ORIGIN, TABLE_ENTRIES, gva >> 20);
}

static uint64_t *page(const struct ucall_memory *mem, uint64_t segment_entry, uint64_t gva)
{
	return table_at(mem, segment_entry & PTE_ORIGIN, PAGES_ENTRIES, gva >> 12);
}

static uint64_t new_table(struct ucall_memory *mem, unsigned int entries, uint64_t empty)
{
	size_t pages = ucall_page_align(entries * sizeof(uint64_t)) / UCALL_PAGE_SIZE;
	uint64_t gpa = ucall_memory_alloc_pages(mem, pages);
	uint64_t *t = gpa ? ucall_memory_pointer(mem, gpa, pages * UCALL_PAGE_SIZE) : NULL;

	for (unsigned int i = 0; t && i < entries; i++)
		t[i] = htobe64(empty);
	return gpa;
}

uint64_t ucall_s390x_new_root(struct ucall_memory *mem)
{
	return new_table(mem, TABLE_ENTRIES, INVALID | REGION3);
}

int ucall_s390x_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		    unsigned int prot)
{
	uint64_t *e, new;

	if (gva >= LIMIT)
		return ucall_fail(EINVAL,
				  "cannot map 0x%llx: s390x guests have addresses of 42 bits",
				  (unsigned long long)gva);
	e = region(mem, root, gva);
	if (!e)
		goto damaged;
	if (be64toh(*e) & INVALID) {
		new = new_table(mem, TABLE_ENTRIES, INVALID);
		if (!new)
			return -1;
		*e = htobe64(new | REGION3);
	}
	e = segment(mem, be64toh(*e), gva);
	if (!e)
		goto damaged;
	if (be64toh(*e) & INVALID) {
		new = new_table(mem, PAGES_ENTRIES, PTE_INVALID);
		if (!new)
			return -1;
		*e = htobe64(new);
	}
	e = page(mem, be64toh(*e), gva);
	if (!e)
		goto damaged;
	*e = htobe64(gpa | (prot & UCALL_MAP_WRITE ? 0 : PTE_PROTECT) |
		     (prot & UCALL_MAP_EXEC ? PTE_EXEC : 0));
	return 0;

damaged:
	return ucall_fail(EFAULT, "the guest has damaged its page tables: cannot map 0x%llx",
			  (unsigned long long)gva);
}

void ucall_s390x_share(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva)
{
	uint64_t *e = region(mem, to, gva), *f = region(mem, from, gva);

	if (e && f)
		__atomic_store_n(e, *f, __ATOMIC_RELEASE);
}

int ucall_s390x_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		     unsigned int *prot)
{
	const uint64_t *p;
	uint64_t e; /* each is read once: the guest may be writing */

	if (gva >= LIMIT)
		return -1;
	p = region(mem, root, gva);
	if (!p)
		return -1;
	e = be64toh(__atomic_load_n(p, __ATOMIC_RELAXED));
	if ((e & INVALID) || (e & TYPE) != (REGION3 & TYPE))
		return -1;
	p = segment(mem, e, gva);
	if (!p)
		return -1;
	e = be64toh(__atomic_load_n(p, __ATOMIC_RELAXED));
	if ((e & INVALID) || (e & TYPE))
		return -1;
	p = page(mem, e, gva);
	if (!p)
		return -1;
	e = be64toh(__atomic_load_n(p, __ATOMIC_RELAXED));
	if (e & PTE_INVALID)
		return -1;
	*gpa = (e & ORIGIN) | (gva & (UCALL_PAGE_SIZE - 1));
	*prot = UCALL_MAP_KERNEL | (e & PTE_PROTECT ? 0 : UCALL_MAP_WRITE) |
		(e & PTE_EXEC ? UCALL_MAP_EXEC : 0);
	return 0;
}

/* Page by page within tables that exist. */
uint64_t ucall_s390x_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps)
{
	const uint64_t region_size = 1ull << 31, segment_size = 1ull << 20;

	gva &= ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	for (; *steps && gva < LIMIT; --*steps) {
		uint64_t size = region_size, gpa;
		const uint64_t *p = region(mem, root, gva);
		unsigned int prot;

		if (p && !(be64toh(__atomic_load_n(p, __ATOMIC_RELAXED)) & INVALID)) {
			p = segment(mem, be64toh(__atomic_load_n(p, __ATOMIC_RELAXED)), gva);
			size = segment_size;
			if (p && !(be64toh(__atomic_load_n(p, __ATOMIC_RELAXED)) & INVALID))
				size = UCALL_PAGE_SIZE;
		}
		if (size == UCALL_PAGE_SIZE && !ucall_s390x_walk(mem, root, gva, &gpa, &prot))
			return gva;
		gva = (gva & ~(size - 1)) + size;
	}
	return UCALL_NO_PAGE;
}
