// SPDX-License-Identifier: MIT
/* A guest that spins is ended by the time limit, and can go on. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ucall/test.h>

static volatile uint64_t go;

static UCALL_GUEST void guest_spin(void)
{
	GUEST_SYNC(1);
	while (!go)
		__asm__ volatile("pause");
	GUEST_SYNC(2);
	GUEST_DONE();
}

static void check_spin(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t one = 1;

	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (int i = 0; i < 2; i++) {
		struct timespec a, b;
		int64_t ns;

		clock_gettime(CLOCK_MONOTONIC, &a);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		clock_gettime(CLOCK_MONOTONIC, &b);
		CHECK_EQ(errno, ETIMEDOUT);
		CHECK_HAS(ucall_error(), "ran for 50 ms without an exit");
		ns = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
		CHECK(ns >= 50000000); /* never early; late is the machine's business */
	}
	CHECK_OK(!ucall_vm_write(vm, (uint64_t)(uintptr_t)&go, &one, sizeof(one)));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

struct job {
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;
	bool done;
};

static void *run(void *data)
{
	struct job *job = data;

	check_spin(job->vm, job->vcpu);
	job->done = true;
	return NULL;
}

/* A vCPU moves from thread to thread, and the threads end. */
static void host_threads(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		struct job job = { vm, ucall_vcpu_add(vm, guest_spin, 0), false };
		uint64_t zero = 0;

		CHECK_OK(job.vcpu);
		CHECK_OK(!ucall_vm_write(vm, (uint64_t)(uintptr_t)&go, &zero, sizeof(zero)));
		CHECK(!pthread_create(&thread, NULL, run, &job));
		pthread_join(thread, NULL);
		CHECK(job.done);
	}
	(void)vcpu;
}

/* Signals of the program's own do not end a run. */
static volatile sig_atomic_t signals;

static void on_alarm(int number)
{
	(void)number;
	signals++;
}

static void host_signals(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	timer_t timer;

	sigaction(SIGALRM, &action, &old);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	timer_settime(timer, 0, &every, NULL);
	check_spin(vm, vcpu);
	timer_delete(timer);
	sigaction(SIGALRM, &old, NULL);
	CHECK(signals > 1);
}

/* After fork() the child has no timer yet. */
static void host_fork(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	pid_t child;
	int status;

	check_spin(vm, vcpu);
	child = fork();
	if (!child) {
		struct ucall_vm_config config = { .backend = ucall_vm_backend(vm), .timeout_ms = 20 };
		struct ucall_vm *own = ucall_vm_create(&config);
		struct ucall_vcpu *v = own ? ucall_vcpu_add(own, guest_spin, 0) : NULL;

		_exit(v && ucall_next(v, NULL) == UCALL_SYNC && ucall_next(v, NULL) == -1 &&
				      errno == ETIMEDOUT
			      ? 0
			      : 1);
	}
	CHECK(child > 0);
	waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
}

static void each_environment(void)
{
	struct ucall_vm_config config = { .backend = ucall_test_backend() };
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;

	setenv("UCALL_TIMEOUT", "0.05", 1);
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_spin, 0);
	CHECK_OK(vcpu);
	setenv("UCALL_TIMEOUT", "soon", 1);
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "UCALL_TIMEOUT=soon is no time");
	unsetenv("UCALL_TIMEOUT");
	check_spin(vm, vcpu);
}

#define LIMIT .config = { .timeout_ms = 50 }

UCALL_TESTS({ "a spinning guest", .guest = guest_spin, .host = check_spin, LIMIT },
	    { "a spinning guest in ring 3", .guest = guest_spin, .host = check_spin,
	      .config = { .timeout_ms = 50, .ring = 3 } },
	    { "threads that end", .host = host_threads, LIMIT },
	    { "the program's own signals", .guest = guest_spin, .host = host_signals, LIMIT },
	    { "after fork()", .guest = guest_spin, .host = host_fork, LIMIT },
	    { "UCALL_TIMEOUT", .each = each_environment });
