// SPDX-License-Identifier: MIT
/* riscv64 page tables: Sv48 (Privileged specification, 4.5). */
#include "arch/radix.h"
#include "riscv64.h"

#define PTE_VALID 0x01ull
#define PTE_READ 0x02ull
#define PTE_WRITE 0x04ull
#define PTE_EXEC 0x08ull
#define PTE_ACCESSED 0x40ull
#define PTE_DIRTY 0x80ull
#define PTE_LEAF (PTE_READ | PTE_WRITE | PTE_EXEC)
#define PTE_PPN 0x003ffffffffffc00ull

static bool is_canonical(uint64_t gva)
{
	return (int64_t)(gva << 16) >> 16 == (int64_t)gva;
}

/* The address in an entry; a root, which has no flags, is itself the address. */
static uint64_t address(uint64_t e)
{
	return e & PTE_VALID ? (e & PTE_PPN) << 2 : e;
}

static enum ucall_radix_kind kind(uint64_t e, int level)
{
	if (!(e & PTE_VALID) || ((e & PTE_WRITE) && !(e & PTE_READ)))
		return UCALL_RADIX_NONE;
	if (!(e & PTE_LEAF))
		return level ? UCALL_RADIX_TABLE : UCALL_RADIX_NONE;
	/* A misaligned superpage faults. */
	return address(e) & ((1ull << (12 + 9 * level)) - 1) ? UCALL_RADIX_NONE : UCALL_RADIX_LEAF;
}

static uint64_t make_table(uint64_t gpa)
{
	return gpa >> 2 | PTE_VALID;
}

static uint64_t make_leaf(uint64_t gpa, unsigned int prot)
{
	return gpa >> 2 | PTE_VALID | PTE_READ | PTE_ACCESSED | PTE_DIRTY |
	       (prot & UCALL_MAP_WRITE ? PTE_WRITE : 0) | (prot & UCALL_MAP_EXEC ? PTE_EXEC : 0);
}

/* Only a leaf has permissions. */
static unsigned int restrict_prot(uint64_t e, bool leaf, unsigned int prot)
{
	if (leaf && !(e & PTE_WRITE))
		prot &= ~UCALL_MAP_WRITE;
	if (leaf && !(e & PTE_EXEC))
		prot &= ~UCALL_MAP_EXEC;
	return prot | UCALL_MAP_KERNEL;
}

static const struct ucall_radix format = {
	.is_address = is_canonical,
	.kind = kind,
	.address = address,
	.make_table = make_table,
	.make_leaf = make_leaf,
	.restrict_prot = restrict_prot,
};

UCALL_RADIX_FUNCTIONS(riscv64, format)
