// SPDX-License-Identifier: MIT
/* See guest-output.h. */
#include <string.h>

#include "guest-output.h"
#include "base/text.h"

/* A part of a line, without its end. */
static void write_part(const struct ucall_guest_output *o, const char *text, size_t size)
{
	while (size) {
		char part[4096];
		struct ucall_text t = { part, sizeof(part), 0 };
		size_t n = size < 1000 ? size : 1000; /* each byte may become four */

		/* Not in the middle of a character. */
		while (n < size && n > 996 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		ucall_text_add_escaped(&t, text, n, "\t");
		fwrite(part, 1, t.used, o->to);
		text += n;
		size -= n;
	}
}

static ssize_t write_text(void *cookie, const char *text, size_t size)
{
	struct ucall_guest_output *o = cookie;

	flockfile(o->to);
	for (size_t done = 0; done < size;) {
		const char *end = memchr(text + done, '\n', size - done);
		size_t n = end ? (size_t)(end - text) - done : size - done;

		if (!o->in_line)
			fputs(o->prefix, o->to);
		write_part(o, text + done, n);
		if (end)
			putc('\n', o->to);
		o->in_line = !end;
		done += n + (end != NULL);
	}
	funlockfile(o->to);
	return (ssize_t)size;
}

int ucall_guest_output_open(struct ucall_guest_output *output, FILE *to, const char *prefix)
{
	const cookie_io_functions_t functions = { .write = write_text };

	*output = (struct ucall_guest_output){ .to = to, .prefix = prefix };
	output->stream = fopencookie(output, "w", functions);
	if (!output->stream)
		return -1;
	setvbuf(output->stream, NULL, _IOLBF, BUFSIZ);
	return 0;
}

void ucall_guest_output_end(struct ucall_guest_output *output)
{
	if (!output->stream)
		return;
	fflush(output->stream);
	if (output->in_line)
		putc('\n', output->to);
	output->in_line = false;
	fflush(output->to);
}
