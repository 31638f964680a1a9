// SPDX-License-Identifier: MIT
/* See text.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "text.h"

/* ---- numbers ---- */

/* Unlike strtoull(), refuses "", " 1" and "-1". */
static bool parse_digits(const char *text, uint64_t *value)
{
	int base = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2) ? 16 : 10;
	const char *first = base == 16 ? text + 2 : text;
	char *end;

	if (!strchr("0123456789abcdefABCDEF", *first) || !*first)
		return false;
	errno = 0;
	*value = strtoull(first, &end, base);
	return !errno && !*end;
}

bool parse_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	if (parse_digits(text, value) && *value >= min && *value <= max)
		return true;
	fprintf(stderr, "ucall: %s \"%s\": give a number from %" PRIu64 " to %" PRIu64 "\n", what,
		text, min, max);
	return false;
}

bool parse_integer(const char *what, const char *text, uint64_t *value)
{
	bool negative = *text == '-';

	if (parse_digits(text + negative, value) && (!negative || *value <= (uint64_t)1 << 63)) {
		*value = negative ? -*value : *value;
		return true;
	}
	fprintf(stderr, "ucall: %s \"%s\" is not a 64-bit integer\n", what, text);
	return false;
}

bool parse_seconds(const char *what, const char *text, int *ms)
{
	char *end;
	double value = strtod(text, &end);

	if (*text && !*end && value >= 0.001 && value < 1e6) {
		*ms = (int)(value * 1000);
		return true;
	}
	fprintf(stderr, "ucall: %s %s is not a time; give seconds, such as 10 or 0.5\n", what,
		text);
	return false;
}

/* ---- printing ---- */

const char *printable(const char *text, char *buffer, size_t size)
{
	snprintf(buffer, size, "%s", text);
	ucall_text_escape(buffer, size);
	return buffer;
}

int checked_output(int status)
{
	int failed = fflush(stdout);

	if (!failed && !ferror(stdout))
		return status;
	fprintf(stderr, "ucall: cannot write standard output%s%s\n", failed ? ": " : "",
		failed ? strerror(errno) : "");
	clearerr(stdout);
	return status ? status : EXIT_USAGE;
}

/* ---- JSON ---- */

void json_bytes(FILE *f, const char *text, size_t size)
{
	putc('"', f);
	for (size_t i = 0, n; i < size; i += n) {
		n = ucall_text_character(text + i, size - i);
		if (!n) {
			fputs("\\ufffd", f);
			n = 1;
		} else if (text[i] == '"' || text[i] == '\\') {
			fprintf(f, "\\%c", text[i]);
		} else if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			fprintf(f, "\\u%04x", (unsigned char)text[i]);
		} else {
			fwrite(text + i, 1, n, f);
		}
	}
	putc('"', f);
}

void json_string(FILE *f, const char *text)
{
	json_bytes(f, text, strlen(text));
}

void json_pair(FILE *f, const char *name, const char *text, const char *after)
{
	json_string(f, name);
	fputs(": ", f);
	json_string(f, text);
	fputs(after, f);
}

/* ---- backends ---- */

static void escape(struct ucall_backend_info *info)
{
	struct ucall_metadata *md = &info->metadata;

	ucall_text_escape(md->version, sizeof(md->version));
	ucall_text_escape(md->summary, sizeof(md->summary));
	for (int i = 0; i < UCALL_MAX_OPTIONS; i++) {
		struct ucall_option *o = &md->options[i];

		ucall_text_escape(o->name, sizeof(o->name));
		ucall_text_escape(o->value, sizeof(o->value));
		ucall_text_escape(o->choices, sizeof(o->choices));
		ucall_text_escape(o->help, sizeof(o->help));
	}
}

struct ucall_backend_info *find_backends(size_t *count)
{
	struct ucall_backend_info *all = ucall_backends(count);

	for (size_t i = 0; all && i < *count; i++)
		escape(&all[i]);
	return all;
}

struct ucall_backend_info *find_backend(const char *config)
{
	struct ucall_backend_info *info = ucall_backend_find(config);

	if (info)
		escape(info);
	return info;
}
