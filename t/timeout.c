// SPDX-License-Identifier: MIT
/* The time limit stops a guest that spins, and the guest can continue. */
#include <ucall/plugin.h>
#include <ucall/test.h>

/* The host sets a word of the mailbox that this guest's messages do not use. */
static UCALL_GUEST void guest_spin(void)
{
	volatile uint64_t *go = &ucall_this_mailbox()->uc.args[6];

	GUEST_SYNC(1);
	while (!*go)
		__asm__ volatile("" : : : "memory");
	GUEST_SYNC(2);
	GUEST_DONE();
}

/* Many kicks while many messages come: none is lost, and every kick is noticed in the end. */
static UCALL_GUEST void guest_count(void)
{
	for (uint64_t i = 0;; i++)
		GUEST_SYNC(i);
}

/* A guest that makes exit after exit is stopped as well. */
static UCALL_GUEST void guest_storm(void)
{
	for (;;)
		GUEST_PRINTF("x");
}

/* Prints each time that the host has set the word that its messages do not use. */
static UCALL_GUEST void guest_print_slowly(void)
{
	volatile uint64_t *go = &ucall_this_mailbox()->uc.args[6];

	for (uint64_t n = 1;; n++) {
		while (*go < n)
			__asm__ volatile("" : : : "memory");
		GUEST_PRINTF("x");
	}
}

/* Instructions that take long: each moves or compares 16 MiB. */
static UCALL_GUEST void guest_long_insns(uint64_t area)
{
	GUEST_SYNC(1);
#if defined(__s390x__)
	for (;;) {
		register uint64_t r2 __asm__("2") = area, r3 __asm__("3") = 0xffffff;
		register uint64_t r4 __asm__("4") = area, r5 __asm__("5") = 0xffffff;

		__asm__ volatile("clcl %%r2, %%r4"
				 : "+r"(r2), "+r"(r3), "+r"(r4), "+r"(r5)
				 :
				 : "cc", "memory");
	}
#elif defined(__x86_64__)
	for (;;) {
		uint64_t to = area, count = 16 << 20;

		__asm__ volatile("rep stosb" : "+D"(to), "+c"(count) : "a"(0) : "memory");
	}
#else
	for (;;)
		__asm__ volatile("" : : : "memory");
#endif
}

#if defined(__x86_64__)
static UCALL_GUEST void guest_halt(void)
{
	GUEST_SYNC(1);
	__asm__ volatile("cli; hlt");
	GUEST_DONE();
}
#endif

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void release(struct ucall_vcpu *vcpu)
{
	__atomic_store_n(&ucall_vcpu_mailbox(vcpu)->uc.args[6], 1, __ATOMIC_SEQ_CST);
}

static void check_spin(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
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
		CHECK(ns >= 50000000); /* never early; how late is up to the machine */
	}
	release(vcpu);
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

		CHECK_OK(job.vcpu);
		CHECK(!pthread_create(&thread, NULL, run, &job));
		pthread_join(thread, NULL);
		CHECK(job.done);
	}
}

/* The program's own signals do not end a run. */
static volatile sig_atomic_t signals;

static void on_alarm(int number)
{
	signals++;
}

static void host_signals(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec every = { { 0, 5000000 }, { 0, 5000000 } };
	timer_t timer;

	sigaction(SIGUSR1, &action, &old);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	timer_settime(timer, 0, &every, NULL);
	check_spin(vm, vcpu);
	timer_delete(timer);
	sigaction(SIGUSR1, &old, NULL);
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
		struct ucall_vm_config config = { .timeout_ms = 20 };
		struct ucall_vm *own;
		struct ucall_vcpu *v;

		ucall_test_config(&config);
		own = ucall_vm_create(&config);
		v = own ? ucall_vcpu_add(own, guest_spin, 0) : NULL;

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
	struct ucall_vm_config config = { 0 };
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;

	ucall_test_config(&config);
	setenv("UCALL_TIMEOUT", "0.05", 1);
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_spin, 0);
	CHECK_OK(vcpu);
	setenv("UCALL_TIMEOUT", "soon", 1);
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "UCALL_TIMEOUT=soon is not a time");
	unsetenv("UCALL_TIMEOUT");
	check_spin(vm, vcpu);
}

/* Kicks: from another thread, from a signal handler, and before the run. */
static void *kick_once(void *data)
{
	usleep(20000);
	ucall_vcpu_kick(data);
	return NULL;
}

static void check_kicked(struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINTR);
	CHECK_HAS(ucall_error(), "was kicked");
	CHECK(!ucall_fault(vcpu)->valid);
}

static struct ucall_vcpu *kicked_by_signal;

static void on_signal(int number)
{
	ucall_vcpu_kick(kicked_by_signal);
}

static void host_kick(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct sigaction action = { .sa_handler = on_signal }, old;
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec once = { { 0, 0 }, { 0, 20000000 } };
	pthread_t thread;
	timer_t timer;

	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	/* Each after the last was noticed: two before that count as one. */
	for (int i = 0; i < 2; i++) {
		CHECK(!pthread_create(&thread, NULL, kick_once, vcpu));
		check_kicked(vcpu);
		pthread_join(thread, NULL);
	}

	kicked_by_signal = vcpu;
	sigaction(SIGUSR1, &action, &old);
	CHECK(!timer_create(CLOCK_MONOTONIC, &event, &timer));
	timer_settime(timer, 0, &once, NULL);
	check_kicked(vcpu);
	timer_delete(timer);
	sigaction(SIGUSR1, &old, NULL);

	ucall_vcpu_kick(vcpu);
	ucall_vcpu_kick(vcpu); /* one is enough */
	check_kicked(vcpu);
	release(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static bool kicking;

static void *kick_on(void *data)
{
	/* Ever more slowly: with a kick before each run the guest would not progress. */
	for (unsigned int n = 0; __atomic_load_n(&kicking, __ATOMIC_RELAXED); n++) {
		ucall_vcpu_kick(data);
		usleep(20u << (n < 64 * 7 ? n / 64 : 7));
	}
	return NULL;
}

static void host_race(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	unsigned int kicks = 0;
	struct ucall uc;
	pthread_t thread;

	__atomic_store_n(&kicking, true, __ATOMIC_RELAXED);
	CHECK(!pthread_create(&thread, NULL, kick_on, vcpu));
	/* Until there was a kick, however fast the guest is. */
	for (uint64_t next = 0; next < 500 || !kicks;) {
		int cmd = ucall_next(vcpu, &uc);

		if (cmd == UCALL_SYNC && uc.args[1] == next) {
			next++;
		} else if (cmd == -1 && errno == EINTR) {
			kicks++;
		} else {
			__atomic_store_n(&kicking, false, __ATOMIC_RELAXED);
			pthread_join(thread, NULL);
			FAIL("command %d, stage %llu: %s", cmd, (unsigned long long)uc.args[1],
			     ucall_error());
		}
	}
	__atomic_store_n(&kicking, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

static void each_storm(void)
{
	struct ucall_vm_config config = { .timeout_ms = 50 };
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;

	config.output = fopen("/dev/null", "w");
	CHECK(config.output);
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_storm, 0);
	CHECK_OK(vcpu);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, ETIMEDOUT);
	}
	fclose(config.output);
}

/* One time limit covers all the runs of a call. */
static void *let_print(void *data)
{
	struct ucall_vcpu *vcpu = data;

	for (uint64_t n = 1; n < 4; n++) {
		usleep(700000);
		__atomic_store_n(&ucall_vcpu_mailbox(vcpu)->uc.args[6], n, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

static void each_several_runs(void)
{
	struct ucall_vm_config config = { .timeout_ms = 1000 };
	struct ucall_vcpu *vcpu;
	size_t size = 0;
	char *text = NULL;
	pthread_t thread;

	if (strcmp(ucall_test_arch(), ucall_arch_name(ucall_arch_host())) != 0)
		SKIP("the host writes a number in its own byte order");
	config.output = open_memstream(&text, &size);
	CHECK(config.output);
	vcpu = ucall_vcpu_add(ucall_test_vm(&config), guest_print_slowly, 0);
	CHECK_OK(vcpu);
	CHECK(!pthread_create(&thread, NULL, let_print, vcpu));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	fflush(config.output);
	CHECK_EQ(size, 1); /* the second would come after 1400 ms */
	pthread_join(thread, NULL);
	fclose(config.output);
	free(text);
}

/* The emulator checks the clock after each of these; 16384 of them would take hours. */
static void each_long_insns(void)
{
	struct ucall_vm_config config = { .timeout_ms = 50 };
	struct ucall_vm *vm = ucall_test_vm(&config);
	uint64_t area = ucall_vm_alloc(vm, 16 << 20, 0);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_long_insns, 1, area);

	CHECK_OK(area && vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
}

#if defined(__x86_64__)
static void host_halt(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, ETIMEDOUT);
	}
}
#endif

#define LIMIT .config = { .timeout_ms = 50 }

UCALL_TESTS({ "a spinning guest", UCALL_TEST_GUEST(guest_spin), .host = check_spin, LIMIT,
	      .any_arch = true },
	    { "a spinning guest in ring 3", UCALL_TEST_GUEST(guest_spin), .host = check_spin,
	      .config = { .timeout_ms = 50, .ring = 3 } },
	    { "threads that end", .host = host_threads, LIMIT, .any_arch = true },
	    { "the program's own signals", UCALL_TEST_GUEST(guest_spin), .host = host_signals,
	      LIMIT, .any_arch = true },
	    { "after fork()", UCALL_TEST_GUEST(guest_spin), .host = host_fork, LIMIT,
	      .any_arch = true },
#if defined(__x86_64__)
	    { "a guest that halts, with an interrupt controller", UCALL_TEST_GUEST(guest_halt),
	      .host = host_halt, .config = { .timeout_ms = 50, .irqchip = true } },
#endif
	    { "a guest that makes exit after exit", .each = each_storm, .any_arch = true },
	    { "a limit for several runs", .each = each_several_runs },
	    { "instructions that take long", .each = each_long_insns, .any_arch = true,
	      .engine = "unicorn" },
	    { "kicks", UCALL_TEST_GUEST(guest_spin), .host = host_kick, .any_arch = true },
	    { "kicks in ring 3", UCALL_TEST_GUEST(guest_spin), .host = host_kick,
	      .config = { .ring = 3 } },
	    { "kicks and messages", UCALL_TEST_GUEST(guest_count), .host = host_race,
	      .any_arch = true },
	    { "UCALL_TIMEOUT", .each = each_environment, .any_arch = true });

#endif
