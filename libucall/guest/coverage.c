// SPDX-License-Identifier: MIT
/* Only for guests of `ucall cc --coverage`, whose counters the host merges: see coverage-file.c. */
#include <ucall/guest.h>

/* gcc's counters refer to it; nothing calls it. */
UCALL_HIDDEN void __gcov_merge_add(int64_t *counters, unsigned int count);

UCALL_GUEST void __gcov_merge_add(int64_t *counters, unsigned int count)
{
}
