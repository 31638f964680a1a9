// SPDX-License-Identifier: MIT
/* A kick is never lost: whatever happens between it and the next run, that run ends with EINTR. */
#include <ucall/test.h>

static UCALL_GUEST void guest_spin(void)
{
	GUEST_SYNC(1);
	for (;;)
		__asm__ volatile("" : : : "memory");
}

/* Sends messages, with a pause now and then. */
static UCALL_GUEST void guest_busy(uint64_t spins)
{
	for (uint64_t i = 0;; i++) {
		GUEST_SYNC(i);
		if (i % 4 == 3)
			for (uint64_t k = 0; k < spins; k++)
				__asm__ volatile("" : : : "memory");
	}
}

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void check_kicked(struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINTR);
}

/* Each of these completes the last exit's instruction. */
static int restart(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	return ucall_vcpu_restart(vcpu);
}

static int snapshot(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	return ucall_vm_snapshot(vm);
}

static int restore(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	return ucall_vm_snapshot(vm) ? -1 : ucall_vm_restore(vm);
}

static int set_regs(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_frame regs;

	return ucall_vcpu_get_regs(vcpu, &regs) || ucall_vcpu_set_regs(vcpu, &regs) ? -1 : 0;
}

static void check_kick_before(struct ucall_vcpu *vcpu,
			      int (*act)(struct ucall_vm *, struct ucall_vcpu *))
{
	/* The VM has no time limit: the point's own limit would notice a lost kick. */
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (int i = 0; i < 3; i++) {
		ucall_vcpu_kick(vcpu);
		if (act(ucall_vcpu_vm(vcpu), vcpu)) {
			if (errno == EOPNOTSUPP)
				SKIP("%s", ucall_error());
			FAIL("%s", ucall_error());
		}
		check_kicked(vcpu);
	}
}

static void host_restart(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_kick_before(vcpu, restart);
}

static void host_snapshot(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_kick_before(vcpu, snapshot);
}

static void host_restore(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_kick_before(vcpu, restore);
}

static void host_set_regs(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_kick_before(vcpu, set_regs);
}

/* ---- everything at once ---- */

struct kicker {
	pthread_mutex_t lock; /* protects vcpu */
	struct ucall_vcpu *vcpu;
	unsigned int seed;
	bool stop;
};

static void *kick(void *data)
{
	struct kicker *k = data;

	while (!__atomic_load_n(&k->stop, __ATOMIC_ACQUIRE)) {
		struct timespec pause = { .tv_nsec = rand_r(&k->seed) % 100000 };

		nanosleep(&pause, NULL);
		pthread_mutex_lock(&k->lock);
		if (k->vcpu)
			ucall_vcpu_kick(k->vcpu);
		pthread_mutex_unlock(&k->lock);
	}
	return NULL;
}

static void set_vcpu(struct kicker *k, struct ucall_vcpu *vcpu)
{
	pthread_mutex_lock(&k->lock);
	k->vcpu = vcpu;
	pthread_mutex_unlock(&k->lock);
}

/* True for a message; a run may end without one only by a kick or the time limit. */
static bool is_expected(int cmd)
{
	return cmd == UCALL_SYNC || errno == EINTR || errno == ETIMEDOUT;
}

static void race(const char *backend, const char *engine)
{
	const char *text = getenv("UCALL_TEST_ROUNDS");
	unsigned long rounds = text ? strtoul(text, NULL, 0) : 10000;
	const bool kvm = !strcmp(engine, "kvm");
	struct ucall_vm_config config = { .backend = backend, .engine = engine, .timeout_ms = 3 };
	struct kicker k = { .lock = PTHREAD_MUTEX_INITIALIZER, .seed = 1 };
	struct ucall_vcpu *vcpu = NULL;
	unsigned long done[6] = { 0 };
	struct ucall_vm *vm = NULL;
	unsigned int seed = 4711;
	const char *bad = NULL;
	pthread_t thread;

	ucall_test_vm_free(ucall_test_vm(&config)); /* skips if there can be none */
	CHECK(!pthread_create(&thread, NULL, kick, &k));
	for (unsigned long i = 0; i < rounds && !bad; i++) {
		unsigned int what = vm ? (unsigned int)rand_r(&seed) % 64 : 63;

		if (what < 32) {
			if (!is_expected(ucall_next(vcpu, NULL)))
				bad = "ucall_next";
			done[0]++;
		} else if (what < 40) {
			if (ucall_vcpu_restart(vcpu))
				bad = "ucall_vcpu_restart";
			done[1]++;
		} else if (what < 60) {
			if (kvm && ucall_vm_restore(vm))
				bad = "ucall_vm_restore";
			done[2]++;
		} else if (what < 63) {
			if (kvm && ucall_vm_snapshot(vm))
				bad = "ucall_vm_snapshot";
			done[3]++;
		} else {
			set_vcpu(&k, NULL);
			ucall_vm_free(vm);
			vm = ucall_vm_create(&config);
			vcpu = vm ? ucall_vcpu_add(vm, guest_busy, 1, rand_r(&seed) % 20000) : NULL;
			if (!vcpu || (kvm && ucall_vm_snapshot(vm)))
				bad = "a new VM";
			else
				set_vcpu(&k, vcpu);
			done[4]++;
		}
	}
	__atomic_store_n(&k.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	ucall_vm_free(vm);
	if (bad)
		FAIL("%s: %s", bad, ucall_error());
	ucall_test_diag("%lu runs, %lu restarts, %lu restores, %lu snapshots, %lu VMs", done[0],
			done[1], done[2], done[3], done[4]);
}

static void once_plain(void)
{
	race(NULL, "kvm");
}

static void once_polled(void)
{
	race("ring,poll=1", "kvm");
}

static void once_unicorn(void)
{
	race(NULL, "unicorn");
}

static void once_unicorn_polled(void)
{
	race("ring,poll=1", "unicorn");
}

#define NO_LIMIT .config = { .timeout_ms = -1 }
#define RACE_LIMIT .limit = 3600

UCALL_TESTS({ "a kick, then a restart", UCALL_TEST_GUEST(guest_spin), .host = host_restart,
	      NO_LIMIT },
	    { "a kick, then a snapshot", UCALL_TEST_GUEST(guest_spin), .host = host_snapshot,
	      NO_LIMIT },
	    { "a kick, then a restore", UCALL_TEST_GUEST(guest_spin), .host = host_restore,
	      NO_LIMIT },
	    { "a kick, then new registers", UCALL_TEST_GUEST(guest_spin), .host = host_set_regs,
	      NO_LIMIT },
	    { "kicks against everything else", .once = once_plain, RACE_LIMIT },
	    { "kicks against everything else, polled", .once = once_polled, RACE_LIMIT },
	    { "kicks against everything else, by Unicorn", .once = once_unicorn, RACE_LIMIT },
	    { "kicks against everything else, polled, by Unicorn", .once = once_unicorn_polled,
	      RACE_LIMIT });
