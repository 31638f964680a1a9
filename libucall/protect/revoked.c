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
	unsigned int count; /* atomic */
	uint8_t *lost; /* atomic bits, one for each page */
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
	const struct sigaction *before = signal_number == SIGSEGV ? &before_segv : &before_bus;

	if (before->sa_flags & SA_SIGINFO) {
		before->sa_sigaction(signal_number, info, context);
	} else if (before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN) {
		/* The instruction is executed again, without a handler. */
		sigaction(signal_number, before, NULL);
	} else {
		before->sa_handler(signal_number);
	}
}

static void handle(int signal_number, siginfo_t *info, void *context)
{
	uintptr_t address = (uintptr_t)info->si_addr;
	struct ucall_revocable *r = info->si_code > 0 ? find(address) : NULL;
	void *page = (void *)(address & ~(PAGE - 1));
	int error = errno;
	size_t number;

	if (!r || mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		       -1, 0) == MAP_FAILED) {
		pass_on(signal_number, info, context);
		return;
	}
	number = (address - r->start) / PAGE;
	__atomic_fetch_or(&r->lost[number / 8], (uint8_t)(1 << number % 8), __ATOMIC_RELAXED);
	__atomic_fetch_add(&r->count, 1, __ATOMIC_RELAXED);
	errno = error;
}

/* With `lock`. */
static int install(void)
{
	struct sigaction action = { .sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGSEGV, &action, &before_segv))
		return -1;
	if (sigaction(SIGBUS, &action, &before_bus)) {
		sigaction(SIGSEGV, &before_segv, NULL);
		return -1;
	}
	return 0;
}

/* With `lock`.  Leaves it if the program has installed another one on top. */
static void uninstall(int signal_number, const struct sigaction *before)
{
	struct sigaction now;

	if (!sigaction(signal_number, NULL, &now) && (now.sa_flags & SA_SIGINFO) &&
	    now.sa_sigaction == handle)
		sigaction(signal_number, before, NULL);
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
	uint8_t *lost = ucall_calloc(1, size / PAGE / 8 + 1);
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
		r->count = 0;
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
	if (!--used) {
		uninstall(SIGSEGV, &before_segv);
		uninstall(SIGBUS, &before_bus);
	}
	pthread_mutex_unlock(&lock);
}

unsigned int ucall_revocable_count(const struct ucall_revocable *r)
{
	return __atomic_load_n(&r->count, __ATOMIC_RELAXED);
}

bool ucall_revocable_is_lost(const struct ucall_revocable *r, const void *address)
{
	size_t number = ((uintptr_t)address - r->start) / PAGE;

	return __atomic_load_n(&r->lost[number / 8], __ATOMIC_RELAXED) >> number % 8 & 1;
}
