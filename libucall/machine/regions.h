/* SPDX-License-Identifier: MIT */
/*
 * What the host has mapped, if page tables cannot tell: a flat guest has none, and the host cannot
 * read those of a confidential guest.  Each region is a range of guest addresses, anywhere in the
 * VM's memory.  The list only grows.  Adding needs vm->lock, unless nothing else uses the VM yet;
 * looking up does not.
 */
#ifndef LIBUCALL_REGIONS_H
#define LIBUCALL_REGIONS_H

#include "pages.h"

struct ucall_region {
	uint64_t gva, size;
	uint64_t gpa; /* flat guests: the offset in memory; unused for a device */
	unsigned int prot; /* UCALL_MAP_ */
	uint64_t root; /* 0: for all vCPUs; else for the one with this boot.root */
};

#define UCALL_REGIONS_MAX 4096

int ucall_regions_init(struct ucall_memory *mem);
void ucall_regions_fini(struct ucall_memory *mem);

/* -1 after ucall_fail() if something is there already. */
int ucall_regions_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		      size_t size, unsigned int prot);

/* Like struct ucall_arch.walk, but for regions, by ucall_regions_find(). */
int ucall_regions_walk(const struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot);

/* The number of regions; existing ones do not change. */
static inline size_t ucall_regions_count(const struct ucall_memory *mem)
{
	return __atomic_load_n(&mem->region_count, __ATOMIC_ACQUIRE);
}

/* The region at gva for the vCPU with that root; NULL: no memory, or a device. */
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
