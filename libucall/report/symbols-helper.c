// SPDX-License-Identifier: MIT
/* See symbols-helper.h. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sanitizers.h"
#include "base/search.h"
#include "modules/module.h"
#include "symbols-helper.h"

#define STACK_WORDS 8192 /* 64 KiB: the size of a vCPU's stack */
#define CHILD_STACK 65536

extern char **environ;

static __thread char problem_text[4096 + 128];

/* ---- the request ---- */

static bool write_all(int fd, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(fd, (const char *)data + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* Copies as much of the stack as can be read; returns the number of words. */
static uint32_t copy_stack(const struct ucall_unwind *at, uint64_t *words)
{
	uint32_t n = 0;

	while (n < STACK_WORDS && at->read(at->data, at->stack + n * 8ull, &words[n]))
		n++;
	return n;
}

static bool write_request(int fd, const struct ucall_unwind *at, unsigned int most)
{
	struct ucall_symbols_request r = {
		.version = UCALL_VERSION,
		.pc = at->pc,
		.end = at->end,
		.returns = at->returns,
		.most = most < UCALL_BACKTRACE_MAX ? most : UCALL_BACKTRACE_MAX,
		.reg_count = at->count < UCALL_SYMBOLS_REGS ? at->count : UCALL_SYMBOLS_REGS,
		.stack = at->stack,
		.image_size = at->image_size,
	};
	uint64_t *words = malloc(STACK_WORDS * sizeof(*words));
	bool good;

	if (!words)
		return false;
	memcpy(r.regs, at->regs, r.reg_count * sizeof(r.regs[0]));
	r.words = copy_stack(at, words);
	good = write_all(fd, &r, sizeof(r)) && write_all(fd, words, r.words * sizeof(*words)) &&
	       write_all(fd, at->image, at->image_size) && !lseek(fd, 0, SEEK_SET);
	free(words);
	return good;
}

/* ---- the program ---- */

static int find_in(void *data, const char *folder)
{
	char *path = data;

	snprintf(path, 4096, "%s/" UCALL_SYMBOLS_HELPER, folder);
	return !access(path, X_OK);
}

struct start {
	const char *path;
	int request, answer;
	int error; /* of starting it */
};

/*
 * The process in between: starts the program, waits for it, and ends.  It shares the caller's
 * memory, and the calling thread waits meanwhile.
 */
static int process_between(void *data)
{
	struct start *s = data;
	char *argv[] = { (char *)(uintptr_t)s->path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int status;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	s->error = posix_spawn_file_actions_adddup2(&actions, s->request, STDIN_FILENO);
	if (!s->error)
		s->error = posix_spawn_file_actions_adddup2(&actions, s->answer, STDOUT_FILENO);
	if (!s->error)
		s->error = posix_spawn(&pid, s->path, &actions, &attributes, argv, environ);
	if (!s->error)
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return 0; /* clone() ends the process with that */
}

#ifdef THREAD_SANITIZER
/* The thread sanitizer's clone() takes all other threads for ended, even with shared memory. */
int __clone(int (*function)(void *), void *stack, int flags, void *argument, ...);
#define clone __clone
#endif

/*
 * Runs the program to its end.  The process in between has no exit signal, so the caller gets no
 * SIGCHLD for it, and its wait() does not see it (clone(2), wait(2): __WCLONE).  exec() would set
 * that signal again, so the program itself cannot be started that way.
 */
static int run(struct start *s)
{
	sigset_t all, old;
	pid_t pid;
	char *stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return errno;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = clone(process_between, stack + CHILD_STACK, CLONE_VM | CLONE_VFORK, s);
	if (pid < 0)
		s->error = errno;
	else
		while (waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(stack, CHILD_STACK);
	return s->error;
}

/* ---- the answer ---- */

/* The guest ELF may have taken over the program: checks numbers and texts. */
static unsigned int read_answer(int fd, struct ucall_backtrace_entry *frames, unsigned int most,
				bool *complete)
{
	struct ucall_symbols_answer answer;
	unsigned int n = 0;

	*complete = false;
	if (pread(fd, &answer, sizeof(answer), 0) != sizeof(answer))
		return 0;
	*complete = answer.complete;
	for (; n < answer.count && n < most && n < UCALL_BACKTRACE_MAX; n++) {
		struct ucall_backtrace_entry *f = &answer.backtrace[n];

		f->function[sizeof(f->function) - 1] = f->file[sizeof(f->file) - 1] = 0;
		frames[n] = *f;
	}
	return n;
}

unsigned int ucall_symbols_ask(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
			       unsigned int most, const char **problem)
{
	char path[4096];
	struct start s = {
		.path = path,
		.request = memfd_create("ucall-symbols-request", MFD_CLOEXEC),
		.answer = memfd_create("ucall-symbols-answer", MFD_CLOEXEC),
	};
	struct ucall_file_writing writing;
	unsigned int n = 0;
	bool complete;
	int error;

	*problem = NULL;
	ucall_file_writing_begin(&writing);
	if (!ucall_search_folders(UCALL_SEARCH_MODULES, find_in, path)) {
		*problem = "no program " UCALL_SYMBOLS_HELPER
			   " in the module folders; " UCALL_INSTALL_MODULE("libdw-dev");
	} else if (s.request < 0 || s.answer < 0 || !write_request(s.request, at, most) ||
		   ftruncate(s.answer, sizeof(struct ucall_symbols_answer))) {
		*problem = errno == EFBIG ? "the limit on file sizes (RLIMIT_FSIZE) leaves no room "
					    "for a copy of the guest ELF"
					  : "no memory for a copy of the guest ELF";
	} else if ((error = run(&s))) {
		snprintf(problem_text, sizeof(problem_text), "cannot run %s: %s", path,
			 strerror(error));
		*problem = problem_text;
	} else {
		n = read_answer(s.answer, frames, most, &complete);
		if (!complete)
			*problem = "the guest ELF's debug information takes too much time or "
				   "memory, or is "
				   "damaged";
	}
	ucall_file_writing_end(&writing);
	if (s.request >= 0)
		close(s.request);
	if (s.answer >= 0)
		close(s.answer);
	return n;
}
