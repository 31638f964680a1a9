// SPDX-License-Identifier: MIT
/* Text that grows in a buffer of fixed size. */
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

void ucall_text_add(struct ucall_text *t, const char *format, ...)
{
	va_list ap;
	int n;

	if (t->used >= t->size)
		return;
	va_start(ap, format);
	n = vsnprintf(t->p + t->used, t->size - t->used, format, ap);
	va_end(ap);
	if (n > 0)
		t->used += (size_t)n;
}
