/* SPDX-License-Identifier: MIT */
/* Text that grows in a buffer of fixed size; what does not fit is left out. */
#ifndef LIBUCALL_TEXT_H
#define LIBUCALL_TEXT_H

#include <stddef.h>

struct ucall_text {
	char *p; /* terminated, once something was added */
	size_t size, used; /* used may exceed size: then it is full */
};

void ucall_text_add(struct ucall_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
