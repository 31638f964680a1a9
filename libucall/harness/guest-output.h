/* SPDX-License-Identifier: MIT */
/* The output of GUEST_PRINTF, kept apart from a program's own output: TAP, a terminal. */
#ifndef LIBUCALL_GUEST_OUTPUT_H
#define LIBUCALL_GUEST_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct ucall_guest_output {
	FILE *stream; /* for ucall_vm_config.output */
	FILE *to;
	const char *prefix;
	bool in_line; /* a line has been begun */
};

/*
 * Opens a stream that writes to `to`, with `prefix` before each line and control characters
 * escaped, except newline and tab.  Returns 0, or -1 if memory ran out.
 */
int ucall_guest_output_open(struct ucall_guest_output *output, FILE *to, const char *prefix);

/* Writes what is left, and a newline if the last line has none. */
void ucall_guest_output_end(struct ucall_guest_output *output);

#endif
