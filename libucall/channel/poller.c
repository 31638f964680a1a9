// SPDX-License-Identifier: MIT
/* See poller.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/process.h"
#include "poller.h"

enum state {
	STOPPED, /* the vCPU */
	RUNNING,
	ENDING, /* the thread */
};

struct ucall_poller {
	struct ucall_port *port;
	unsigned int process; /* that owns the thread */
	bool started;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state state; /* atomic; written under the lock */
	bool stop; /* atomic: ucall_poller_stop() waits */
};

static enum state state_of(const struct ucall_poller *r)
{
	return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE);
}

/* The caller holds the lock. */
static void set_state(struct ucall_poller *r, enum state state)
{
	__atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&r->changed);
}

/* ---- the thread ---- */

/*
 * Runs the vCPU until its run ends by itself or it must stop.  A kick may come from the user, or
 * late from ucall_poller_stop(), which no longer needs it.
 */
static void run_vcpu(struct ucall_poller *r)
{
	struct ucall_port *port = r->port;
	struct ucall_queued *q = port->queued;

	for (;;) {
		enum ucall_run_end end = port->channel->machine->run(port->cpu, -1);

		if (end != UCALL_RUN_KICK || __atomic_exchange_n(&q->kicked, 0, __ATOMIC_ACQ_REL)) {
			ucall_held_set(&q->held, end);
			return;
		}
		if (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE))
			return;
	}
}

static void *poll_vcpu(void *data)
{
	struct ucall_poller *r = data;

	pthread_mutex_lock(&r->lock);
	while (r->state != ENDING) {
		if (r->state == STOPPED) {
			pthread_cond_wait(&r->changed, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		run_vcpu(r);
		pthread_mutex_lock(&r->lock);
		set_state(r, STOPPED);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* ---- the other thread ---- */

struct ucall_poller *ucall_poller_new(struct ucall_port *port)
{
	struct ucall_poller *r = ucall_calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->port = port;
	r->process = ucall_process_this();
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	return r;
}

static int start(struct ucall_poller *r)
{
	sigset_t all, old;
	int error;

	/* Signals are for the program's own threads; a run unblocks the one that ends it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&r->thread, NULL, poll_vcpu, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (error)
		return ucall_fail(error, "cannot create a thread for vCPU %u: %s", r->port->number,
				  strerror(error));
	r->started = true;
	return 0;
}

/*
 * Waits between two looks at the queue: each look takes the cache line of `put` away from the vCPU,
 * and one look finds all messages since the last.
 */
static void relax(unsigned int round)
{
	if (round > 4000) {
		sched_yield();
		return;
	}
	for (int i = 0; i < 4; i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#elif defined(__aarch64__)
		__asm__ volatile("yield");
#endif
	}
}

int ucall_poller_run(struct ucall_poller *r, struct ucall_limit *limit)
{
	struct ucall_queued *q = r->port->queued;

	if (!r->started && start(r))
		return -1;
	pthread_mutex_lock(&r->lock);
	/* Its run may have ended since the caller looked. */
	if (r->state == STOPPED && !q->held.is_set)
		set_state(r, RUNNING);
	pthread_mutex_unlock(&r->lock);
	for (unsigned int round = 1; !ucall_queue_has(&q->queue) && state_of(r) == RUNNING;
	     round++) {
		relax(round);
		/* Reads the clock only if the wait takes longer. */
		if (round % 256)
			continue;
		ucall_channel_renew(r->port->channel, limit);
		if (!ucall_limit_is_over(limit))
			continue;
		ucall_poller_stop(r);
		if (!q->held.is_set && !ucall_queue_has(&q->queue))
			ucall_held_set(&q->held, UCALL_RUN_TIMEOUT);
		break;
	}
	return 0;
}

bool ucall_poller_is_running(const struct ucall_poller *r)
{
	return r && state_of(r) == RUNNING;
}

void ucall_poller_stop(struct ucall_poller *r)
{
	if (!ucall_poller_is_running(r) || ucall_process_is_inherited(r->process))
		return;
	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	r->port->channel->machine->kick(r->port->cpu);
	pthread_mutex_lock(&r->lock);
	while (r->state == RUNNING)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	__atomic_store_n(&r->stop, false, __ATOMIC_RELEASE);
}

void ucall_poller_free(struct ucall_poller *r, bool inherited)
{
	if (!r)
		return;
	/* In a forked child there is no such thread, and the lock may stay held for ever. */
	if (!inherited) {
		if (r->started) {
			ucall_poller_stop(r);
			pthread_mutex_lock(&r->lock);
			set_state(r, ENDING);
			pthread_mutex_unlock(&r->lock);
			pthread_join(r->thread, NULL);
		}
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
	}
	free(r);
}
