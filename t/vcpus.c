// SPDX-License-Identifier: MIT
/* Four vCPUs of one VM, a thread each: every message comes from the vCPU that sent it. */
#include <pthread.h>

#include <ucall/test.h>

#define VCPUS 4
#define ROUNDS 200

static uint64_t counter;
static __thread uint64_t mine = 40;

static UCALL_GUEST void guest_code(uint64_t id)
{
	GUEST_ASSERT_EQ(guest_get_vcpuid(), id);
	GUEST_ASSERT_EQ(mine, 40); /* thread-local variables are a vCPU's own */
	mine += id;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		__atomic_fetch_add(&counter, 1, __ATOMIC_RELAXED);
		GUEST_SYNC_ARGS(i, id, id * ROUNDS + i, mine, 0);
	}
	GUEST_DONE();
}

struct job {
	struct ucall_vcpu *vcpu;
	uint64_t id;
	bool done;
};

static void *run(void *data)
{
	struct job *job = data;
	struct ucall uc;

	for (uint64_t i = 0; i < ROUNDS; i++) {
		CHECK_NEXT(job->vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_EQ(uc.args[2], job->id);
		CHECK_EQ(uc.args[3], job->id * ROUNDS + i);
		CHECK_EQ(uc.args[4], 40 + job->id);
	}
	CHECK_NEXT(job->vcpu, &uc, UCALL_DONE);
	job->done = true;
	return NULL;
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct job jobs[VCPUS] = { { NULL, 0, false } };
	pthread_t threads[VCPUS];
	uint64_t sum;

	(void)vcpu;
	for (uint64_t i = 0; i < VCPUS; i++) {
		jobs[i].id = i;
		jobs[i].vcpu = ucall_vcpu_add(vm, guest_code, 1, i);
		CHECK_OK(jobs[i].vcpu);
		CHECK_EQ(ucall_vcpu_number(jobs[i].vcpu), i);
	}
	for (int i = 0; i < VCPUS; i++)
		CHECK(!pthread_create(&threads[i], NULL, run, &jobs[i]));
	for (int i = 0; i < VCPUS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < VCPUS; i++)
		CHECK(jobs[i].done);
	CHECK_OK(!ucall_vm_read(vm, (uint64_t)(uintptr_t)&counter, &sum, sizeof(sum)));
	CHECK_EQ(sum, VCPUS * ROUNDS);
	CHECK_EQ(counter, 0); /* the host's own */
}

UCALL_TESTS({ "four vCPUs in threads", .host = host_code },
	    { "four vCPUs in threads, by the address", .host = host_code,
	      .config = { .via = UCALL_VIA_ADDRESS } },
	    { "four vCPUs in threads, with an interrupt controller", .host = host_code,
	      .config = { .irqchip = true } },
	    { "four vCPUs in threads, in ring 3", .host = host_code, .config = { .ring = 3 } });
