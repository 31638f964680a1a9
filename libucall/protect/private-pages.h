/* SPDX-License-Identifier: MIT */
/* Which pages of a guest are private, where pages change from one to the other. */
#ifndef LIBUCALL_PRIVATE_PAGES_H
#define LIBUCALL_PRIVATE_PAGES_H

#include "machine/pages.h"

struct ucall_private_pages {
	/* A bit for each page, in words that every CPU can change atomically; NULL before the launch. */
	uint32_t *private_bits;
};

/* Starts with each page as it was allocated, until it is marked.  -1 after ucall_fail(). */
int ucall_private_track(struct ucall_private_pages *pages, const struct ucall_memory *mem);
void ucall_private_free(struct ucall_private_pages *pages);
void ucall_private_mark(struct ucall_private_pages *pages, uint64_t gpa, uint64_t size,
			bool is_private);
bool ucall_private_has(const struct ucall_private_pages *pages, const struct ucall_memory *mem,
		       uint64_t gpa);

/* True if the bit of page number `page` is set in a bitmap such as private_bits. */
static inline bool ucall_private_is_set(const uint32_t *bits, uint64_t page)
{
	return __atomic_load_n(&bits[page / 32], __ATOMIC_RELAXED) >> page % 32 & 1;
}

#endif
