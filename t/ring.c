// SPDX-License-Identifier: MIT
/* A million queued messages: each arrives once, complete and in order. */
#include "ring.h"

#define TEST_USER (UCALL_USER + 1)
#define MILLION 1000000

/* Argument i of message n. */
#define ARG(n, i) ((n)*0x9e3779b97f4a7c15 + (i))

/* One to seven arguments, and sometimes a text of any length, so that messages wrap everywhere. */
static UCALL_GUEST void guest_count(uint64_t count)
{
	for (uint64_t n = 1; n <= count; n++) {
		if (n % 512 == 0)
			GUEST_PRINTF("%llu:%0*d", (unsigned long long)n, (int)(n / 512 % 1000), 7);
		else if (n % 8 == 7)
			ucall(TEST_USER, 7, n, ARG(n, 1), ARG(n, 2), ARG(n, 3), ARG(n, 4),
			      ARG(n, 5), ARG(n, 6));
		else if (n % 8 == 3)
			ucall(TEST_USER, 1, n);
		else
			ucall(TEST_USER, 3, n, ARG(n, 1), ARG(n, 2));
	}
	GUEST_DONE();
}

/* Messages of every kind, some of which wait. */
static UCALL_GUEST void guest_kinds(struct ucall *uc, volatile uint64_t *answer)
{
	for (uint64_t i = 0; i < 40; i++) {
		GUEST_SYNC(i);
		GUEST_PRINTF("p%d", (int)i);
		*answer = 0;
		GUEST_SYNC_WAIT(i);
		GUEST_ASSERT_EQ(*answer, i + 1);
		GUEST_SHARED_SYNC(uc, i);
		GUEST_SYNC_ARGS(i, 1, 2, 3, 4);
	}
	GUEST_PRINTF("the last");
}

#ifndef UCALL_GUEST_BUILD
#include <pthread.h>
#include <stdio.h>

static void check_text(const struct ucall *uc, uint64_t n)
{
	char expected[UCALL_TEXT_SIZE + 32];

	snprintf(expected, sizeof(expected), "%llu:%0*d", (unsigned long long)n,
		 (int)(n / 512 % 1000), 7);
	/* A text longer than a message comes in several. */
	CHECK(!strncmp(uc->text, expected, uc->text_size));
	CHECK_EQ(uc->text_size, strlen(expected));
}

static void receive(struct ucall_vcpu *vcpu, uint64_t count)
{
	struct ucall uc;

	for (uint64_t n = 1; n <= count; n++) {
		int cmd = next_message(vcpu, &uc);
		unsigned int nargs = n % 8 == 7 ? 7 : n % 8 == 3 ? 1 : 3;

		if (n % 512 == 0) {
			CHECK_EQ(cmd, UCALL_PRINTF);
			check_text(&uc, n);
			continue;
		}
		if (cmd != TEST_USER || uc.args[0] != n || uc.nargs != nargs)
			FAIL("message %llu is command %d, number %llu, with %u arguments: %s",
			     (unsigned long long)n, cmd, (unsigned long long)uc.args[0], uc.nargs,
			     cmd < 0 ? ucall_error() : "");
		for (unsigned int i = 1; i < nargs; i++)
			if (uc.args[i] != ARG(n, i))
				CHECK_EQ(uc.args[i], ARG(n, i));
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void send(const char *backend, uint64_t count)
{
	struct ucall_vm *vm = ring_vm(backend, 0);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_count, 1, count);

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	receive(vcpu, count);
	ucall_test_vm_free(vm);
}

/* A million natively and for one other architecture; elsewhere enough to wrap around often. */
static uint64_t many(void)
{
	if (strcmp(ucall_test_protect(), "none") != 0)
		return 3000;
	return !strcmp(ucall_test_engine(), "kvm") || !strcmp(ucall_test_arch(), "aarch64")
		       ? MILLION
		       : MILLION / 10;
}

static void each_batch(void)
{
	send("ring,depth=64", many());
}

static void each_poll(void)
{
	send("ring,poll=1", many());
}

static void each_depth(void)
{
	static const char *const backends[] = {
		"ring",		 "ring,depth=1",    "ring,depth=2",
		"ring,depth=33", "ring,depth=4096", "ring,poll=1,depth=1"
	};

	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++)
		send(backends[i], 2000);
}

static void check_kinds(const char *backend)
{
	struct ucall_vm *vm = ring_vm(backend, 0);
	uint64_t shared = ucall_shared_alloc(vm, 1),
		 answer = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_kinds, 2, shared, answer);
	struct ucall uc;
	char text[8];

	CHECK_OK(shared && answer && vcpu && !ucall_vm_launch(vm));
	for (uint64_t i = 0; i < 40; i++) {
		CHECK_EQ(next_message(vcpu, &uc), UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_EQ(next_message(vcpu, &uc), UCALL_PRINTF);
		snprintf(text, sizeof(text), "p%d", (int)i);
		CHECK_STR(uc.text, text);
		CHECK_EQ(next_message(vcpu, &uc), UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_OK(!ucall_vm_write_int(vm, answer, 8, i + 1));
		CHECK_SHARED_SYNC(vcpu, shared, i);
		CHECK_EQ(next_message(vcpu, &uc), UCALL_SYNC);
		CHECK_EQ(uc.nargs, 6);
		CHECK_EQ(uc.args[5], 4);
	}
	CHECK_EQ(next_message(vcpu, &uc), UCALL_PRINTF);
	CHECK_STR(uc.text, "the last");
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE); /* a function that has returned says so again */
	ucall_test_vm_free(vm);
}

static void each_kinds(void)
{
	check_kinds("ring");
	check_kinds("ring,depth=64");
	check_kinds("ring,depth=3");
	check_kinds("ring,poll=1");
}

/* ---- several vCPUs ---- */

#define VCPUS 3
#define EACH 2000

static void *receive_all(void *vcpu)
{
	receive(vcpu, EACH);
	return vcpu;
}

static void check_vcpus(const char *backend, bool threads)
{
	struct ucall_vm *vm = ring_vm(backend, 0);
	struct ucall_vcpu *vcpus[VCPUS];
	pthread_t thread[VCPUS];
	bool good = true;
	void *end;

	for (int i = 0; i < VCPUS; i++)
		CHECK_OK((vcpus[i] = ucall_vcpu_add(vm, guest_count, 1, EACH)));
	for (int i = 0; threads && i < VCPUS; i++)
		CHECK(!pthread_create(&thread[i], NULL, receive_all, vcpus[i]));
	for (int i = 0; threads && i < VCPUS; i++) {
		CHECK(!pthread_join(thread[i], &end));
		good = good && end == vcpus[i];
	}
	CHECK(good);
	for (int i = 0; !threads && i < VCPUS; i++)
		receive(vcpus[VCPUS - 1 - i], EACH);
	ucall_test_vm_free(vm);
}

static void each_vcpus(void)
{
	check_vcpus("ring,depth=16", false);
	check_vcpus("ring,depth=16", true);
	check_vcpus("ring,poll=1", false);
	check_vcpus("ring,poll=1", true);
}

RING_TESTS({ "a million messages in batches", .each = each_batch, .any_arch = true, .limit = 300 },
	   { "a million messages, polled", .each = each_poll, .any_arch = true, .limit = 300 },
	   EMULATED_KIND("messages in batches", .each = each_batch),
	   PKVM("messages in batches", .each = each_batch),
	   EMULATED_KIND("messages, polled", .each = each_poll),
	   PKVM("messages, polled", .each = each_poll),
	   { "any depth", .each = each_depth, .any_arch = true },
	   { "messages of every kind in their order", .each = each_kinds, .any_arch = true },
	   EMULATED_KIND("messages of every kind in their order", .each = each_kinds),
	   PKVM("messages of every kind in their order", .each = each_kinds),
	   { "several vCPUs", .each = each_vcpus, .any_arch = true });
#endif
