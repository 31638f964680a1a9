/* SPDX-License-Identifier: MIT */
/* What `ucall run` prints: lines for a reader, TAP, or JSON. */
#ifndef TOOLS_RUN_OUTPUT_H
#define TOOLS_RUN_OUTPUT_H

#include <ucall/ucall.h>

#include "harness/guest-output.h"

enum run_format {
	RUN_LINES,
	RUN_RAW, /* lines, with the guest's text unescaped */
	RUN_TAP, /* a point for each message */
	RUN_JSON, /* an object for each message, on a line of its own */
};

struct run_output {
	enum run_format format;
	unsigned int points; /* RUN_TAP */
	struct ucall_guest_output text; /* but with RUN_RAW and RUN_JSON */
	FILE *json; /* RUN_JSON: the guest's text */
	char rest[4]; /* RUN_JSON: the beginning of a character */
	size_t rest_size;
};

/* Sets config->output if the guest's text goes through this.  0, or -1 if memory ran out. */
int run_output_open(struct run_output *o, struct ucall_vm_config *config);
void run_output_close(struct run_output *o);
void run_output_measurement(struct run_output *o, const uint8_t *digest, int size);
/* A message other than UCALL_DONE; and that. */
void run_output_message(struct run_output *o, int cmd, const struct ucall *uc);
void run_output_done(struct run_output *o);
/* ucall_next() has failed with that errno. */
void run_output_error(struct run_output *o, const struct ucall_vcpu *vcpu, int error);
/* There is no guest, or none any more: told on stderr, and as the format needs it. */
void run_output_no_guest(enum run_format format, const char *text);

#endif
