// SPDX-License-Identifier: MIT
/* Fuzz: a plugin file, through `ucall info`: whatever the file says, the output is plain text. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/text.h"
#include "../../tools/commands.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Only newlines and printable characters. */
static void check(const char *text, size_t size)
{
	char *escaped = malloc(4 * size + 1);
	struct ucall_text t = { escaped, 4 * size + 1, 0 };

	if (!escaped)
		return;
	ucall_text_add_escaped(&t, text, size, "\n");
	if (t.used != size)
		abort();
	free(escaped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("plugin", MFD_CLOEXEC);
	char path[64], *text = NULL, *argv[] = { (char *)(uintptr_t) "info", path, NULL };
	FILE *real = stdout;
	size_t n = 0;

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	stdout = open_memstream(&text, &n);
	cmd_info(2, argv);
	fclose(stdout);
	stdout = real;
	check(text, n);
	free(text);
	close(fd);
	return 0;
}
