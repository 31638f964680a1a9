// SPDX-License-Identifier: MIT
/* See child.h. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "base/clock.h"
#include "base/text.h"

void *ucall_child_memory(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void ucall_child_free(void *memory, size_t size)
{
	if (memory)
		munmap(memory, size);
}

/* ---- in the child ---- */

/* What the child reports, in memory that the parent reads. */
struct child_report {
	char place[256]; /* where a signal came from */
	bool returned; /* `work` returned, and its status is the exit status */
};

static struct child_report *told;

static bool begins_with_any(const char *object, const char *const *names)
{
	for (; *names; names++)
		if (!strncmp(object, *names, strlen(*names)))
			return true;
	return false;
}

static const char *const libc[] = { "libc.so", "linux-vdso", NULL };
static const char *const sanitizers[] = { "libasan.so", "libtsan.so", "libubsan.so", NULL };

/*
 * Notes where the signal came from: the first function outside the C library and the sanitizers.
 * None of this is safe in a signal handler; but the process is about to die, and its time limit
 * ends it if it hangs.
 */
static void on_fatal(int number)
{
	void *frames[32];
	int n = backtrace(frames, 32);
	bool left = false;
	Dl_info info;

	for (int i = 0; i < n; i++) {
		const char *object;

		/* The handler's return address; this function and a sanitizer's come before. */
		if (!dladdr((char *)frames[i] - 1, &info) || !info.dli_fname) {
			left = true;
			continue;
		}
		object = ucall_file_name(info.dli_fname);
		if (begins_with_any(object, libc)) {
			left = true;
			continue;
		}
		if (!left || begins_with_any(object, sanitizers))
			continue;
		if (info.dli_sname)
			snprintf(told->place, sizeof(told->place), "%s (%s+0x%lx)", info.dli_sname,
				 object,
				 (unsigned long)((uintptr_t)frames[i] - (uintptr_t)info.dli_fbase));
		else
			snprintf(told->place, sizeof(told->place), "%s+0x%lx", object,
				 (unsigned long)((uintptr_t)frames[i] - (uintptr_t)info.dli_fbase));
		break;
	}
	raise(number); /* with the default action, once this has returned */
}

/* Leaves alone signals that already have a handler, such as a sanitizer's. */
static void catch_fatal(void)
{
	static const int fatal[] = { SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	static char stack[65536];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_ONSTACK },
			 old;

	if (sigaltstack(NULL, &alternate) || (alternate.ss_flags & SS_DISABLE)) {
		alternate = (stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) };
		sigaltstack(&alternate, NULL);
	}
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (!sigaction(fatal[i], NULL, &old) && old.sa_handler == SIG_DFL)
			sigaction(fatal[i], &action, NULL);
}

static void run_work(const struct ucall_child *c, pid_t parent, const int *fds)
{
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(fds[0]);
	if (c->prefix && fds[1] != STDOUT_FILENO) {
		dup2(fds[1], STDOUT_FILENO);
		close(fds[1]);
	}
	if (c->prefix)
		setpgid(0, 0); /* its own processes end with it; kill(0, ...) reaches only them */
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* so that output before a crash is not lost */
	catch_fatal();
	status = c->work(c->data);
	told->returned = true;
	exit(status);
}

/* ---- in the parent ---- */

#define LAST_WORDS_MS 1000

static int64_t now_ms(void)
{
	return ucall_now_ns() / 1000000;
}

struct reader {
	int fd;
	const char *prefix;
	bool in_line;
};

/* Writes lines, each with the prefix unless it has it. */
static void write_lines(struct reader *r, const char *text, size_t size)
{
	for (size_t done = 0; done < size;) {
		const char *end = memchr(text + done, '\n', size - done);
		size_t n = end ? (size_t)(end - text) + 1 - done : size - done;

		if (!r->in_line && (n < strlen(r->prefix) ||
				    memcmp(text + done, r->prefix, strlen(r->prefix)) != 0))
			fputs(r->prefix, stdout);
		fwrite(text + done, 1, n, stdout);
		r->in_line = !end;
		done += n;
	}
}

/* Passes on what can be read now.  False at the end. */
static bool forward_output(struct reader *r)
{
	char text[4096];
	ssize_t n = read(r->fd, text, sizeof(text));

	if (n > 0 && r->prefix)
		write_lines(r, text, (size_t)n);
	return n > 0 || (n < 0 && errno == EINTR);
}

/* The time limit for poll(). */
static int pause_ms(const struct ucall_child *c, int64_t end, int pidfd)
{
	int64_t left = c->limit ? end - now_ms() : -1;

	if (pidfd < 0) /* before Linux 5.3 */
		return 2;
	return left < 0 && c->limit ? 0 : (int)left;
}

/* True if the child has ended, even if its status was taken by other code. */
static bool has_ended(pid_t pid, int flags)
{
	siginfo_t info = { .si_pid = 0 };
	int r;

	do
		r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | flags);
	while (r && errno == EINTR);
	return r || info.si_pid == pid;
}

/* Reaps a child that has ended, and ends what it left running.  False if its status is lost. */
static bool reap(const struct ucall_child *c, pid_t pid, int *status)
{
	if (c->prefix && kill(pid, 0) == 0) /* not reaped: the group's number is still its own */
		kill(-pid, SIGKILL);
	return waitpid(pid, status, 0) == pid;
}

/* Passes on output until the child has ended; *status is waitpid()'s.  False if that is lost. */
static bool follow(struct ucall_child *c, pid_t pid, struct reader *r, int *status)
{
	int64_t end = now_ms() + c->limit * 1000ll;
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	bool over = false, open = true, known;

	while (!over) {
		struct pollfd p[2] = { { .fd = open ? r->fd : -1, .events = POLLIN },
				       { .fd = pidfd, .events = POLLIN } };

		poll(p, 2, pause_ms(c, end, pidfd));
		if (p[0].revents)
			open = forward_output(r);
		if (p[1].revents || pidfd < 0)
			over = has_ended(pid, WNOHANG);
		if (!over && c->limit && now_ms() >= end) {
			c->timed_out = true;
			kill(pid, SIGKILL);
			over = has_ended(pid, 0);
		}
	}
	known = reap(c, pid, status);
	/* Its last output.  A process that it started may still write to the other end. */
	end = now_ms() + LAST_WORDS_MS;
	while (open && now_ms() < end) {
		struct pollfd p = { .fd = r->fd, .events = POLLIN };

		open = poll(&p, 1, 0) > 0 && forward_output(r);
	}
	if (r->in_line)
		putchar('\n');
	fflush(stdout);
	if (pidfd >= 0)
		close(pidfd);
	return known;
}

/* A child's status is lost if this program was started with SIGCHLD ignored.  True if it was. */
static bool stop_ignoring_sigchld(struct sigaction *old)
{
	struct sigaction heed = { .sa_handler = SIG_DFL };

	if (sigaction(SIGCHLD, NULL, old) ||
	    (old->sa_handler != SIG_IGN && !(old->sa_flags & SA_NOCLDWAIT)))
		return false;
	sigaction(SIGCHLD, &heed, NULL);
	return true;
}

int ucall_child_run(struct ucall_child *c)
{
	struct reader r = { .prefix = c->prefix };
	pid_t parent = getpid(), pid;
	struct sigaction old;
	int fds[2], status = 0;
	bool ignored;
	void *frame;

	backtrace(&frame, 1); /* loads what it needs, which a signal handler could not */
	told = ucall_child_memory(sizeof(*told));
	if (!told || pipe2(fds, O_CLOEXEC)) {
		ucall_child_free(told, sizeof(*told));
		return -1;
	}
	fflush(NULL);
	ignored = stop_ignoring_sigchld(&old);
	pid = fork();
	if (!pid) {
		if (ignored)
			sigaction(SIGCHLD, &old, NULL);
		run_work(c, parent, fds);
	}
	close(fds[1]);
	r.fd = fds[0];
	if (pid > 0) {
		c->lost = !follow(c, pid, &r, &status);
		memcpy(c->where, told->place, sizeof(c->where) - 1);
		c->returned = told->returned && !c->lost && WIFEXITED(status);
		c->exited = !c->lost && WIFEXITED(status);
		c->status = c->exited ? WEXITSTATUS(status) : 0;
		c->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	}
	if (ignored)
		sigaction(SIGCHLD, &old, NULL);
	close(fds[0]);
	ucall_child_free(told, sizeof(*told));
	return pid > 0 ? 0 : -1;
}

void ucall_child_describe(const struct ucall_child *c, char *text, size_t size)
{
	const char *name = sigabbrev_np(c->signal);

	if (c->timed_out)
		snprintf(text, size, "exceeded its time limit of %u s", c->limit);
	else if (c->lost)
		snprintf(text, size,
			 "ended, but something else in this program took its exit status");
	else if (c->exited)
		snprintf(text, size,
			 "its process ended with exit status %d: something called exit()",
			 c->status);
	else
		snprintf(text, size, "%s died by SIG%s%s%s",
			 strstr(c->where, "libunicorn") ? "the emulator" : "its process",
			 name ? name : "?", c->where[0] ? " at " : "", c->where);
}
