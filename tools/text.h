/* SPDX-License-Identifier: MIT */
/* Numbers from the command line, and text of files and guests for a terminal or JSON. */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <ucall/plugin.h>

/*
 * A number from min to max, decimal or 0x hexadecimal, with nothing before or after it.  False
 * after a message on stderr, in which `what` names the option.
 */
bool parse_number(const char *what, const char *text, uint64_t min, uint64_t max, uint64_t *value);
/* The same for any 64-bit integer, also negative. */
bool parse_integer(const char *what, const char *text, uint64_t *value);
/* A time in seconds, such as 10 or 0.5. */
bool parse_seconds(const char *what, const char *text, int *ms);

/* Text for a terminal, in `buffer`: control characters are escaped. */
const char *printable(const char *text, char *buffer, size_t size);

/* Returns `status`, or an error after a message if standard output could not be written. */
int checked_output(int status);

/* A JSON string; what is not UTF-8 becomes U+FFFD. */
void json_string(FILE *f, const char *text);
void json_bytes(FILE *f, const char *text, size_t size);
/* "name": "text", then `after`. */
void json_pair(FILE *f, const char *name, const char *text, const char *after);

/* ucall_backends() and ucall_backend_find(), with control characters in texts escaped. */
struct ucall_backend_info *find_backends(size_t *count);
struct ucall_backend_info *find_backend(const char *config);

#endif
