// SPDX-License-Identifier: MIT
/*
 * However a guest's run ends, the messages that it had finished writing come first, and none is
 * lost.
 */
#include "ring.h"

#define SPIN() __asm__ volatile("" : : : "memory")

/* Message number n: a SYNC, or a PRINTF whose length depends on n. */
static UCALL_GUEST void send(uint64_t n)
{
	if (n % 4 == 3)
		GUEST_PRINTF("%llu %0*d", (unsigned long long)n, (int)(n * 7 % 200), 1);
	else
		GUEST_SYNC(n);
}

enum end { END_TRAP, END_ASSERT, END_SPIN, END_RETURN, END_EXIT, ENDS };

static UCALL_GUEST void guest_ends(uint64_t count, uint64_t end)
{
	for (uint64_t n = 0; n < count; n++)
		send(n);
	if (end == END_TRAP)
		__builtin_trap();
	if (end == END_ASSERT)
		GUEST_ASSERT(count == 4711);
	while (end == END_SPIN)
		SPIN();
#if defined(__x86_64__)
	if (end == END_EXIT)
		__asm__ volatile("outb %%al, $0x80" : :);
#endif
}

/* Records in memory how many messages it has finished sending. */
static UCALL_GUEST void guest_endless(volatile uint64_t *finished)
{
	for (uint64_t n = 0;; n++) {
		send(n);
		*finished = n + 1;
	}
}

/* Makes the host look at an empty queue, each time that the host lets it. */
static UCALL_GUEST void guest_flushes(volatile uint64_t *go)
{
	struct ucall_queue *queue = (struct ucall_queue *)UCALL_QUEUE_ADDRESS;
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	for (uint64_t n = 1;; n++) {
		while (*go < n)
			SPIN();
		queue->flush = 1;
		((void (*)(uint64_t, const struct ucall_bell *))bell->ring)(UCALL_MAILBOX_ADDRESS,
									    bell);
	}
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "resources.h"

static const char *const modes[] = { "ring", "ring,depth=64", "ring,depth=5", "ring,poll=1" };

#define MODES ((int)(sizeof(modes) / sizeof(modes[0])))

static void check_number(int cmd, const struct ucall *uc, uint64_t n)
{
	char text[256];

	if (cmd < 0)
		FAIL("message %llu did not come: %s", (unsigned long long)n, ucall_error());
	if (n % 4 != 3) {
		CHECK_EQ(cmd, UCALL_SYNC);
		CHECK_EQ(uc->args[1], n);
		return;
	}
	CHECK_EQ(cmd, UCALL_PRINTF);
	snprintf(text, sizeof(text), "%llu %0*d", (unsigned long long)n, (int)(n * 7 % 200), 1);
	CHECK_STR(uc->text, text);
}

static void receive(struct ucall_vcpu *vcpu, uint64_t first, uint64_t count)
{
	struct ucall uc;

	for (uint64_t n = first; n < first + count; n++) {
		int cmd = next_message(vcpu, &uc);

		check_number(cmd, &uc, n);
	}
}

static void check_end(struct ucall_vcpu *vcpu, enum end end)
{
	struct ucall uc;

	switch (end) {
	case END_TRAP:
		CHECK_EQ(next_message(vcpu, &uc), -1);
		CHECK_EQ(errno, EFAULT);
		CHECK(ucall_fault(vcpu)->valid);
		break;
	case END_ASSERT:
		CHECK_EQ(next_message(vcpu, &uc), UCALL_ABORT);
		CHECK_HAS(uc.text, "count == 4711");
		break;
	case END_SPIN:
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(next_message(vcpu, &uc), -1);
			CHECK_EQ(errno, ETIMEDOUT);
		}
		break;
	case END_EXIT:
#if defined(__x86_64__)
		CHECK_EQ(next_message(vcpu, &uc), UCALL_NONE);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_IO);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->u.io.port, 0x80);
#endif
		/* fallthrough */
	default:
		CHECK_EQ(next_message(vcpu, &uc), UCALL_DONE);
	}
}

static void check_ends(const char *mode, uint64_t count, enum end end)
{
	struct ucall_vm *vm = ring_vm(mode, end == END_SPIN ? 60 : 0);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_ends, 2, count, end);

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	receive(vcpu, 0, count);
	check_end(vcpu, end);
	ucall_test_vm_free(vm);
}

static void each_ends(void)
{
	for (int i = 0; i < MODES; i++)
		for (int end = 0; end < ENDS; end++) {
			if (end == END_EXIT && (strcmp(ucall_test_arch(), "x86_64") ||
						strcmp(ucall_test_protect(), "none")))
				continue; /* OUT raises #VC there */
			check_ends(modes[i], 3, end);
			if (end == END_SPIN)
				continue; /* it is slow */
			check_ends(modes[i], 0, end);
			check_ends(modes[i], 40, end);
		}
}

/* ---- the time limit ---- */

static void *let_flush(void *data)
{
	for (uint64_t n = 1; n < 12; n++) {
		usleep(100000);
		__atomic_store_n((uint64_t *)data, n, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* The time limit is for the whole call, however often the guest flushes an empty queue. */
static void each_limit(void)
{
	struct ucall_vm *vm = ring_vm("ring,depth=64", 150);
	uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
	uint64_t *go = ucall_vm_host_pointer(vm, gva, 8);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_flushes, 1, gva);
	pthread_t thread;
	int cmd, error;

	CHECK_OK(gva && go && vcpu);
	CHECK(!pthread_create(&thread, NULL, let_flush, go));
	cmd = ucall_next(vcpu, NULL);
	error = errno;
	pthread_join(thread, NULL);
	CHECK_EQ(cmd, -1);
	CHECK_EQ(error,
		 ETIMEDOUT); /* a limit for each run would let it flush until it was refused */
}

/* ---- at any point ---- */

struct kicker {
	struct ucall_vcpu *vcpu;
	pthread_t thread;
	unsigned int seed;
	bool stop;
};

static void *kick(void *data)
{
	struct kicker *k = data;

	while (!__atomic_load_n(&k->stop, __ATOMIC_ACQUIRE)) {
		struct timespec pause = { .tv_nsec = 1000 + rand_r(&k->seed) % 400000 };

		nanosleep(&pause, NULL);
		ucall_vcpu_kick(k->vcpu);
	}
	return NULL;
}

static uint64_t finished(struct ucall_vm *vm, uint64_t gva)
{
	uint64_t n;

	CHECK_OK(!ucall_vm_read_int(vm, gva, 8, &n));
	return n;
}

/* Takes messages until there were `kicks` kicks; returns the number of the next message. */
static uint64_t until_kicked(struct ucall_vm *vm, struct ucall_vcpu *vcpu, uint64_t gva,
			     unsigned int kicks)
{
	uint64_t n = 0, done;
	struct ucall uc;

	while (kicks) {
		int cmd = next_message(vcpu, &uc);

		if (cmd >= 0) {
			check_number(cmd, &uc, n++);
			continue;
		}
		CHECK_EQ(errno, EINTR);
		kicks--;
		/* All that it had finished, and perhaps one that it had not recorded yet. */
		done = finished(vm, gva);
		CHECK(n == done || n == done + 1);
		CHECK_EQ(finished(vm, gva), done);
	}
	return n;
}

static void check_kicks(const char *mode, unsigned int kicks, unsigned int seed)
{
	struct ucall_vm *vm = ring_vm(mode, 0);
	uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED), n;
	struct ucall uc;
	struct kicker k = { .vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva), .seed = seed };

	CHECK_OK(gva && k.vcpu && !ucall_vm_launch(vm));
	CHECK(!pthread_create(&k.thread, NULL, kick, &k));
	n = until_kicked(vm, k.vcpu, gva, kicks);
	__atomic_store_n(&k.stop, true, __ATOMIC_RELEASE);
	pthread_join(k.thread, NULL);
	while (next_message(k.vcpu, &uc) < 0) /* a kick that has not been reported */
		CHECK_EQ(errno, EINTR);
	receive(k.vcpu, n + 1, 100);
	ucall_test_vm_free(vm);
}

static void each_kicks(void)
{
	for (int i = 0; i < MODES; i++)
		for (unsigned int round = 0; round < 2; round++)
			check_kicks(modes[i], 30, 4711 * round + 1);
}

/* ---- after every instruction ---- */

/* A vCPU that stops after each: ucall_vcpu_run() then ends with an exit that is not a ucall. */
static void each_step(void)
{
	const char *const stepped[] = { "ring,depth=3", "ring,poll=1" };

	for (int i = 0; i < 2; i++) {
		struct ucall_vm_config config = { .backend = stepped[i] };
		struct ucall_vm *vm = ucall_test_vm(&config);
		uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED), n = 0, steps = 0;
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva);
		struct ucall uc;

		CHECK_OK(gva && vcpu);
		if (ucall_vcpu_set_stepping(vcpu, true))
			SKIP("%s", ucall_error());
		while (n < 8) {
			int cmd = next_message(vcpu, &uc);

			if (cmd) {
				check_number(cmd, &uc, n++);
				continue;
			}
			steps++;
			CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_DEBUG);
			CHECK(finished(vm, gva) <= n && n <= finished(vm, gva) + 1);
		}
		CHECK(steps > 8 * 20);
		ucall_test_vm_free(vm);
	}
}

/* ---- what else ends a run ---- */

static void each_restart(void)
{
	for (int i = 0; i < MODES; i++) {
		struct ucall_vm *vm = ring_vm(modes[i], 0);
		uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva);

		CHECK_OK(gva && vcpu);
		for (uint64_t round = 0; round < 20; round++) {
			receive(vcpu, 0, round % 7);
			CHECK_OK(!ucall_vcpu_restart(vcpu));
		}
		receive(vcpu, 0, 200);
		ucall_test_vm_free(vm);
	}
}

/* A polled vCPU stops while its registers are read, then continues. */
static void each_registers(void)
{
	for (int i = 0; i < MODES; i++) {
		struct ucall_vm *vm = ring_vm(modes[i], 0);
		uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva);
		struct ucall_frame a, b;

		CHECK_OK(gva && vcpu);
		for (uint64_t n = 0; n < 100; n++) {
			receive(vcpu, n, 1);
			CHECK_OK(!ucall_vcpu_get_regs(vcpu, &a) && !ucall_vcpu_get_regs(vcpu, &b));
			CHECK(!memcmp(&a, &b, sizeof(a)));
		}
		ucall_test_vm_free(vm);
	}
}

static void each_snapshot(void)
{
	for (int i = 0; i < MODES; i++) {
		struct ucall_vm *vm = ring_vm(modes[i], 0);
		uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva);

		CHECK_OK(gva && vcpu);
		receive(vcpu, 0, 3);
		if (ucall_vm_snapshot(vm)) {
			CHECK_EQ(errno, EOPNOTSUPP);
			SKIP("%s", ucall_error());
		}
		for (uint64_t round = 0; round < 10; round++) {
			receive(vcpu, 3, round * 11);
			CHECK_OK(!ucall_vm_restore(vm));
		}
		receive(vcpu, 3, 200);
		ucall_test_vm_free(vm);
	}
}

/* Freed while it runs: the threads and all that they held are gone. */
static void each_freed(void)
{
	int before = 0;

	for (int round = 0; round < 20; round++) {
		struct ucall_vm *vm = ring_vm("ring,poll=1", 0);
		uint64_t gva = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);

		CHECK_OK(gva);
		for (int i = 0; i < 2; i++) {
			struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_endless, 1, gva);

			CHECK_OK(vcpu);
			if (round & 1)
				receive(vcpu, 0, 1);
		}
		ucall_test_vm_free(vm);
		if (round == 2)
			before = entries("/proc/self/task") + entries("/proc/self/fd");
	}
	/* A thread stays in that folder for a while after it was joined. */
	for (int i = 0; i < 500 && entries("/proc/self/task") + entries("/proc/self/fd") > before;
	     i++)
		usleep(10000);
	CHECK_EQ(entries("/proc/self/task") + entries("/proc/self/fd"), before);
}

#if defined(__x86_64__)
static UCALL_GUEST void guest_two_and_wait(void)
{
	for (uint64_t i = 0;; i++) {
		GUEST_SYNC(i);
		ucall_wait(0x200, 1, i);
	}
}

/* Messages that are taken one by one, without a run: the run's end is not reported again. */
static void once_taken(void)
{
	struct ucall_vm_config config = { .backend = "ring,depth=16" };
	struct ucall_vcpu *vcpu = ucall_vcpu_add(ucall_test_vm(&config), guest_two_and_wait, 0);
	struct ucall uc;

	CHECK_OK(vcpu);
	for (uint64_t i = 0; i < 5; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_EQ(get_ucall(vcpu, &uc), 0x200);
		CHECK_EQ(uc.args[0], i);
	}
}
#endif

RING_TESTS({ "messages come before the end", .each = each_ends, .any_arch = true, .limit = 120 },
	   EMULATED_KIND("messages come before the end", .each = each_ends),
	   PKVM("messages come before the end", .each = each_ends),
	   { "a time limit for several runs", .each = each_limit },
	   { "stopped at any time", .each = each_kicks, .any_arch = true, .limit = 120 },
	   EMULATED_KIND("stopped at any time", .each = each_kicks),
	   PKVM("stopped at any time", .each = each_kicks),
#if defined(__x86_64__)
	   { "taken without a run", .once = once_taken },
#endif
	   { "stopped after every instruction", .each = each_step, .any_arch = true },
	   { "a restart drops what is queued", .each = each_restart, .any_arch = true },
	   { "registers of a vCPU that runs", .each = each_registers, .any_arch = true },
	   { "snapshots", .each = each_snapshot },
	   { "freed while it runs", .each = each_freed, .any_arch = true });
#endif
