// SPDX-License-Identifier: MIT
/* See text.h. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

size_t ucall_text_character(const char *text, size_t size)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n;

	if (!size || (p[0] >= 0x80 && p[0] < 0xc2) || p[0] > 0xf4)
		return 0;
	n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (n > size)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong, a surrogate, beyond U+10FFFF. */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool is_control(const unsigned char *p, size_t n)
{
	if (n == 1)
		return p[0] < 0x20 || p[0] == 0x7f;
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0; /* U+0080 to U+009F */
	if (n != 3 || p[0] != 0xe2)
		return false;
	/* U+200E, U+200F; U+2028 to U+202E; U+2066 to U+2069 */
	return (p[1] == 0x80 && (p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae))) ||
	       (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

/* How many bytes at `text` need no escape. */
static size_t plain_part(const char *text, size_t size, const char *keep)
{
	size_t i = 0, n;

	for (; i < size; i += n) {
		const unsigned char *p = (const unsigned char *)text + i;

		n = ucall_text_character(text + i, size - i);
		if (!n || (is_control(p, n) && !(n == 1 && *p && strchr(keep, *p))))
			break;
	}
	return i;
}

void ucall_text_add_escaped(struct ucall_text *t, const char *text, size_t size, const char *keep)
{
	while (size) {
		size_t n = plain_part(text, size, keep);

		ucall_text_add(t, "%.*s", (int)n, text);
		text += n;
		size -= n;
		if (!size)
			return;
		n = ucall_text_character(text, size);
		n = n ? n : 1;
		if (*text == '\n' || *text == '\t')
			ucall_text_add(t, *text == '\n' ? "\\n" : "\\t");
		else
			for (size_t k = 0; k < n; k++)
				ucall_text_add(t, "\\x%02x", (unsigned char)text[k]);
		text += n;
		size -= n;
	}
}

void ucall_text_escape(char *text, size_t size)
{
	size_t n = strnlen(text, size), plain = plain_part(text, n, "");
	struct ucall_text t = { text, size, plain };
	char rest[2048];

	if (plain == n)
		return;
	n = n - plain < sizeof(rest) ? n - plain : sizeof(rest);
	memcpy(rest, text + plain, n);
	ucall_text_add_escaped(&t, rest, n, "");
}
