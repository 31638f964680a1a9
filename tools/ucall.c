// SPDX-License-Identifier: MIT
/* The `ucall` command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <ucall/ucall.h>

#include "commands.h"
#include "text.h"

static const struct {
	const char *name, *args, *help;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "list", "[--json]", "every backend found, and whether it works here", cmd_list },
	{ "info", "BACKEND", "describe one backend", cmd_info },
	{ "demo", "", "one guest over every backend, architecture and engine", cmd_demo },
	{ "run", "[OPTION...] GUEST.elf", "run a guest ELF and print its messages", cmd_run },
	{ "cc", "[OPTION...] SOURCE.c", "compile a guest ELF, or a backend", cmd_cc },
	{ "new", "NAME [DIR]", "write the source of a backend of your own", cmd_new },
	{ "conform", "PLUGIN", "check whether a backend is correct", cmd_conform },
	{ "trace", "FILE", "print a trace, a line for each event", cmd_trace },
	{ "lab", "MACHINE [-- CMD]", "run CMD on the real KVM of another machine", cmd_lab },
	{ "kselftest", "--fetch[=SUITE] | --tree DIR",
	  "run the kernel's KVM selftests over backends", cmd_kselftest },
	{ "bench", "[OPTION...]", "what a ucall costs, against a bare exit", cmd_bench },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *to)
{
	fprintf(to, "usage: ucall COMMAND [ARG...]\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-7s %-22s %s\n", commands[i].name, commands[i].args,
			commands[i].help);
	fprintf(to, "\nSee ucall COMMAND --help (-h) and ucall(1).  ucall --version (-V) prints "
		    "the library's version.\n");
}

/* Opens closed descriptors below 3: else another file could get one, and with it the output. */
static void open_standard_files(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	char text[256];

	open_standard_files();
	/* A file that reaches the size limit is then an error with a message. */
	signal(SIGXFSZ, SIG_IGN);
	if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
		usage(stdout);
		return checked_output(0);
	}
	if (!strcmp(name, "--version") || !strcmp(name, "-V")) {
		printf("ucall %s\n", ucall_version());
		return checked_output(0);
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (argc > 2 && (!strcmp(argv[2], "--help") || !strcmp(argv[2], "-h"))) {
			print_help(stdout, name);
			return checked_output(0);
		}
		return checked_output(commands[i].run(argc - 1, argv + 1));
	}
	if (*name)
		fprintf(stderr, "ucall: no command \"%s\"\n\n",
			printable(name, text, sizeof(text)));
	usage(stderr);
	return EXIT_USAGE;
}
