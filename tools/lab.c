// SPDX-License-Identifier: MIT
/* ucall lab: a command on the real KVM of other machines.  The work is lab.sh's. */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "compilers.h"

#define EXIT_MISSING 77 /* as lab.sh */

static void set_folders(const char *name, const char *path)
{
	const char *before = getenv(path);
	char *folders;

	if (asprintf(&folders, "%s%s%s", before ? before : "", before && *before ? ":" : "",
		     kit_folder("UCALL_BACKEND_DIR", UCALL_BACKEND_DIR)) < 0)
		return;
	setenv(name, folders, 1);
	free(folders);
}

/*
 * Names this command's own libucall, to be copied to a machine of the same architecture, and the
 * sources to build it for another one.
 */
static void name_libucall(void)
{
	char command[4096];
	ssize_t n = readlink("/proc/self/exe", command, sizeof(command) - 1);

	if (n <= 0)
		return;
	command[n] = 0;
	setenv("UCALL_LAB_COMMAND", command, 1);
	setenv("UCALL_LAB_SOURCE", kit_folder("UCALL_LAB_SOURCE", UCALL_LAB_SOURCE_DIR), 1);
	setenv("UCALL_LAB_LIBRARY", kit_folder("UCALL_LIBRARY_PATH", UCALL_LIBRARY_DIR), 1);
	set_folders("UCALL_LAB_PLUGINS", "UCALL_PLUGIN_PATH");
	set_folders("UCALL_LAB_MODULES", "UCALL_MODULE_PATH");
	setenv("UCALL_LAB_PRELOAD", kit_folder("UCALL_LAB_PRELOAD", UCALL_LAB_PRELOAD_DIR), 1);
}

int cmd_lab(int argc, char **argv)
{
	char script[4096];
	bool matrix = argc > 2 && !strcmp(argv[1], "--matrix");
	bool cc = argc > 2 && !strcmp(argv[2], "--cc");
	const char *verb = matrix ? "matrix" : cc ? "cc" : "run";
	char **args;

	if (argc < 2 || (argv[1][0] == '-' && !matrix))
		return bad_usage("lab");
	name_libucall();
	snprintf(script, sizeof(script), "%s/lab.sh", kit_folder("UCALL_LAB_PATH", UCALL_LAB_DIR));
	if (access(script, R_OK)) {
		fprintf(stderr, "ucall: cannot read %s: %s; set UCALL_LAB_PATH to its folder\n",
			script, strerror(errno));
		return EXIT_MISSING;
	}
	args = calloc((size_t)argc + 3, sizeof(*args));
	if (args) {
		args[0] = (char *)(uintptr_t) "sh";
		args[1] = script;
		args[2] = (char *)(uintptr_t)verb;
		if (matrix || cc) { /* without the option */
			if (cc)
				argv[2] = argv[1];
			argv++;
			argc--;
		}
		memcpy(args + 3, argv + 1, (size_t)(argc - 1) * sizeof(*args));
		execvp(args[0], args);
	}
	fprintf(stderr, "ucall: cannot run %s: %s\n", args ? "sh" : "lab.sh", strerror(errno));
	free(args);
	return EXIT_MISSING;
}
