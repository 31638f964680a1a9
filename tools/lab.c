// SPDX-License-Identifier: MIT
/* ucall lab: a command on the real KVM of another machine.  The work is lab.sh's. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "compilers.h"

int cmd_lab(int argc, char **argv)
{
	char script[4096];
	char **args;

	if (argc < 2 || argv[1][0] == '-') {
		fprintf(stderr,
			"usage: ucall lab ARCH [--root FOLDER]... [--timeout SECONDS]\n"
			"                      [--module-options OPTIONS] [-- CMD [ARG...]]\n"
			"       ARCH is aarch64, riscv64 or x86_64; ./CMD is a program of this machine\n");
		return EXIT_USAGE;
	}
	snprintf(script, sizeof(script), "%s/lab.sh", kit_folder("UCALL_LAB_PATH", UCALL_LAB_DIR));
	args = calloc((size_t)argc + 3, sizeof(*args));
	if (args) {
		args[0] = (char *)(uintptr_t) "sh";
		args[1] = script;
		args[2] = (char *)(uintptr_t) "run";
		memcpy(args + 3, argv + 1, (size_t)(argc - 1) * sizeof(*args));
		execvp(args[0], args);
	}
	fprintf(stderr, "ucall: cannot run %s: %s\n", script, strerror(errno));
	free(args);
	return EXIT_USAGE;
}
