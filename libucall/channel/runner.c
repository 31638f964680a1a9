// SPDX-License-Identifier: MIT
/* See runner.h. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "machine/process.h"
#include "queue.h"
#include "runner.h"

enum state {
	STANDING, /* the vCPU */
	RUNNING,
	ENDING, /* the thread */
};

struct ucall_runner {
	struct ucall_vcpu *vcpu;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	enum state state; /* atomic; written under the lock */
	bool stop; /* atomic: ucall_runner_stop() waits */
};

static enum state state_of(const struct ucall_runner *r)
{
	return __atomic_load_n(&r->state, __ATOMIC_ACQUIRE);
}

/* With the lock. */
static void set_state(struct ucall_runner *r, enum state state)
{
	__atomic_store_n(&r->state, state, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&r->changed);
}

/* ---- the thread ---- */

/*
 * Until the vCPU ends its run by itself, or is to stand.  A kick may be a user's, or have been
 * ucall_runner_stop()'s when it was no longer needed.
 */
static void run_vcpu(struct ucall_runner *r)
{
	struct ucall_vcpu *vcpu = r->vcpu;

	for (;;) {
		int result = vcpu->vm->engine->run(vcpu, -1);

		if (!result || errno != EINTR ||
		    __atomic_exchange_n(&vcpu->kicked, 0, __ATOMIC_ACQ_REL)) {
			ucall_outcome_set(&vcpu->later, result);
			return;
		}
		if (__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE))
			return;
	}
}

static void *runner(void *data)
{
	struct ucall_runner *r = data;

	pthread_mutex_lock(&r->lock);
	while (r->state != ENDING) {
		if (r->state == STANDING) {
			pthread_cond_wait(&r->changed, &r->lock);
			continue;
		}
		pthread_mutex_unlock(&r->lock);
		run_vcpu(r);
		pthread_mutex_lock(&r->lock);
		set_state(r, STANDING);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static struct ucall_runner *start(struct ucall_vcpu *vcpu)
{
	struct ucall_runner *r = ucall_calloc(1, sizeof(*r));
	sigset_t all, old;
	int error;

	if (!r)
		return NULL;
	r->vcpu = vcpu;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	/* Signals are for the program's own threads; the one that ends a run unblocks itself. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&r->thread, NULL, runner, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!error)
		return r;
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
	ucall_fail(error, "no thread for vCPU %u, which is polled: %s", vcpu->number,
		   strerror(error));
	return NULL;
}

/* ---- the other thread ---- */

/*
 * Looks now and then, not all the time: each look takes the line of `put` away from the vCPU, and what comes
 * in between costs one look for all of it.
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

int ucall_runner_run(struct ucall_vcpu *vcpu, struct ucall_limit *limit)
{
	struct ucall_runner *r = vcpu->runner;

	if (!r)
		r = vcpu->runner = start(vcpu);
	if (!r)
		return -1;
	pthread_mutex_lock(&r->lock);
	/* It may have ended just now, which the caller has not seen. */
	if (r->state == STANDING && !vcpu->later.there)
		set_state(r, RUNNING);
	pthread_mutex_unlock(&r->lock);
	for (unsigned int round = 1; !ucall_queue_has(vcpu) && state_of(r) == RUNNING; round++) {
		relax(round);
		/* The clock is read only if it takes longer. */
		if (round % 256 || !ucall_limit_is_over(limit))
			continue;
		ucall_runner_stop(vcpu);
		if (vcpu->later.there || ucall_queue_has(vcpu))
			break;
		vcpu->exit.reason = UCALL_EXIT_TIMEOUT;
		errno = ETIMEDOUT;
		return -1;
	}
	return 0;
}

bool ucall_runner_is_running(const struct ucall_vcpu *vcpu)
{
	return vcpu->runner && state_of(vcpu->runner) == RUNNING;
}

void ucall_runner_stop(struct ucall_vcpu *vcpu)
{
	struct ucall_runner *r = vcpu->runner;

	if (!ucall_runner_is_running(vcpu) || ucall_process_inherited(vcpu->vm))
		return;
	__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
	vcpu->vm->engine->kick(vcpu);
	pthread_mutex_lock(&r->lock);
	while (r->state == RUNNING)
		pthread_cond_wait(&r->changed, &r->lock);
	pthread_mutex_unlock(&r->lock);
	__atomic_store_n(&r->stop, false, __ATOMIC_RELEASE);
}

void ucall_runner_stop_all(struct ucall_vm *vm)
{
	for (struct ucall_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		ucall_runner_stop(vcpu);
}

void ucall_runner_kick(struct ucall_vcpu *vcpu)
{
	__atomic_store_n(&vcpu->kicked, 1, __ATOMIC_RELEASE);
	vcpu->vm->engine->kick(vcpu);
}

void ucall_runner_free(struct ucall_vcpu *vcpu)
{
	struct ucall_runner *r = vcpu->runner;

	if (!r)
		return;
	/* In a child of the process the thread is not there, and the lock may be held for ever. */
	if (!vcpu->vm->inherited) {
		ucall_runner_stop(vcpu);
		pthread_mutex_lock(&r->lock);
		set_state(r, ENDING);
		pthread_mutex_unlock(&r->lock);
		pthread_join(r->thread, NULL);
		pthread_cond_destroy(&r->changed);
		pthread_mutex_destroy(&r->lock);
	}
	free(r);
	vcpu->runner = NULL;
}
