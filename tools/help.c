// SPDX-License-Identifier: MIT
/* Each command's options and arguments. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static const struct {
	const char *name, *text;
} texts[] = {
	{ "list", "usage: ucall list [--json]\n"
		  "Lists every backend found, the engines, compilers for guests, and kinds of "
		  "protection.\n"
		  "  --json            the backends as a JSON array\n" },
	{ "info", "usage: ucall info BACKEND\n"
		  "Describes one backend, named as in UCALL_BACKEND.\n" },
	{ "demo", "usage: ucall demo [--no-fork]\n"
		  "Runs one guest over every backend, architecture, engine and protection, each in "
		  "a process of\n"
		  "its own, and prints a row for each.\n"
		  "  --no-fork         all in this process\n" },
	{ "run", "usage: ucall run [OPTION...] GUEST.elf [ARG...]\n"
		 "Runs a guest ELF, in a process of its own, and prints its messages; up to six "
		 "integers are the\n"
		 "guest function's arguments.\n"
		 "  -b, --backend B   the backend, as in UCALL_BACKEND\n"
		 "  -e, --engine E    kvm or unicorn\n"
		 "  -a, --arch A      the architecture that the guest must have\n"
		 "  -E, --entry F     the guest function to start in (guest_main)\n"
		 "  -t, --timeout S   the limit for each message in seconds, such as 10 or 0.5\n"
		 "  -m, --memory MIB  the guest's memory\n"
		 "  -p, --protect P   the kind of memory encryption\n"
		 "  --core FILE       if the guest goes wrong, write a core file for a debugger\n"
		 "  --trace FILE      write a trace of runs, exits, messages and the guest's spans\n"
		 "  --coverage        add the counters of a guest of ucall cc --coverage to its .gcda "
		 "files\n"
		 "  --gdb[=ADDRESS]   wait for gdb before the guest's first instruction, at a port of "
		 "the loopback\n"
		 "                    device (1234) or at unix:PATH\n"
		 "  --dry-run         with -p sev, sev-es, sev-snp or tdx: list the KVM calls of "
		 "the launch\n"
		 "  --tap, --json     print the messages as TAP points, or as a JSON object in each line\n"
		 "  --raw             print the guest's text unescaped, with control characters\n"
		 "  --no-fork         run it in this process, for a debugger\n" },
	{ "cc", "usage: ucall cc [--arch ARCH] [--cc COMPILER] [-v] [-c] -o OUT SOURCE.c... "
		"[FLAG...]\n"
		"       ucall cc --backend [-S] [-v] -o ucall-NAME.so SOURCE.c [FLAG...]\n"
		"Compiles a guest ELF, or a backend with guest code for every architecture.\n"
		"  -a, --arch ARCH   x86_64, aarch64, s390x, riscv64 (the machine's own)\n"
		"  --cc COMPILER     compiler, with its options: --cc 'clang "
		"--target=aarch64-linux-gnu'\n"
		"  --coverage        with counters for gcov (by gcc); ucall run --coverage takes them\n"
		"  -c                compile to an object, do not link\n"
		"  -v                print the commands\n"
		"  -S                write only a backend's code for other architectures, as "
		"assembler\n"
		"Other options go to the compiler, with the word after -MF, -MT and the like.\n" },
	{ "new", "usage: ucall new NAME [DIR] [--autotools]\n"
		 "Writes a backend to start from: source, test, README and Makefile, into DIR "
		 "(NAME).\n"
		 "  --autotools       configure.ac and Makefile.am instead of the Makefile\n" },
	{ "conform", "usage: ucall conform [--messages N] [--point PATTERN] [--no-fork] PLUGIN\n"
		     "Checks a backend and prints TAP.  PLUGIN is its name or path, and any "
		     "options.\n"
		     "  --messages N      how many messages to count (100000)\n"
		     "  --point PATTERN   only the points whose name the shell pattern matches, "
		     "such as 'texts*'\n"
		     "  --no-fork         all in this process, for a debugger\n" },
	{ "trace", "usage: ucall trace FILE\n"
		   "Prints a trace of UCALL_TRACE or `ucall run --trace`: when it was, whose it is, "
		   "and what it was.\n" },
	{ "lab", "usage: ucall lab MACHINE [OPTION...] [-- CMD [ARG...]]\n"
		 "       ucall lab MACHINE --cc [ARG...]\n"
		 "       ucall lab --matrix FILE [--out DIR] [--jobs N] [--resume] -- CMD "
		 "[ARG...]\n"
		 "Runs CMD on the real KVM of another machine, booted in an emulator: aarch64, "
		 "aarch64-pkvm,\n"
		 "riscv64, x86_64-svm (or x86_64), x86_64-vmx.  Files by a relative path, such as\n"
		 "./test, are copied there.\n"
		 "  --root FOLDER     copies it into the machine at /\n"
		 "  --timeout SECONDS the time limit (300)\n"
		 "  --kernel SUITE    the kernel of this suite of Debian: bookworm, trixie, "
		 "trixie-backports,\n"
		 "                    sid\n"
		 "  --module-options OPTIONS  options of KVM's module, such as npt=0\n"
		 "  --smp N           how many CPUs the machine has (1)\n"
		 "  --memory MIB      its memory (1024)\n"
		 "  --cc              compiles with libucall for the machine: --cc -o test test.c\n"
		 "  --matrix FILE     runs CMD on each machine of FILE, and prints one table\n"
		 "  --out DIR         the folder for its logs and results (lab-results)\n"
		 "  --jobs N          how many machines at a time (one for each CPU here)\n"
		 "  --resume          goes on with a matrix that was stopped\n" },
	{ "kselftest",
	  "usage: ucall kselftest --fetch[=SUITE] | --tree DIR [--backend B[,...]]\n"
	  "                       [--messages address|mailbox[,...]] [--arch A | --lab MACHINE "
	  "[--kernel SUITE]]\n"
	  "                       [--timeout SECONDS] [--compare] [--tap | --markdown] [--junit FILE] "
	  "[TEST...]\n"
	  "       ucall kselftest --fetch[=SUITE] | --tree DIR --export DIR\n"
	  "Runs the kernel's own KVM selftests, unmodified, over backends, beside the same tests as "
	  "they are.\n"
	  "  --fetch           takes the tests of Debian's newest kernel source, or of a suite's\n"
	  "  --tree DIR        takes those of this kernel tree, after `make headers` in it\n"
	  "  --backend B[,...] the backends (pio,mmio; mmio on aarch64; sbi,mmio on riscv64)\n"
	  "  --messages M[,M]  where messages are: address, in the tests' own pool (the default);\n"
	  "                    mailbox, in libucall's\n"
	  "  --arch A          the tests of this architecture, in its machine; s390x is only built\n"
	  "  --lab MACHINE     runs them in a machine of `ucall lab`\n"
	  "  --kernel SUITE    with the kernel of this suite of Debian\n"
	  "  --timeout SECONDS the time limit of each test (60; 180 in a machine)\n"
	  "  --compare         shows what a test printed whose verdict differs\n"
	  "  --tap, --markdown instead of the table\n"
	  "  --junit FILE      writes JUnit's XML, too\n"
	  "  --export DIR      writes the change as patches for `git am`, and runs nothing\n" },
	{ "bench", "usage: ucall bench [--backend BACKEND] [--quick] [--json FILE] [--svg FILE]\n"
		   "Measures what a ucall costs, compared with its bare exit.\n"
		   "  --backend BACKEND one backend only\n"
		   "  --quick           measure less often\n"
		   "  --json, --svg     write FILE; - is standard output, instead of the table\n" },
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

	/* Only the usage lines. */
	do
		end += strcspn(end, "\n") + 1;
	while (*end == ' ');
	fprintf(stderr, "%.*sSee ucall %s --help\n", (int)(end - text), text, command);
	return EXIT_USAGE;
}
