// SPDX-License-Identifier: MIT
/* x86_64 page tables (AMD APM volume 2, 5.3). */
#include "arch/radix.h"
#include "x86_64.h"

#define PTE_PRESENT 1ull
#define PTE_WRITE 2ull
#define PTE_USER 4ull
#define PTE_LARGE 0x80ull
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0x000ffffffffff000ull

static bool is_canonical(uint64_t gva)
{
	return (int64_t)(gva << 16) >> 16 == (int64_t)gva;
}

static enum ucall_radix_kind kind(uint64_t e, int level)
{
	if (!(e & PTE_PRESENT))
		return UCALL_RADIX_NONE;
	if (!level)
		return UCALL_RADIX_LEAF;
	if (!(e & PTE_LARGE))
		return UCALL_RADIX_TABLE;
	return level < UCALL_RADIX_LEVELS - 1 ? UCALL_RADIX_LEAF : UCALL_RADIX_NONE; /* reserved */
}

static uint64_t address(uint64_t e)
{
	return e & PTE_ADDRESS;
}

/* Permits everything: its pages may still deny it. */
static uint64_t make_table(uint64_t gpa)
{
	return gpa | PTE_PRESENT | PTE_WRITE | PTE_USER;
}

static uint64_t make_leaf(uint64_t gpa, unsigned int prot)
{
	return gpa | PTE_PRESENT | (prot & UCALL_MAP_WRITE ? PTE_WRITE : 0) |
	       (prot & UCALL_MAP_EXEC ? 0 : PTE_NX) | (prot & UCALL_MAP_KERNEL ? 0 : PTE_USER);
}

static unsigned int restrict_prot(uint64_t e, bool leaf, unsigned int prot)
{
	if (!(e & PTE_WRITE))
		prot &= ~UCALL_MAP_WRITE;
	if (e & PTE_NX)
		prot &= ~UCALL_MAP_EXEC;
	return e & PTE_USER ? prot : prot | UCALL_MAP_KERNEL;
}

static const struct ucall_radix format = {
	.is_address = is_canonical,
	.kind = kind,
	.address = address,
	.make_table = make_table,
	.make_leaf = make_leaf,
	.restrict_prot = restrict_prot,
};

UCALL_RADIX_FUNCTIONS(x86_64, format)
