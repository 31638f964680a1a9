/* SPDX-License-Identifier: MIT */
/*
 * What the host has mapped, where page tables cannot tell: all the memory of a flat guest, which has
 * none, and that of a confidential guest, whose page tables the host cannot read.  Regions of guest
 * addresses that lie anywhere in the VM's memory.  The list only grows.  Whoever adds holds vm->lock,
 * or is alone with the VM; who looks up need not.
 */
#ifndef LIBUCALL_REGIONS_H
#define LIBUCALL_REGIONS_H

#include "pages.h"

struct ucall_region {
	uint64_t gva, size;
	uint64_t gpa; /* of a flat guest: the offset in memory; nothing for a device */
	unsigned int prot; /* UCALL_MAP_ */
	unsigned int root; /* 0: of all vCPUs; else of the one with this boot.root */
};

#define UCALL_REGIONS_MOST 4096

int ucall_regions_init(struct ucall_memory *mem);
void ucall_regions_fini(struct ucall_memory *mem);

/* -1 after ucall_fail() where something is there already. */
int ucall_regions_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa, size_t size,
		      unsigned int prot);

/* As struct ucall_arch.walk, of what ucall_regions_find() finds. */
int ucall_regions_walk(const struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot);

/* How many regions there are; those before that number do not change. */
static inline size_t ucall_regions_count(const struct ucall_memory *mem)
{
	return __atomic_load_n(&mem->region_count, __ATOMIC_ACQUIRE);
}

/* The memory at that address for the vCPU with that root; NULL: none, or a device. */
static inline const struct ucall_region *ucall_regions_find(const struct ucall_memory *mem,
							    uint64_t root, uint64_t gva)
{
	size_t n = ucall_regions_count(mem);

	for (size_t i = 0; i < n; i++) {
		const struct ucall_region *r = &mem->regions[i];

		if (gva - r->gva < r->size && (!r->root || r->root == root) &&
		    !(r->prot & UCALL_MAP_DEVICE))
			return r;
	}
	return NULL;
}

#endif
