// SPDX-License-Identifier: MIT
/* Parts of fault descriptions that all architectures share. */
#include "arch.h"
#include "base/text.h"

void ucall_describe_access(struct ucall_text *text, const char *where, uint64_t address,
			   enum ucall_access access, bool denied)
{
	ucall_text_add(text, ", %s 0x%llx: %s %s", where, (unsigned long long)address,
		       access == UCALL_ACCESS_FETCH   ? "fetch from"
		       : access == UCALL_ACCESS_WRITE ? "write to"
						      : "read of",
		       denied			   ? "memory that does not permit it"
		       : address < UCALL_PAGE_SIZE ? "the null page"
						   : "memory that is not mapped");
}

void ucall_describe_gprs(struct ucall_text *text, const char *const *names, const uint64_t *gpr,
			 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		ucall_text_add(text, "  %-4s %016llx%s", names[i], (unsigned long long)gpr[i],
			       i % 4 == 3 || i + 1 == count ? "\n" : "");
}
