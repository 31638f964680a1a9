// SPDX-License-Identifier: MIT
/* See run-output.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "run-output.h"
#include "text.h"

/* ---- the guest's text ---- */

static void print_text(const char *text, size_t size)
{
	printf("{\"message\": \"printf\", \"text\": ");
	json_bytes(stdout, text, size);
	printf("}\n");
	fflush(stdout);
}

/* How many bytes at the end are the beginning of a character of UTF-8. */
static size_t incomplete(const char *text, size_t size)
{
	for (size_t n = 1; n < 4 && n <= size; n++) {
		unsigned char c = (unsigned char)text[size - n];

		if ((c & 0xc0) == 0x80)
			continue;
		return n < (c >= 0xf0 ? 4u : c >= 0xe0 ? 3u : c >= 0xc0 ? 2u : 1u) ? n : 0;
	}
	return 0;
}

/* One message, one object; but a character that two messages share is in the second. */
static ssize_t write_json(void *cookie, const char *text, size_t size)
{
	struct run_output *o = cookie;
	char *all = malloc(o->rest_size + size);
	size_t n = o->rest_size + size;

	if (!all)
		return 0;
	memcpy(all, o->rest, o->rest_size);
	memcpy(all + o->rest_size, text, size);
	o->rest_size = incomplete(all, n);
	n -= o->rest_size;
	memcpy(o->rest, all + n, o->rest_size);
	if (n)
		print_text(all, n);
	free(all);
	return (ssize_t)size;
}

int run_output_open(struct run_output *o, struct ucall_vm_config *config)
{
	const cookie_io_functions_t functions = { .write = write_json };

	switch (o->format) {
	case RUN_RAW:
		return 0;
	case RUN_JSON:
		o->json = fopencookie(o, "w", functions);
		if (!o->json)
			return -1;
		setvbuf(o->json, NULL, _IONBF, 0);
		config->output = o->json;
		return 0;
	default:
		if (ucall_guest_output_open(&o->text, stdout, o->format == RUN_TAP ? "# " : ""))
			return -1;
		config->output = o->text.stream;
		return 0;
	}
}

void run_output_close(struct run_output *o)
{
	if (o->text.stream)
		fclose(o->text.stream);
	if (o->json)
		fclose(o->json);
}

/* ---- messages ---- */

/* The name and the arguments, as "SYNC 1 (0x2 0x3)". */
static void print_words(int cmd, const struct ucall *uc)
{
	const int first = cmd == UCALL_SYNC ? 2 : 0;

	if (cmd == UCALL_SYNC)
		printf("SYNC %" PRIu64, uc->args[1]);
	else
		printf("command 0x%x", (unsigned int)cmd);
	for (int i = first; i < uc->nargs; i++)
		printf("%s0x%" PRIx64, i == first ? " (" : " ", uc->args[i]);
	printf("%s\n", uc->nargs > first ? ")" : "");
}

static void print_object(int cmd, const struct ucall *uc)
{
	const int first = cmd == UCALL_SYNC ? 2 : 0;

	if (cmd == UCALL_SYNC)
		printf("{\"message\": \"sync\", \"stage\": %" PRIu64, uc->args[1]);
	else
		printf("{\"message\": \"command\", \"command\": %d", cmd);
	printf(", \"args\": [");
	for (int i = first; i < uc->nargs; i++)
		printf("%s%" PRIu64, i == first ? "" : ", ", uc->args[i]);
	printf("]}\n");
}

/* What the guest has written so far, before another line. */
static void flush_text(struct run_output *o)
{
	ucall_guest_output_end(&o->text);
	if (o->rest_size)
		print_text(o->rest, o->rest_size);
	o->rest_size = 0;
}

void run_output_measurement(struct run_output *o, const uint8_t *digest, int size)
{
	const bool json = o->format == RUN_JSON;

	printf("%s", json		    ? "{\"measurement\": \""
		     : o->format == RUN_TAP ? "# MEASUREMENT "
					    : "MEASUREMENT ");
	for (int i = 0; i < size; i++)
		printf("%02x", digest[i]);
	printf("%s\n", json ? "\"}" : "");
}

void run_output_message(struct run_output *o, int cmd, const struct ucall *uc)
{
	flush_text(o);
	if (o->format == RUN_TAP)
		printf("ok %u - ", ++o->points);
	if (o->format == RUN_JSON)
		print_object(cmd, uc);
	else
		print_words(cmd, uc);
	fflush(stdout);
}

void run_output_done(struct run_output *o)
{
	flush_text(o);
	if (o->format == RUN_JSON)
		printf("{\"message\": \"done\"}\n");
	else if (o->format == RUN_TAP)
		printf("ok %u - DONE\n1..%u\n", o->points + 1, o->points + 1);
	else
		printf("DONE\n");
}

/* Each line of the text as a comment. */
static void print_comment(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("# %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

/* The first line.  # would begin a directive, and \ escapes it. */
static void print_description(const char *text)
{
	for (; *text && *text != '\n'; text++)
		printf("%s%c", *text == '#' || *text == '\\' ? "\\" : "", *text);
}

static void print_error_object(const char *name, const char *text, const char *report)
{
	printf("{\"message\": \"error\", ");
	json_pair(stdout, "errno", name ? name : "", ", ");
	json_pair(stdout, "text", text, ", ");
	json_pair(stdout, "report", report, "}\n");
}

void run_output_error(struct run_output *o, const struct ucall_vcpu *vcpu, int error)
{
	const char *report = ucall_fault_report(vcpu), *text = ucall_error();
	const char *name = strerrorname_np(error);

	flush_text(o);
	switch (o->format) {
	case RUN_JSON:
		print_error_object(name, text, report);
		break;
	case RUN_TAP:
		print_comment(*report ? report : text);
		printf("not ok %u - ", o->points + 1);
		print_description(text);
		printf("\n1..%u\n", o->points + 1);
		break;
	default:
		fflush(stdout);
		fprintf(stderr, "ucall: %s\n", *report ? report : text);
	}
	fflush(stdout);
}

void run_output_no_guest(enum run_format format, const char *text)
{
	fprintf(stderr, "ucall: %s\n", text);
	if (format == RUN_JSON) {
		print_error_object(NULL, text, "");
	} else if (format == RUN_TAP) {
		printf("Bail out! ");
		print_description(text);
		printf("\n");
	}
	fflush(stdout);
}
