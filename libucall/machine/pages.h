/* SPDX-License-Identifier: MIT */
/* Guest-physical memory: the host's view of it, and which pages are given out. */
#ifndef LIBUCALL_PAGES_H
#define LIBUCALL_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ucall/plugin.h>

#include "arch/arch.h"
#include "base/error.h"

struct ucall_region; /* regions.h */

struct ucall_memory {
	void *mapping; /* what was reserved: 1 MiB more than `size` */
	uint8_t *base; /* the host's view of guest-physical address 0 */
	size_t size;
	uint64_t next; /* guest-physical address of the first page that is free */
	/* and after the last: shared pages of a VM with encrypted memory lie above it */
	uint64_t end;
	/*
	 * Encrypted memory: this bit of a guest-physical address says "private", in page tables and
	 * in all addresses that the core hands around.  0: memory is not encrypted.
	 */
	uint64_t c_bit;
	uint8_t *private_base; /* as `base`, of addresses with the bit */
	void *private_mapping; /* NULL: it is the same memory */
	uint64_t heap; /* guest-virtual address of the next allocation */
	uint64_t root; /* page tables of all but the vCPUs' own mailbox slots; flat: 0 */
	struct ucall_region *regions; /* of a flat guest, and with encrypted memory */
	size_t region_count; /* atomic */
	unsigned int stacks, roots; /* given out; not again, if adding a vCPU fails */
};

static inline uint64_t ucall_page_align(uint64_t size)
{
	return (size + UCALL_PAGE_SIZE - 1) & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
}

/*
 * Reserves `size` bytes; `apart`: as much again for private memory, where mem->c_bit is set.  -1
 * after ucall_fail().
 */
int ucall_pages_init(struct ucall_memory *mem, size_t size, bool apart);
void ucall_pages_fini(struct ucall_memory *mem);

/*
 * `count` contiguous zeroed pages: their guest-physical address, 0 after ucall_fail().  Private ones, whose
 * address has the C-bit; shared ones.  Where memory is not encrypted they are all the same.
 */
uint64_t ucall_memory_pages(struct ucall_memory *mem, size_t count);
uint64_t ucall_memory_shared_pages(struct ucall_memory *mem, size_t count);

/*
 * The memory at [gpa, gpa + size), NULL if any of it is outside guest memory.  No ucall_fail(). Private
 * memory is not encrypted here: this is for setting up, and for an engine that stands for the CPU.
 */
void *ucall_memory_pointer(const struct ucall_memory *mem, uint64_t gpa, size_t size);

#endif
