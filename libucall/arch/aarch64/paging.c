// SPDX-License-Identifier: MIT
/* aarch64 page tables: 4 KiB granule, 48-bit addresses by TTBR0 (Arm ARM, D8.3). */
#include "arch/radix.h"
#include "aarch64.h"

#define DESC_VALID 1ull
#define DESC_TABLE 2ull /* at level 0 (the architecture's 3): a page */
#define DESC_ATTR_DEVICE (1ull << 2)
#define DESC_READ_ONLY (1ull << 7)
#define DESC_SHAREABLE (3ull << 8)
#define DESC_ACCESSED (1ull << 10)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)
/* What a table entry denies for everything below it. */
#define TABLE_PXN (1ull << 59)
#define TABLE_READ_ONLY (1ull << 62)
#define DESC_ADDRESS 0x0000fffffffff000ull

static bool is_address(uint64_t gva)
{
	return !(gva >> 48);
}

static enum ucall_radix_kind kind(uint64_t e, int level)
{
	if (!(e & DESC_VALID))
		return UCALL_RADIX_NONE;
	if (e & DESC_TABLE)
		return level ? UCALL_RADIX_TABLE : UCALL_RADIX_LEAF;
	return level && level < UCALL_RADIX_LEVELS - 1 ? UCALL_RADIX_LEAF : UCALL_RADIX_NONE;
}

static uint64_t address(uint64_t e)
{
	return e & DESC_ADDRESS;
}

static uint64_t make_table(uint64_t gpa)
{
	return gpa | DESC_VALID | DESC_TABLE;
}

static uint64_t make_leaf(uint64_t gpa, unsigned int prot)
{
	return gpa | DESC_VALID | DESC_TABLE | DESC_ACCESSED | DESC_UXN |
	       (prot & UCALL_MAP_WRITE ? 0 : DESC_READ_ONLY) |
	       (prot & UCALL_MAP_EXEC ? 0 : DESC_PXN) |
	       (prot & UCALL_MAP_DEVICE ? DESC_ATTR_DEVICE : DESC_SHAREABLE);
}

static unsigned int restrict_prot(uint64_t e, bool leaf, unsigned int prot)
{
	if (e & (leaf ? DESC_READ_ONLY : TABLE_READ_ONLY))
		prot &= ~UCALL_MAP_WRITE;
	if (e & (leaf ? DESC_PXN : TABLE_PXN))
		prot &= ~UCALL_MAP_EXEC;
	return prot | UCALL_MAP_KERNEL;
}

static const struct ucall_radix format = {
	.is_address = is_address,
	.kind = kind,
	.address = address,
	.make_table = make_table,
	.make_leaf = make_leaf,
	.restrict_prot = restrict_prot,
};

UCALL_RADIX_FUNCTIONS(aarch64, format)
