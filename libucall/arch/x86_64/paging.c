// SPDX-License-Identifier: MIT
/* x86_64 page tables: four levels of 512 entries (AMD APM volume 2, 5.3). */
#include "../../memory.h"
#include "x86_64.h"

#define PTE_PRESENT 1ull
#define PTE_WRITE 2ull
#define PTE_USER 4ull
#define PTE_LARGE 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

#define LEVELS 4

static unsigned int index_at(uint64_t gva, int level)
{
	return (unsigned int)(gva >> (12 + 9 * level)) & 511;
}

/* The entry for gva in `table`, NULL if the table is not in guest memory. */
static uint64_t *entry(const struct ucall_vm *vm, uint64_t table, uint64_t gva, int level)
{
	uint64_t *t = ucall_memory_pointer(vm, table & PTE_ADDRESS, UCALL_PAGE_SIZE);

	return t ? &t[index_at(gva, level)] : NULL;
}

uint64_t ucall_x86_64_new_root(struct ucall_vm *vm)
{
	return ucall_memory_pages(vm, 1);
}

int ucall_x86_64_map(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa, unsigned int prot)
{
	uint64_t table = root, *e, flags = PTE_PRESENT;

	for (int level = LEVELS - 1; level > 0; level--) {
		e = entry(vm, table, gva, level);
		if (!e || (*e & PTE_LARGE))
			goto damaged;
		if (!(*e & PTE_PRESENT)) {
			uint64_t new = ucall_memory_pages(vm, 1);

			if (!new)
				return -1;
			*e = new | PTE_PRESENT | PTE_WRITE | PTE_USER;
		}
		table = *e;
	}
	e = entry(vm, table, gva, 0);
	if (!e)
		goto damaged;
	if (prot & UCALL_MAP_WRITE)
		flags |= PTE_WRITE;
	if (!(prot & UCALL_MAP_EXEC))
		flags |= PTE_NX;
	if (!(prot & UCALL_MAP_KERNEL))
		flags |= PTE_USER;
	*e = gpa | flags;
	return 0;

damaged:
	return ucall_fail(EFAULT, "the guest has damaged its page tables: cannot map 0x%llx",
			  (unsigned long long)gva);
}

void ucall_x86_64_share(struct ucall_vm *vm, uint64_t to, uint64_t from, uint64_t gva)
{
	uint64_t *e = entry(vm, to, gva, LEVELS - 1), *f = entry(vm, from, gva, LEVELS - 1);

	if (e && f)
		__atomic_store_n(e, *f, __ATOMIC_RELEASE);
}

int ucall_x86_64_walk(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		      unsigned int *prot)
{
	uint64_t table = root, e = 0, offset;
	int level;

	if ((int64_t)(gva << 16) >> 16 != (int64_t)gva)
		return -1; /* not canonical */
	*prot = UCALL_MAP_WRITE | UCALL_MAP_EXEC;
	for (level = LEVELS - 1; level >= 0; level--) {
		const uint64_t *p = entry(vm, table, gva, level);

		if (!p)
			return -1;
		e = __atomic_load_n(p, __ATOMIC_RELAXED); /* once: the guest may be writing */
		if (!(e & PTE_PRESENT))
			return -1;
		if (!(e & PTE_WRITE))
			*prot &= ~UCALL_MAP_WRITE;
		if (e & PTE_NX)
			*prot &= ~UCALL_MAP_EXEC;
		if (!(e & PTE_USER))
			*prot |= UCALL_MAP_KERNEL;
		if (level && (e & PTE_LARGE)) {
			if (level > 2)
				return -1; /* reserved */
			break;
		}
		table = e;
	}
	if (level < 0)
		level = 0;
	offset = (1ull << (12 + 9 * level)) - 1;
	*gpa = (e & PTE_ADDRESS & ~offset) | (gva & offset);
	return 0;
}
