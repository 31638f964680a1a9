// SPDX-License-Identifier: MIT
/*
 * ucall lab: a command on the real KVM of other machines.  ucall kselftest: the kernel's
 * selftests.  The work is that of scripts.
 */
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

/* Runs a script of the kit in this command's place; returns only if that fails. */
static int run_script(const char *folder, const char *name, const char *verb, int argc, char **argv)
{
	char script[4096];
	char **args;

	name_libucall();
	snprintf(script, sizeof(script), "%s/%s.sh", folder, name);
	if (access(script, R_OK)) {
		fprintf(stderr, "ucall: cannot read %s: %s; set UCALL_%s_PATH to its folder\n", script,
			strerror(errno), strcmp(name, "lab") ? "KSELFTEST" : "LAB");
		return EXIT_MISSING;
	}
	args = calloc((size_t)argc + 4, sizeof(*args));
	if (args) {
		int n = 0;

		args[n++] = (char *)(uintptr_t) "sh";
		args[n++] = script;
		if (verb)
			args[n++] = (char *)(uintptr_t)verb;
		memcpy(args + n, argv, (size_t)argc * sizeof(*args));
		execvp(args[0], args);
	}
	fprintf(stderr, "ucall: cannot run %s: %s\n", args ? "sh" : script, strerror(errno));
	free(args);
	return EXIT_MISSING;
}

int cmd_lab(int argc, char **argv)
{
	const char *folder = kit_folder("UCALL_LAB_PATH", UCALL_LAB_DIR);
	bool matrix = argc > 2 && !strcmp(argv[1], "--matrix");

	if (argc < 2 || (argv[1][0] == '-' && !matrix))
		return bad_usage("lab");
	if (matrix)
		return run_script(folder, "lab", "matrix", argc - 2, argv + 2);
	if (argc > 2 && !strcmp(argv[2], "--cc")) {
		argv[2] = argv[1];
		return run_script(folder, "lab", "cc", argc - 2, argv + 2);
	}
	return run_script(folder, "lab", "run", argc - 1, argv + 1);
}

int cmd_kselftest(int argc, char **argv)
{
	if (argc < 2)
		return bad_usage("kselftest");
	setenv("UCALL_LAB_PATH", kit_folder("UCALL_LAB_PATH", UCALL_LAB_DIR), 1);
	setenv("UCALL_KSELFTEST_INCLUDE", kit_folder("UCALL_INCLUDE_PATH", UCALL_INCLUDE_DIR), 1);
	return run_script(kit_folder("UCALL_KSELFTEST_PATH", UCALL_KSELFTEST_DIR), "kselftest", NULL,
			  argc - 1, argv + 1);
}
