// SPDX-License-Identifier: MIT
/* aarch64 page tables: 4 KiB granule, four levels, 48-bit addresses by TTBR0 (Arm ARM, D8.3). */
#include "../../memory.h"
#include "aarch64.h"

#define DESC_VALID 1ull
#define DESC_TABLE 2ull /* at level 3: a page */
#define DESC_ATTR_DEVICE (1ull << 2)
#define DESC_READ_ONLY (1ull << 7)
#define DESC_SHAREABLE (3ull << 8)
#define DESC_ACCESSED (1ull << 10)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)
#define DESC_ADDRESS 0x0000fffffffff000ull

#define LEVELS 4

static uint64_t *entry(const struct ucall_vm *vm, uint64_t table, uint64_t gva, int level)
{
	uint64_t *t = ucall_memory_pointer(vm, table & DESC_ADDRESS, UCALL_PAGE_SIZE);

	return t ? &t[gva >> (12 + 9 * level) & 511] : NULL;
}

uint64_t ucall_aarch64_new_root(struct ucall_vm *vm)
{
	return ucall_memory_pages(vm, 1);
}

int ucall_aarch64_map(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa,
		      unsigned int prot)
{
	uint64_t table = root, *e, page = gpa | DESC_VALID | DESC_TABLE | DESC_ACCESSED | DESC_UXN;

	for (int level = LEVELS - 1; level > 0; level--) {
		e = entry(vm, table, gva, level);
		if (!e || ((*e & DESC_VALID) && !(*e & DESC_TABLE)))
			goto damaged;
		if (!(*e & DESC_VALID)) {
			uint64_t new = ucall_memory_pages(vm, 1);

			if (!new)
				return -1;
			*e = new | DESC_VALID | DESC_TABLE;
		}
		table = *e;
	}
	e = entry(vm, table, gva, 0);
	if (!e)
		goto damaged;
	if (!(prot & UCALL_MAP_WRITE))
		page |= DESC_READ_ONLY;
	if (!(prot & UCALL_MAP_EXEC))
		page |= DESC_PXN;
	page |= prot & UCALL_MAP_DEVICE ? DESC_ATTR_DEVICE : DESC_SHAREABLE;
	*e = page;
	return 0;

damaged:
	return ucall_fail(EFAULT, "the guest has damaged its page tables: cannot map 0x%llx",
			  (unsigned long long)gva);
}

void ucall_aarch64_share(struct ucall_vm *vm, uint64_t to, uint64_t from, uint64_t gva)
{
	uint64_t *e = entry(vm, to, gva, LEVELS - 1), *f = entry(vm, from, gva, LEVELS - 1);

	if (e && f)
		__atomic_store_n(e, *f, __ATOMIC_RELEASE);
}

int ucall_aarch64_walk(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot)
{
	uint64_t table = root, e = 0, offset;
	int level;

	if (gva >> 48)
		return -1;
	for (level = LEVELS - 1; level >= 0; level--) {
		const uint64_t *p = entry(vm, table, gva, level);

		if (!p)
			return -1;
		e = __atomic_load_n(p, __ATOMIC_RELAXED); /* once: the guest may be writing */
		if (!(e & DESC_VALID) || (!(e & DESC_TABLE) && (!level || level == LEVELS - 1)))
			return -1;
		if (!level || !(e & DESC_TABLE))
			break;
		table = e;
	}
	offset = (1ull << (12 + 9 * level)) - 1;
	*gpa = (e & DESC_ADDRESS & ~offset) | (gva & offset);
	*prot = UCALL_MAP_KERNEL | (e & DESC_READ_ONLY ? 0 : UCALL_MAP_WRITE) |
		(e & DESC_PXN ? 0 : UCALL_MAP_EXEC);
	return 0;
}
