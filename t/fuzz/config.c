// SPDX-License-Identifier: MIT
/* Fuzz: config strings against options of every type. */
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ucall_metadata metadata = {
		.name = "fuzz",
		.options = {
			{ .name = "port", .type = UCALL_OPTION_UINT, .min = 1, .max = 0xffff,
			  .value = "0x3f8" },
			{ .name = "poll", .type = UCALL_OPTION_BOOL, .value = "0" },
			{ .name = "exit", .type = UCALL_OPTION_CHOICE, .choices = "hlt|pio|ghcb",
			  .value = "hlt" },
			{ .name = "text", .type = UCALL_OPTION_STRING, .value = "" },
		},
	};
	char *text = strndup((const char *)data, size), *name;
	struct ucall_args *args;

	if (!text)
		return 0;
	name = ucall_config_name(text, "backend");
	if (name) {
		args = ucall_args_parse(&metadata, ucall_config_options(text), "backend");
		if (args &&
		    (ucall_args_uint(args, "port") < 1 || ucall_args_uint(args, "port") > 0xffff ||
		     ucall_args_uint(args, "poll") > 1 || ucall_args_uint(args, "exit") > 2 ||
		     !ucall_args_string(args, "text") || ucall_args_string(args, "none")))
			abort();
		ucall_args_free(args);
	}
	free(name);
	free(text);
	return 0;
}
