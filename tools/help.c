// SPDX-License-Identifier: MIT
/* What each command can be given. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static const struct {
	const char *name, *text;
} texts[] = {
	{ "list",
	  "usage: ucall list [--json]\n"
	  "Lists every backend found, the engines, compilers for guests, and kinds of protection.\n"
	  "  --json            the backends as a JSON array\n" },
	{ "info", "usage: ucall info BACKEND\n"
		  "All about one backend, which is named as in UCALL_BACKEND.\n" },
	{ "demo",
	  "usage: ucall demo [--no-fork]\n"
	  "Runs one guest over every backend, architecture, engine and protection, each in a process of\n"
	  "its own, and prints a row for each.\n"
	  "  --no-fork         all in this process\n" },
	{ "run",
	  "usage: ucall run [OPTION...] GUEST.elf [ARG...]\n"
	  "Runs a guest ELF, in a process of its own, and prints its messages; up to six integers are the\n"
	  "guest function's arguments.\n"
	  "  -b, --backend B   the backend, as in UCALL_BACKEND\n"
	  "  -e, --engine E    kvm or unicorn\n"
	  "  -a, --arch A      the architecture that the guest must be of\n"
	  "  -E, --entry F     the guest function to start in (guest_main)\n"
	  "  -t, --timeout S   the limit for each message in seconds, such as 10 or 0.5\n"
	  "  -m, --memory MIB  the guest's memory\n"
	  "  -p, --protect P   the kind of memory encryption\n"
	  "  --dry-run         with -p sev, sev-es or sev-snp: list what KVM would be asked for\n"
	  "  --raw             print the guest's text as it is, control characters too\n"
	  "  --no-fork         run it in this process, for a debugger\n" },
	{ "cc",
	  "usage: ucall cc [--arch ARCH] [--cc COMPILER] [-v] [-c] -o OUT SOURCE.c... [FLAG...]\n"
	  "       ucall cc --backend [-S] [-v] -o ucall-NAME.so SOURCE.c [FLAG...]\n"
	  "Compiles a guest ELF, or a backend with guest code for every architecture.\n"
	  "  -a, --arch ARCH   x86_64, aarch64, s390x, riscv64 (the machine's own)\n"
	  "  --cc COMPILER     a compiler, with words of its own: --cc 'clang --target=aarch64-linux-gnu'\n"
	  "  -c                compile to an object, and link nothing\n"
	  "  -v                print the commands\n"
	  "  -S                of a backend only the other architectures' code, as assembler\n"
	  "Other words that begin with a dash are the compiler's; so is the word after -MF, -MT and the like.\n" },
	{ "new", "usage: ucall new NAME [DIR] [--autotools]\n"
		 "Writes a backend to begin from: source, test, README and Makefile, into DIR (NAME).\n"
		 "  --autotools       configure.ac and Makefile.am instead of the Makefile\n" },
	{ "conform",
	  "usage: ucall conform [--messages N] [--point PATTERN] [--no-fork] PLUGIN\n"
	  "Decides whether a backend is right, in TAP.  PLUGIN is its name or path, with options if need be.\n"
	  "  --messages N      how many messages are counted (100000)\n"
	  "  --point PATTERN   only the points whose name the shell pattern matches, such as 'texts*'\n"
	  "  --no-fork         all in this process, for a debugger\n" },
	{ "lab",
	  "usage: ucall lab ARCH [--root FOLDER]... [--timeout SECONDS] [--module-options OPTIONS]\n"
	  "                 [-- CMD [ARG...]]\n"
	  "Runs CMD on the real KVM of another machine (aarch64, riscv64 or x86_64), booted in QEMU.\n"
	  "./CMD is a program of this machine that goes along.\n"
	  "  --root FOLDER     is put into the machine at /\n"
	  "  --timeout SECONDS ends it (300)\n"
	  "  --module-options OPTIONS  what KVM's module gets, such as npt=0\n" },
	{ "bench", "usage: ucall bench [--backend BACKEND] [--quick] [--json FILE] [--svg FILE]\n"
		   "Measures what a ucall costs, against the exit that it is made of.\n"
		   "  --backend BACKEND one backend only\n"
		   "  --quick           measure less often\n"
		   "  --json, --svg     write FILE; -, the standard output, in place of the table\n" },
};

static const char *help_of(const char *command)
{
	size_t i = 0;

	while (strcmp(texts[i].name, command) != 0)
		i++;
	return texts[i].text;
}

void print_help(FILE *to, const char *command)
{
	fputs(help_of(command), to);
}

int bad_usage(const char *command)
{
	const char *text = help_of(command), *end = text;

	/* The lines with the call alone. */
	do
		end += strcspn(end, "\n") + 1;
	while (*end == ' ');
	fprintf(stderr, "%.*sucall %s --help says more\n", (int)(end - text), text, command);
	return EXIT_USAGE;
}
