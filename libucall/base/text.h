/* SPDX-License-Identifier: MIT */
/* Text that grows in a buffer of fixed size; what does not fit is left out. */
#ifndef LIBUCALL_TEXT_H
#define LIBUCALL_TEXT_H

#include <stddef.h>
#include <string.h>

struct ucall_text {
	char *p; /* NUL-terminated after the first addition */
	size_t size, used; /* used may exceed size: then it is full */
};

void ucall_text_add(struct ucall_text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Adds text of a guest or a file, made safe for a terminal: control characters (C0, C1, those that
 * change the direction of writing, and Unicode line ends) and bytes that are not UTF-8 become \n,
 * \t or escapes such as \x1b.  Characters in `keep` stay.
 */
void ucall_text_add_escaped(struct ucall_text *t, const char *text, size_t size, const char *keep);

/* The same in place, with nothing kept; text that becomes too long is cut. */
void ucall_text_escape(char *text, size_t size);

/* The last part of a path. */
static inline const char *ucall_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Number of bytes of the UTF-8 character at `text`; 0 if it is not valid. */
size_t ucall_text_character(const char *text, size_t size);

#endif
