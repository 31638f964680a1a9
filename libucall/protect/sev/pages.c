// SPDX-License-Identifier: MIT
/* Which pages of an SEV-SNP guest are private. */
#include <stdlib.h>

#include "base/error.h"
#include "sev.h"

int sev_pages_track(struct sev_pages *pages, const struct ucall_memory *mem)
{
	pages->private_bits = ucall_calloc(1, mem->size / UCALL_PAGE_SIZE / 8);
	if (!pages->private_bits)
		return -1;
	sev_pages_mark(pages, 0, mem->next, true);
	return 0;
}

void sev_pages_free(struct sev_pages *pages)
{
	free(pages->private_bits);
	pages->private_bits = NULL;
}

void sev_pages_mark(struct sev_pages *pages, uint64_t gpa, uint64_t size, bool is_private)
{
	for (uint64_t page = gpa / UCALL_PAGE_SIZE; page < (gpa + size) / UCALL_PAGE_SIZE; page++) {
		uint8_t bit = (uint8_t)(1 << page % 8);

		if (is_private)
			__atomic_fetch_or(&pages->private_bits[page / 8], bit, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&pages->private_bits[page / 8], (uint8_t)~bit,
					   __ATOMIC_RELAXED);
	}
}

bool sev_pages_are_private(const struct sev_pages *pages, const struct ucall_memory *mem,
			   uint64_t gpa)
{
	return pages->private_bits ? sev_pages_is_set(pages->private_bits, gpa / UCALL_PAGE_SIZE)
				   : gpa < mem->next;
}
