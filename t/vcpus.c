// SPDX-License-Identifier: MIT
/* Four vCPUs of one VM, a thread each: every message comes from the vCPU that sent it. */
#include "confidential.h"

#define VCPUS 4
#define ROUNDS 200
#define ADDS 20

static UCALL_GUEST void guest_code(uint64_t id, uint64_t *counter)
{
	uint64_t got;

	GUEST_ASSERT_EQ(guest_get_vcpuid(), id);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		for (int k = 0; k < ADDS; k++)
			__atomic_fetch_add(&counter[0], 1, __ATOMIC_RELAXED);
		/* The same by compare and exchange. */
		do
			got = __atomic_load_n(&counter[1], __ATOMIC_RELAXED);
		while (!__atomic_compare_exchange_n(&counter[1], &got, got + 1, 0, __ATOMIC_SEQ_CST,
						    __ATOMIC_RELAXED));
		GUEST_SYNC_ARGS(i, id, id * ROUNDS + i, 0, 0);
	}
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <pthread.h>

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
	}
	CHECK_NEXT(job->vcpu, &uc, UCALL_DONE);
	job->done = true;
	return NULL;
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct job jobs[VCPUS] = { { NULL, 0, false } };
	pthread_t threads[VCPUS];
	uint64_t counter = ucall_vm_alloc(vm, 16, UCALL_MEM_SHARED), sum;

	CHECK_OK(counter);
	for (uint64_t i = 0; i < VCPUS; i++) {
		jobs[i].id = i;
		jobs[i].vcpu = ucall_vcpu_add(vm, guest_code, 2, i, counter);
		CHECK_OK(jobs[i].vcpu);
		CHECK_EQ(ucall_vcpu_number(jobs[i].vcpu), i);
	}
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < VCPUS; i++)
		CHECK(!pthread_create(&threads[i], NULL, run, &jobs[i]));
	for (int i = 0; i < VCPUS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < VCPUS; i++)
		CHECK(jobs[i].done);
	CHECK_OK(!ucall_vm_read_int(vm, counter, 8, &sum));
	CHECK_EQ(sum, VCPUS * ROUNDS * ADDS);
	CHECK_OK(!ucall_vm_read_int(vm, counter + 8, 8, &sum));
	CHECK_EQ(sum, VCPUS * ROUNDS);
}

UCALL_TESTS({ "four vCPUs in threads", .host = host_code, .any_arch = true },
	    { "four vCPUs in threads, by the address", .host = host_code,
	      .config = { .via = UCALL_VIA_ADDRESS }, .any_arch = true },
	    { "four vCPUs in threads, with an interrupt controller", .host = host_code,
	      .config = { .irqchip = true }, .any_arch = true },
	    { "four vCPUs in threads, in ring 3", .host = host_code, .config = { .ring = 3 },
	      .any_arch = true },
	    EACH_PROTECTED("four vCPUs in threads", .host = host_code, .config.guest_vc = true));

#endif
