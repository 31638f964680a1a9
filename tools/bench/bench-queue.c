// SPDX-License-Identifier: MIT
/* ucall bench: a queued message, compared with an exit; and a ucall of one of several VMs. */
#include <stdio.h>

#include "bench.h"

static struct ucall_vm *create(const char *backend, int ring, struct ucall_vcpu **vcpu)
{
	return bench_create_syncing(backend, "kvm", ring, vcpu);
}

/* ---- queued messages ---- */

/* Measures one queue mode in one ring. */
static bool time_queue(struct bench_queue *q, bool quick, int ring, const char *backend,
		       unsigned int count, struct bench_queue_cost *cost)
{
	double each[BENCH_ROUNDS], exits[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
	struct ucall_vcpu *vcpu, *plain, *bare = NULL;
	struct ucall_vm *vm = create(backend, ring, &vcpu);
	struct ucall_vm *bare_vm = vm ? create("ring", ring, &plain) : NULL;
	bool good;

	if (bare_vm) /* it makes the same exit, but for each message */
		bare = bench_add_bare(bare_vm, ucall_vcpu_exit(plain));
	good = bare && bench_run_bare(bare, 20) > 0 && bench_run_syncs(vcpu, count) > 0;
	for (int i = 0; good && i < BENCH_ROUNDS; i++) {
		each[i] = bench_run_syncs(vcpu, quick ? count / 10 : count);
		exits[i] = bench_run_bare(bare, quick ? 100 : 1000);
		ratio[i] = each[i] / exits[i];
		good = each[i] > 0 && exits[i] > 0;
	}
	if (good) {
		cost->each = bench_figure(each, BENCH_ROUNDS);
		cost->ratio = bench_figure(ratio, BENCH_ROUNDS);
		q->exit = bench_figure(exits, BENCH_ROUNDS);
		q->in_ring = ring;
	}
	ucall_vm_free(bare_vm);
	ucall_vm_free(vm);
	return good;
}

void bench_queue(struct bench_queue *q, bool quick)
{
	/* Ring 3 if there is one: it runs natively; some hosts interpret ring 0. */
	int ring = ucall_arch_host() == UCALL_ARCH_X86_64 ? 3 : 0;

	if (!time_queue(q, quick, ring, "ring,depth=64", 20000, &q->depth) ||
	    !time_queue(q, quick, ring, "ring,poll=1", 200000, &q->poll))
		snprintf(q->problem, sizeof(q->problem), "%s", ucall_error());
}

/* ---- several VMs ---- */

/* One ucall of each VM in turn, on one thread. */
static double take_turns(struct ucall_vcpu *const *vcpus, unsigned int vms, unsigned int count)
{
	double start = bench_now_ns();

	for (unsigned int i = 0; i < count; i++)
		if (bench_run_syncs(vcpus[i % vms], 1) < 0)
			return -1;
	return (bench_now_ns() - start) / count;
}

void bench_turns(struct bench_turns *s, bool quick)
{
	static const unsigned int counts[BENCH_TURNS] = { 1, 2, 32 };
	double each[BENCH_TURNS][BENCH_ROUNDS], ratio[BENCH_TURNS][BENCH_ROUNDS];
	const unsigned int most = counts[BENCH_TURNS - 1], count = quick ? 96 : 960;
	struct ucall_vm *vms[32] = { NULL };
	struct ucall_vcpu *vcpus[32];
	bool good = true;

	for (unsigned int i = 0; good && i < most; i++)
		good = (vms[i] = create(NULL, 0, &vcpus[i])) != NULL;
	for (int round = 0; good && round < BENCH_ROUNDS; round++)
		for (int k = 0; good && k < BENCH_TURNS; k++) {
			each[k][round] = take_turns(vcpus, counts[k], count);
			ratio[k][round] = each[k][round] / each[0][round];
			good = each[k][round] > 0;
		}
	for (int k = 0; good && k < BENCH_TURNS; k++) {
		s->vms[k] = counts[k];
		s->each[k] = bench_figure(each[k], BENCH_ROUNDS);
		s->ratio[k] = bench_figure(ratio[k], BENCH_ROUNDS);
	}
	if (!good)
		snprintf(s->problem, sizeof(s->problem), "%s", ucall_error());
	for (unsigned int i = 0; i < most; i++)
		ucall_vm_free(vms[i]);
}
