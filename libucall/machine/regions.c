// SPDX-License-Identifier: MIT
/* See regions.h. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "regions.h"

int ucall_regions_init(struct ucall_memory *mem)
{
	/* Allocated in full, so that readers need no lock; untouched pages cost nothing. */
	mem->regions = ucall_calloc(UCALL_REGIONS_MAX, sizeof(*mem->regions));
	return mem->regions ? 0 : -1;
}

void ucall_regions_fini(struct ucall_memory *mem)
{
	free(mem->regions);
	mem->regions = NULL;
}

static bool overlaps(const struct ucall_region *r, uint64_t root, uint64_t gva, size_t size)
{
	return (!r->root || !root || r->root == root) && gva < r->gva + r->size &&
	       r->gva < gva + size;
}

int ucall_regions_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		      size_t size, unsigned int prot)
{
	size_t n = ucall_regions_count(mem);

	if (!size)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (overlaps(&mem->regions[i], root, gva, size))
			return ucall_fail(
				EEXIST,
				"guest addresses 0x%llx to 0x%llx are taken already (a flat "
				"guest has one address space for memory and devices)",
				(unsigned long long)gva, (unsigned long long)(gva + size - 1));
	if (n == UCALL_REGIONS_MAX)
		return ucall_fail(ENOMEM, "a guest of this kind has at most %d regions of memory",
				  UCALL_REGIONS_MAX);
	mem->regions[n] = (struct ucall_region){ gva, size, gpa, prot, root };
	__atomic_store_n(&mem->region_count, n + 1, __ATOMIC_RELEASE);
	return 0;
}

int ucall_regions_walk(const struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		       unsigned int *prot)
{
	const struct ucall_region *r = ucall_regions_find(mem, root, gva);

	if (!r)
		return -1;
	*gpa = r->gpa + (gva - r->gva);
	*prot = r->prot;
	return 0;
}
