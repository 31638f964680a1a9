// SPDX-License-Identifier: MIT
/* riscv64 page tables: Sv48, four levels (Privileged specification, 4.5). */
#include "../../memory.h"
#include "riscv64.h"

#define PTE_VALID 0x01ull
#define PTE_READ 0x02ull
#define PTE_WRITE 0x04ull
#define PTE_EXEC 0x08ull
#define PTE_ACCESSED 0x40ull
#define PTE_DIRTY 0x80ull
#define PTE_LEAF (PTE_READ | PTE_WRITE | PTE_EXEC)
#define PTE_PPN 0x003ffffffffffc00ull

#define LEVELS 4

static uint64_t address_of(uint64_t e)
{
	return (e & PTE_PPN) << 2;
}

/* `table` is an address. */
static uint64_t *entry(const struct ucall_vm *vm, uint64_t table, uint64_t gva, int level)
{
	uint64_t *t = ucall_memory_pointer(vm, table, UCALL_PAGE_SIZE);

	return t ? &t[gva >> (12 + 9 * level) & 511] : NULL;
}

uint64_t ucall_riscv64_new_root(struct ucall_vm *vm)
{
	return ucall_memory_pages(vm, 1);
}

int ucall_riscv64_map(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa,
		      unsigned int prot)
{
	uint64_t table = root, *e;

	for (int level = LEVELS - 1; level > 0; level--) {
		e = entry(vm, table, gva, level);
		if (!e || (*e & PTE_LEAF))
			goto damaged;
		if (!(*e & PTE_VALID)) {
			uint64_t new = ucall_memory_pages(vm, 1);

			if (!new)
				return -1;
			*e = new >> 2 | PTE_VALID;
		}
		table = address_of(*e);
	}
	e = entry(vm, table, gva, 0);
	if (!e)
		goto damaged;
	*e = gpa >> 2 | PTE_VALID | PTE_READ | PTE_ACCESSED | PTE_DIRTY |
	     (prot & UCALL_MAP_WRITE ? PTE_WRITE : 0) | (prot & UCALL_MAP_EXEC ? PTE_EXEC : 0);
	return 0;

damaged:
	return ucall_fail(EFAULT, "the guest has damaged its page tables: cannot map 0x%llx",
			  (unsigned long long)gva);
}

void ucall_riscv64_share(struct ucall_vm *vm, uint64_t to, uint64_t from, uint64_t gva)
{
	uint64_t *e = entry(vm, to, gva, LEVELS - 1), *f = entry(vm, from, gva, LEVELS - 1);

	if (e && f)
		__atomic_store_n(e, *f, __ATOMIC_RELEASE);
}

int ucall_riscv64_walk(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot)
{
	uint64_t table = root, e = 0, offset;
	int level;

	if ((int64_t)(gva << 16) >> 16 != (int64_t)gva)
		return -1;
	for (level = LEVELS - 1; level >= 0; level--) {
		const uint64_t *p = entry(vm, table, gva, level);

		if (!p)
			return -1;
		e = __atomic_load_n(p, __ATOMIC_RELAXED); /* once: the guest may be writing */
		if (!(e & PTE_VALID) || ((e & PTE_WRITE) && !(e & PTE_READ)))
			return -1;
		if (e & PTE_LEAF)
			break;
		table = address_of(e);
	}
	if (level < 0)
		return -1;
	offset = (1ull << (12 + 9 * level)) - 1;
	if (address_of(e) & offset)
		return -1; /* a misaligned superpage faults */
	*gpa = address_of(e) | (gva & offset);
	*prot = UCALL_MAP_KERNEL | (e & PTE_WRITE ? UCALL_MAP_WRITE : 0) |
		(e & PTE_EXEC ? UCALL_MAP_EXEC : 0);
	return 0;
}
