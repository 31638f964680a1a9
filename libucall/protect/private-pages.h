/* SPDX-License-Identifier: MIT */
/* Which pages of a guest are private, where pages change from one to the other. */
#ifndef LIBUCALL_PRIVATE_PAGES_H
#define LIBUCALL_PRIVATE_PAGES_H

#include "machine/pages.h"

struct ucall_private_pages {
	uint8_t *private_bits; /* a bit for each page; NULL before the launch */
};

/* Starts with each page as it was allocated, until it is marked.  -1 after ucall_fail(). */
int ucall_private_track(struct ucall_private_pages *pages, const struct ucall_memory *mem);
void ucall_private_free(struct ucall_private_pages *pages);
void ucall_private_mark(struct ucall_private_pages *pages, uint64_t gpa, uint64_t size,
			bool is_private);
bool ucall_private_has(const struct ucall_private_pages *pages, const struct ucall_memory *mem,
		       uint64_t gpa);

/* True if the bit of page number `page` is set in a bitmap such as private_bits. */
static inline bool ucall_private_is_set(const uint8_t *bits, uint64_t page)
{
	return __atomic_load_n(&bits[page / 8], __ATOMIC_RELAXED) >> page % 8 & 1;
}

#endif
