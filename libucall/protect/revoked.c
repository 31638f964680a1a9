// SPDX-License-Identifier: MIT
/* See revoked.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"
#include "revoked.h"

#define PAGE ((uintptr_t)4096)

/*
 * A slot in a list that only grows, because a handler may be reading it.  A slot whose size is 0 is
 * free.
 */
struct ucall_revocable {
	struct ucall_revocable *next;
	uintptr_t start; /* atomic */
	size_t size; /* atomic */
	uint32_t *lost; /* atomic bits, one for each page */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct ucall_revocable *list; /* atomic */
static unsigned int used;
static struct sigaction before_segv, before_bus;

static struct ucall_revocable *find(uintptr_t address)
{
	struct ucall_revocable *r = __atomic_load_n(&list, __ATOMIC_ACQUIRE);

	while (r && address - __atomic_load_n(&r->start, __ATOMIC_ACQUIRE) >=
			    __atomic_load_n(&r->size, __ATOMIC_ACQUIRE))
		r = r->next;
	return r;
}

/* What would have happened without this handler. */
static void pass_on(int signal_number, siginfo_t *info, void *context)
{
	struct sigaction *before = signal_number == SIGSEGV ? &before_segv : &before_bus;
	const struct sigaction now = *before;
	sigset_t mask, old;

	if (!(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_IGN && info->si_code <= 0)
		return;
	if (!(now.sa_flags & SA_SIGINFO) &&
	    (now.sa_handler == SIG_DFL || now.sa_handler == SIG_IGN)) {
		/* A fault's instruction is executed again, without a handler; a signal is sent again. */
		sigaction(signal_number, &now, NULL);
		if (info->si_code <= 0)
			raise(signal_number);
		return;
	}
	mask = now.sa_mask;
	if (!(now.sa_flags & SA_NODEFER))
		sigaddset(&mask, signal_number);
	if (now.sa_flags & SA_RESETHAND) {
		before->sa_flags &= ~(SA_SIGINFO | SA_RESETHAND);
		before->sa_handler = SIG_DFL;
	}
	pthread_sigmask(SIG_BLOCK, &mask, &old);
	if (now.sa_flags & SA_SIGINFO)
		now.sa_sigaction(signal_number, info, context);
	else
		now.sa_handler(signal_number);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* Puts zeroes in the place of pages; false if that is not possible. */
static bool replace(struct ucall_revocable *r, uintptr_t start, size_t size)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;

	if (mmap((void *)start, size, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED)
		return false;
	for (size_t number = (start - r->start) / PAGE, end = number + size / PAGE; number < end;
	     number++)
		__atomic_fetch_or(&r->lost[number / 32], 1u << number % 32, __ATOMIC_RELAXED);
	return true;
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	struct ucall_revocable *r = info->si_code > 0 ? find(address) : NULL;
	int error = errno;

	/* If the process has too many mappings, one page cannot be replaced, but all of them can. */
	if (!r || (!replace(r, address & ~(PAGE - 1), PAGE) && !replace(r, r->start, r->size)))
		pass_on(signal_number, info, context);
	errno = error;
}

static bool is_ours(int signal_number)
{
	struct sigaction now;

	return !sigaction(signal_number, NULL, &now) && (now.sa_flags & SA_SIGINFO) &&
	       now.sa_sigaction == handle;
}

/*
 * With `lock`.  Once a program has put its own handler on top, which may call this one, this one
 * stays where it is for ever.
 */
static bool stays;

static int install(void)
{
	struct sigaction action = { .sa_sigaction = handle,
				    .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	if (stays)
		return 0;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, &before_segv))
		return -1;
	if (sigaction(SIGBUS, &action, &before_bus)) {
		sigaction(SIGSEGV, &before_segv, NULL);
		return -1;
	}
	return 0;
}

/* With `lock`. */
static void uninstall(void)
{
	if (!is_ours(SIGSEGV) || !is_ours(SIGBUS)) {
		stays = true;
		return;
	}
	sigaction(SIGSEGV, &before_segv, NULL);
	sigaction(SIGBUS, &before_bus, NULL);
}

static struct ucall_revocable *take_slot(void)
{
	struct ucall_revocable *r = list;

	while (r && r->size)
		r = r->next;
	if (r)
		return r;
	r = ucall_calloc(1, sizeof(*r));
	if (r) {
		r->next = list;
		__atomic_store_n(&list, r, __ATOMIC_RELEASE);
	}
	return r;
}

struct ucall_revocable *ucall_revocable_add(void *start, size_t size)
{
	uint32_t *lost = ucall_calloc(size / PAGE / 32 + 1, sizeof(*lost));
	struct ucall_revocable *r;

	if (!lost)
		return NULL;
	pthread_mutex_lock(&lock);
	r = take_slot();
	if (r && !used && install()) {
		ucall_fail_call("sigaction");
		r = NULL;
	}
	if (r) {
		used++;
		r->lost = lost;
		__atomic_store_n(&r->start, (uintptr_t)start, __ATOMIC_RELEASE);
		__atomic_store_n(&r->size, size, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&lock);
	if (!r)
		free(lost);
	return r;
}

void ucall_revocable_remove(struct ucall_revocable *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&lock);
	__atomic_store_n(&r->size, 0, __ATOMIC_RELEASE);
	free(r->lost);
	r->lost = NULL;
	if (!--used)
		uninstall();
	pthread_mutex_unlock(&lock);
}

bool ucall_revocable_is_lost(const struct ucall_revocable *r, const void *address)
{
	size_t number = ((uintptr_t)address - r->start) / PAGE;

	return __atomic_load_n(&r->lost[number / 32], __ATOMIC_RELAXED) >> number % 32 & 1;
}
