// SPDX-License-Identifier: MIT
/* Eight VMs at once, with different backends and engines, a thread each. */
#include <pthread.h>

#include "confidential.h"

#define VMS 8
#define ROUNDS 100

static UCALL_GUEST void guest_code(uint64_t id)
{
	for (uint64_t i = 0; i < ROUNDS; i++)
		GUEST_SYNC_ARGS(i, id, 0, 0, 0);
	GUEST_DONE();
}

struct job {
	uint64_t id;
	const char *backend, *engine, *protect;
	bool done;
};

/* Creates its VM itself, so that creation runs in parallel too. */
static void *run(void *data)
{
	struct job *job = data;
	struct ucall_vm_config config = { .backend = job->backend,
					  .engine = job->engine,
					  .protect = job->protect,
					  .guest_vc = true };

	for (int again = 0; again < 3; again++) {
		struct ucall_vm *vm = ucall_test_vm(&config);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 1, job->id);
		struct ucall uc;

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
		for (uint64_t i = 0; i < ROUNDS; i++) {
			CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
			CHECK_EQ(uc.args[1], i);
			CHECK_EQ(uc.args[2], job->id);
		}
		CHECK_NEXT(vcpu, &uc, UCALL_DONE);
		ucall_test_vm_free(vm);
	}
	job->done = true;
	return NULL;
}

static void run_all(struct job *jobs)
{
	pthread_t threads[VMS];

	for (int i = 0; i < VMS; i++)
		CHECK(!pthread_create(&threads[i], NULL, run, &jobs[i]));
	for (int i = 0; i < VMS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < VMS; i++)
		CHECK(jobs[i].done);
}

static void once_mixed(void)
{
#if defined(__x86_64__)
	static const char *const backends[] = { "pio", "mmio", "halt", "pio,port=0x80",
						"mmio,gpa=0xd0001008" };
#else
	static const char *const backends[] = { "ring", "mmio", "ring,depth=3",
						"ring,gpa=0xd0002000", "mmio,gpa=0xd0001008" };
#endif
	struct job jobs[VMS];

	const char *engines[2] = { "kvm", "unicorn" };

	if (ucall_engine_check("kvm"))
		engines[0] = "unicorn";
	if (ucall_engine_check("unicorn"))
		engines[1] = "kvm";
	if (ucall_engine_check(engines[0]))
		SKIP("%s", ucall_error());
	for (int i = 0; i < VMS; i++)
		jobs[i] = (struct job){ (uint64_t)i, backends[i % 5], engines[i % 3 == 0], NULL,
					false };
	run_all(jobs);
}

static void once_confidential(void)
{
	static const struct {
		const char *backend, *protect;
	} kinds[VMS] = {
		{ "sev-shared", "emulated-sev" },
		{ "sev-shared", "emulated-sev-es" },
		{ "sev-shared", "emulated-sev-snp" },
		{ "pio", "emulated-sev-es" },
		{ "sev-shared,exit=ghcb", "emulated-sev-snp" },
		{ "halt", "emulated-sev-es" },
		{ "mmio", "emulated-sev" },
		{ "pio", NULL },
	};
	struct job jobs[VMS];

	skip_without("emulated-sev");
	for (int i = 0; i < VMS; i++)
		jobs[i] = (struct job){ (uint64_t)i, kinds[i].backend, "kvm", kinds[i].protect,
					false };
	run_all(jobs);
}

UCALL_TESTS({ "eight VMs with mixed backends and engines in threads", .once = once_mixed },
	    { "eight VMs, seven of them with encrypted memory", .once = once_confidential });
