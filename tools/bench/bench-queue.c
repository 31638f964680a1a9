// SPDX-License-Identifier: MIT
/* ucall bench: a queued message, compared with an exit; and a ucall of one of several VMs. */
#include <stdio.h>

#include "bench.h"

static struct ucall_vm *create(const char *backend, int ring, struct ucall_vcpu **vcpu)
{
	return bench_create_syncing(backend, "kvm", ring, vcpu);
}

/* ---- queued messages ---- */

/* A way to queue: one VM, and what its messages cost. */
struct mode {
	char backend[32];
	unsigned int count; /* messages per round */
	struct bench_queue_cost *cost;
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;
	double each[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
};

/* Measures modes in one ring, in turn; *exit: one bare exit, of all rounds. */
static bool time_modes(struct mode *modes, unsigned int count, int ring, bool quick,
		       struct bench_figure *exit)
{
	double exits[BENCH_DEPTHS * BENCH_ROUNDS];
	struct ucall_vcpu *plain, *bare = NULL;
	struct ucall_vm *bare_vm = create("ring", ring, &plain);
	unsigned int n = 0;
	bool good;

	if (bare_vm) /* it makes the same exit, but for each message */
		bare = bench_add_bare(bare_vm, ucall_vcpu_exit(plain));
	good = bare && bench_run_bare(bare, 20) > 0;
	for (struct mode *m = modes; good && m < modes + count; m++) {
		m->vm = create(m->backend, ring, &m->vcpu);
		good = m->vm && bench_run_syncs(m->vcpu, m->count) > 0;
	}
	for (int round = 0; good && round < BENCH_ROUNDS; round++)
		for (struct mode *m = modes; good && m < modes + count; m++, n++) {
			m->each[round] = bench_run_syncs(m->vcpu, m->count);
			exits[n] = bench_run_bare(bare, quick ? 100 : 1000);
			m->ratio[round] = m->each[round] / exits[n];
			good = m->each[round] > 0 && exits[n] > 0;
		}
	if (good)
		*exit = bench_figure(exits, n);
	for (struct mode *m = modes; m < modes + count; m++) {
		if (good) {
			m->cost->each = bench_figure(m->each, BENCH_ROUNDS);
			m->cost->ratio = bench_figure(m->ratio, BENCH_ROUNDS);
		}
		ucall_vm_free(m->vm);
	}
	ucall_vm_free(bare_vm);
	return good;
}

void bench_queue(struct bench_queue *q, bool quick)
{
	struct mode depths[BENCH_DEPTHS] = { 0 };
	struct bench_figure unused;
	/* Alone, since its vCPU runs all the time. */
	struct mode poll = { .backend = "ring,poll=1",
			     .count = quick ? 20000 : 200000,
			     .cost = &q->poll };

	/* Ring 3 if there is one: it runs natively; some hosts interpret ring 0. */
	q->in_ring = ucall_arch_host() == UCALL_ARCH_X86_64 ? 3 : 0;
	for (int i = 0; i < BENCH_DEPTHS; i++) {
		struct mode *m = &depths[i];

		m->cost = &q->depths[i];
		m->cost->depth = 1u << i;
		m->count = m->cost->depth * (quick ? 50 : 300); /* exits */
		snprintf(m->backend, sizeof(m->backend), "ring,depth=%u", m->cost->depth);
	}
	if (!time_modes(depths, BENCH_DEPTHS, q->in_ring, quick, &q->exit) ||
	    !time_modes(&poll, 1, q->in_ring, quick, &unused))
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
