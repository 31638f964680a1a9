// SPDX-License-Identifier: MIT
/* See private-pages.h. */
#include <stdlib.h>

#include "base/error.h"
#include "private-pages.h"

int ucall_private_track(struct ucall_private_pages *pages, const struct ucall_memory *mem)
{
	pages->private_bits = ucall_calloc(1, mem->size / UCALL_PAGE_SIZE / 8);
	if (!pages->private_bits)
		return -1;
	ucall_private_mark(pages, 0, mem->next, true);
	return 0;
}

void ucall_private_free(struct ucall_private_pages *pages)
{
	free(pages->private_bits);
	pages->private_bits = NULL;
}

void ucall_private_mark(struct ucall_private_pages *pages, uint64_t gpa, uint64_t size,
			bool is_private)
{
	for (uint64_t page = gpa / UCALL_PAGE_SIZE; page < (gpa + size) / UCALL_PAGE_SIZE; page++) {
		uint32_t bit = 1u << page % 32;

		if (is_private)
			__atomic_fetch_or(&pages->private_bits[page / 32], bit, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&pages->private_bits[page / 32], ~bit, __ATOMIC_RELAXED);
	}
}

bool ucall_private_has(const struct ucall_private_pages *pages, const struct ucall_memory *mem,
		       uint64_t gpa)
{
	return pages->private_bits
		       ? ucall_private_is_set(pages->private_bits, gpa / UCALL_PAGE_SIZE)
		       : gpa < mem->next;
}
