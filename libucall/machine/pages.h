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

/* How private memory and shared memory are related in this process. */
enum ucall_private_memory {
	UCALL_PRIVATE_SAME, /* it is the same memory */
	UCALL_PRIVATE_APART, /* at the same guest-physical address there is other memory */
	/* the same memory, mapped twice: the host's view of pages can be taken away and given back */
	UCALL_PRIVATE_ALIAS,
};

struct ucall_memory {
	void *mapping; /* what was reserved: 1 MiB more than `size` */
	uint8_t *base; /* the host's view of guest-physical address 0 */
	size_t size;
	uint64_t next; /* guest-physical address of the first free page */
	/* and of the end of free pages: shared pages of a VM with private memory lie above it */
	uint64_t end;
	/*
	 * True if some memory is private to the guest.  The bits that mark private and shared
	 * memory in page tables: the C-bit and 0, or 0 and TDX's shared bit, or 0 and 0.
	 */
	bool has_private;
	uint64_t private_bits, shared_bits;
	uint8_t *private_base; /* like `base`, for private memory */
	void *private_mapping; /* NULL: it is the same memory */
	int alias; /* UCALL_PRIVATE_ALIAS: the memory's descriptor; 0: none */
	uint64_t heap; /* guest-virtual address of the next allocation */
	uint64_t root; /* page tables, without the vCPUs' own mailbox slots; flat: 0 */
	struct ucall_region *regions; /* of a flat guest, and with encrypted memory */
	size_t region_count; /* atomic */
	unsigned int stacks, roots; /* given out; not reused if adding a vCPU fails */
};

static inline uint64_t ucall_page_align(uint64_t size)
{
	return (size + UCALL_PAGE_SIZE - 1) & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
}

/* Reserves `size` bytes.  -1 after ucall_fail(). */
int ucall_pages_init(struct ucall_memory *mem, size_t size, enum ucall_private_memory kind);
void ucall_pages_fini(struct ucall_memory *mem);
/* UCALL_PRIVATE_ALIAS: gives the host's view of a page, or takes it away.  -1 after ucall_fail(). */
int ucall_pages_show(const struct ucall_memory *mem, uint64_t gpa, uint64_t size, bool is_shown);

/*
 * `count` contiguous zeroed pages: their guest-physical address, 0 after ucall_fail().  The
 * first gives private pages; the second shared pages, which are to be mapped with UCALL_MAP_SHARED.
 * If no memory is private, there is no difference.
 */
uint64_t ucall_memory_alloc_pages(struct ucall_memory *mem, size_t count);
uint64_t ucall_memory_alloc_shared_pages(struct ucall_memory *mem, size_t count);

/*
 * The memory at [gpa, gpa + size), NULL if any of it is outside guest memory.  No ucall_fail().
 * Private memory is not encrypted here: this is for set-up, and for an engine that acts as the CPU.
 * The first chooses private or shared memory as it was allocated; the second by `is_shared`.
 */
void *ucall_memory_pointer(const struct ucall_memory *mem, uint64_t gpa, size_t size);
void *ucall_memory_side(const struct ucall_memory *mem, uint64_t gpa, size_t size, bool is_shared);

/* ---- entries of page tables: an address with the bits that say private or shared ---- */

static inline uint64_t ucall_memory_entry(const struct ucall_memory *mem, uint64_t gpa,
					  bool is_shared)
{
	return gpa | (is_shared ? mem->shared_bits : mem->private_bits);
}

static inline uint64_t ucall_memory_entry_address(const struct ucall_memory *mem, uint64_t entry)
{
	return entry & ~(mem->private_bits | mem->shared_bits);
}

static inline bool ucall_memory_entry_is_shared(const struct ucall_memory *mem, uint64_t entry)
{
	return (entry & (mem->private_bits | mem->shared_bits)) != mem->private_bits;
}

/* ucall_memory_side() of such an entry. */
static inline void *ucall_memory_entry_pointer(const struct ucall_memory *mem, uint64_t entry,
					       size_t size)
{
	return ucall_memory_side(mem, ucall_memory_entry_address(mem, entry), size,
				 ucall_memory_entry_is_shared(mem, entry));
}

#endif
