// SPDX-License-Identifier: MIT
/*
 * One timer for each thread that runs vCPUs.  It is armed for the first deadline.  Later runs only
 * store their own deadline; if the signal comes too early, its handler arms the timer for the
 * current deadline.
 *
 * The signal is the highest real-time signal that the program does not use when the first vCPU
 * runs.  Its handler uses only its own thread's state, which lives as long as the thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "watchdog.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define AGAIN 100000000 /* ns */

struct watchdog {
	uint8_t *volatile flag; /* NULL: no run to end */
	volatile int64_t deadline; /* CLOCK_MONOTONIC, ns */
	volatile int64_t armed; /* when the timer is due; 0: not armed */
	volatile bool expired;
	bool made; /* the timer exists */
	bool ready; /* the signal is not blocked here */
	pid_t thread;
	timer_t timer;
};

static __thread struct watchdog self;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static int signal_number; /* 0: none is free */

/*
 * Arms the timer for `when`, and then every AGAIN, in case the first signal had no effect: a
 * sanitizer may delay the handler until a system call is over.  0 disarms it.  Async-signal-safe.
 */
static int arm(struct watchdog *dog, int64_t when)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = when / 1000000000, .tv_nsec = when % 1000000000 },
		.it_interval = { .tv_nsec = AGAIN },
	};

	dog->armed = when;
	return timer_settime(dog->timer, TIMER_ABSTIME, &spec, NULL);
}

static void on_signal(int number)
{
	struct watchdog *dog = &self;
	int error = errno;

	if (dog->made) {
		int64_t time = ucall_now_ns();

		if (!dog->flag) {
			arm(dog, 0);
		} else if (time < dog->deadline) {
			arm(dog, dog->deadline);
		} else {
			dog->armed = time + AGAIN;
			dog->expired = true;
			__atomic_store_n(dog->flag, 1, __ATOMIC_RELAXED);
		}
	}
	errno = error;
}

static void thread_ends(void *value)
{
	struct watchdog *dog = value;

	if (dog->made) {
		dog->made = false;
		timer_delete(dog->timer);
	}
}

static void after_fork_in_child(void)
{
	self.made = self.ready = false; /* timers are not inherited, and this is another thread */
	self.armed = 0;
}

static void prepare(void)
{
	struct sigaction old,
		action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_ONSTACK };

	if (pthread_key_create(&key, thread_ends))
		return;
	sigfillset(&action.sa_mask);
	for (int n = SIGRTMAX; n >= SIGRTMIN; n--) {
		if (sigaction(n, NULL, &old) || old.sa_handler != SIG_DFL)
			continue;
		if (!sigaction(n, &action, NULL)) {
			signal_number = n;
			break;
		}
	}
	pthread_atfork(NULL, NULL, after_fork_in_child);
}

pid_t ucall_watchdog_thread(void)
{
	sigset_t set;

	if (self.ready)
		return self.thread;
	pthread_once(&once, prepare);
	if (!signal_number)
		return ucall_fail(EAGAIN, "no real-time signal is free; ending a run needs one");
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	self.thread = (pid_t)syscall(SYS_gettid);
	self.ready = true;
	return self.thread;
}

void ucall_watchdog_signal(pid_t thread)
{
	int error = errno;

	syscall(SYS_tgkill, getpid(), thread, signal_number);
	errno = error;
}

static int make(struct watchdog *dog)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID };

	if (ucall_watchdog_thread() < 0)
		return -1;
	event.sigev_signo = signal_number;
	event.sigev_notify_thread_id = dog->thread;
	if (timer_create(CLOCK_MONOTONIC, &event, &dog->timer))
		return ucall_fail(errno, "cannot create the timer for the time limit: %s",
				  strerror(errno));
	dog->made = true;
	dog->armed = 0;
	pthread_setspecific(key, dog);
	return 0;
}

int ucall_watchdog_start(uint8_t *flag, int64_t deadline)
{
	struct watchdog *dog = &self;
	int64_t armed;

	if (!dog->made && make(dog))
		return -1;
	dog->expired = false;
	dog->deadline = deadline;
	/* The handler may run between any two of these lines; that is safe. */
	dog->flag = flag;
	armed = dog->armed;
	if ((!armed || armed > dog->deadline) && arm(dog, dog->deadline)) {
		dog->flag = NULL;
		return ucall_fail(errno, "cannot arm the timer for the time limit: %s",
				  strerror(errno));
	}
	return 0;
}

void ucall_watchdog_stop(void)
{
	self.flag = NULL;
}

bool ucall_watchdog_expired(void)
{
	return self.flag && self.expired;
}
