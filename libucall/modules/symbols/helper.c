// SPDX-License-Identifier: MIT
/*
 * ucall-symbols: names the frames of a guest that is a separate ELF file.  The library starts it
 * for each report (libucall/report/symbols-helper.c).  Such a file can come from anyone, and libdw
 * unpacks and follows whatever is in it.  So this program has little memory, little time, and can
 * open no file.  Standard input is a struct ucall_symbols_request.  Standard output, a file too,
 * gets a struct ucall_symbols_answer step by step: it holds what was found before a limit was
 * reached.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "report/symbols-helper.h"
#include "backtrace.h"

#define MEMORY ((rlim_t)512 << 20)
#define CPU_SECONDS 2
#define SECONDS 10 /* for a busy machine */

#if defined(ADDRESS_SANITIZER) || defined(THREAD_SANITIZER)
#define NEEDS_ADDRESS_SPACE 1 /* sanitizers reserve terabytes */
#else
#define NEEDS_ADDRESS_SPACE 0
#endif

static void limit(int what, rlim_t value)
{
	struct rlimit l;

	if (getrlimit(what, &l))
		exit(1);
	if (l.rlim_max > value)
		l.rlim_max = value;
	if (l.rlim_cur > l.rlim_max)
		l.rlim_cur = l.rlim_max;
	if (setrlimit(what, &l))
		exit(1);
}

static void limit_all(void)
{
	sigset_t none;

	/* Closes the starting program's open files, and prevents becoming another user. */
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0); /* before Linux 5.9 they stay */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGXCPU, SIG_DFL);
	alarm(SECONDS);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_NOFILE, STDERR_FILENO + 1); /* open files stay open; no more can be opened */
	if (!NEEDS_ADDRESS_SPACE)
		limit(RLIMIT_AS, MEMORY);
}

/* Reads a word from the request's copy of the stack. */
static bool read_word(void *data, uint64_t address, uint64_t *value)
{
	const struct ucall_symbols_request *r = data;
	uint64_t offset = address - r->stack;

	if (offset % sizeof(*value) || offset / sizeof(*value) >= r->words)
		return false;
	memcpy(value, (const uint8_t *)(r + 1) + offset, sizeof(*value));
	return true;
}

int main(void)
{
	struct ucall_symbols_answer *answer;
	const struct ucall_symbols_request *r;
	struct ucall_unwind at;
	struct stat st;
	void *map;

	if (fstat(STDIN_FILENO, &st) || (size_t)st.st_size < sizeof(*r)) {
		fprintf(stderr, "ucall-symbols is started by libucall, to name the functions in a "
				"report\n");
		return 2;
	}
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0);
	answer = mmap(NULL, sizeof(*answer), PROT_READ | PROT_WRITE, MAP_SHARED, STDOUT_FILENO, 0);
	if (map == MAP_FAILED || answer == MAP_FAILED) {
		perror("ucall-symbols: mmap");
		return 1;
	}
	r = map;
	if (memcmp(r->version, UCALL_VERSION, sizeof(UCALL_VERSION)) != 0) {
		fprintf(stderr, "ucall-symbols was built for libucall " UCALL_VERSION "\n");
		return 2;
	}
	limit_all();
	at = (struct ucall_unwind){
		.pc = r->pc,
		.returns = r->returns,
		.end = r->end,
		.regs = r->regs,
		.count = r->reg_count,
		.read = read_word,
		.data = map,
		.image = (const uint8_t *)(r + 1) + r->words * sizeof(uint64_t),
		.image_size = r->image_size,
		.name = "guest",
	};
	symbols_backtrace(&at, answer->backtrace, r->most, &answer->count);
	answer->complete = 1;
	return 0;
}
