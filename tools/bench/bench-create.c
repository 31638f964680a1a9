// SPDX-License-Identifier: MIT
/*
 * ucall bench: creating a VM, its first message and freeing it, compared with the bare KVM calls
 * for the same VM.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

static UCALL_GUEST void guest_first(void)
{
	GUEST_SYNC(1);
	GUEST_SYNC(2);
	GUEST_DONE();
}

/* A VM that has sent its first message.  *only: its vCPU, unless NULL. */
static struct ucall_vm *create(struct ucall_vcpu **only)
{
	struct ucall_vm_config config = { .engine = "kvm" };
	struct ucall_vm *vm = ucall_vm_create(&config);
	struct ucall_vcpu *vcpu = vm ? ucall_vcpu_add(vm, guest_first, 0) : NULL;

	if (only)
		*only = vcpu;
	if (vcpu && ucall_next(vcpu, NULL) == UCALL_SYNC)
		return vm;
	ucall_vm_free(vm);
	return NULL;
}

/* Resident memory of this process in KiB. */
static double resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f)
		return 0;
	if (fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

#define MANY 20

static bool measure_memory(struct bench_creation *c)
{
	struct ucall_vm *vms[MANY] = { NULL };
	double before = resident();
	bool good = true;

	for (int i = 0; i < MANY; i++)
		good = good && (vms[i] = create(NULL));
	c->memory_kib = (resident() - before) / MANY;
	for (int i = 0; i < MANY; i++)
		ucall_vm_free(vms[i]);
	return good;
}

static bool time_both(struct bench_figure *to_create, struct bench_figure *to_bare,
		      struct bench_figure *to_ratio, const struct bench_recording *recording,
		      int count)
{
	double own[BENCH_ROUNDS], bare[BENCH_ROUNDS], ratio[BENCH_ROUNDS];

	for (int i = 0; i < BENCH_ROUNDS; i++) {
		double start = bench_now_ns();

		for (int k = 0; k < count; k++) {
			struct ucall_vm *vm = create(NULL);

			if (!vm)
				return false;
			ucall_vm_free(vm);
		}
		own[i] = (bench_now_ns() - start) / count;
		start = bench_now_ns();
		for (int k = 0; k < count; k++)
			if (bench_record_repeat(recording))
				return ucall_fail(EIO,
						  "KVM refused the same VM by bare KVM calls") == 0;
		bare[i] = (bench_now_ns() - start) / count;
		ratio[i] = own[i] / bare[i];
	}
	*to_create = bench_figure(own, BENCH_ROUNDS);
	*to_bare = bench_figure(bare, BENCH_ROUNDS);
	*to_ratio = bench_figure(ratio, BENCH_ROUNDS);
	return true;
}

static bool time_restore(struct bench_creation *c, bool quick)
{
	double values[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
	int count = quick ? 20 : 200;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm = create(&vcpu);
	bool good = vm && !ucall_vm_snapshot(vm);

	for (int i = 0; good && i < BENCH_ROUNDS; i++) {
		double start = bench_now_ns();

		for (int k = 0; good && k < count; k++)
			good = !ucall_vm_restore(vm) && ucall_next(vcpu, NULL) == UCALL_SYNC;
		values[i] = (bench_now_ns() - start) / count;
		ratio[i] = values[i] / c->create.median;
	}
	if (good) {
		c->restore = bench_figure(values, BENCH_ROUNDS);
		c->restore_ratio = bench_figure(ratio, BENCH_ROUNDS);
	}
	ucall_vm_free(vm);
	return good;
}

/* Records the KVM calls for a VM; NULL after ucall_fail(). */
static struct bench_recording *record(void)
{
	struct bench_recording *recording = NULL;
	struct ucall_vm *vm = create(NULL); /* does the work that is done once per process */

	ucall_vm_free(vm);
	if (vm)
		recording = bench_record_start();
	if (recording) {
		ucall_vm_free(create(NULL));
		bench_record_stop();
	}
	return recording;
}

void bench_creation(struct bench_creation *c, bool quick)
{
	struct bench_recording *recording = record();

	if (!recording || !time_both(&c->create, &c->bare, &c->ratio, recording, quick ? 3 : 20) ||
	    !time_restore(c, quick) || !measure_memory(c))
		snprintf(c->problem, sizeof(c->problem), "%s", ucall_error());
	bench_record_free(recording);
}

#define MOST 1000
#define DESCRIPTORS 3 /* per VM with one vCPU */

/* Raises the limit of descriptors for that many VMs.  0, or -1 after ucall_fail(). */
static int raise_limit(unsigned int vms)
{
	const rlim_t wanted = vms * DESCRIPTORS + 100;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return 0;
	limit.rlim_cur = wanted;
	if (limit.rlim_max < wanted || setrlimit(RLIMIT_NOFILE, &limit))
		return ucall_fail(EMFILE,
				  "%u VMs alive need %llu descriptors; raise the limit (ulimit -n)",
				  vms, (unsigned long long)wanted);
	return 0;
}

void bench_alive(struct bench_alive *a, bool quick)
{
	static const unsigned int all[BENCH_ALIVE] = { 1, 250, MOST },
				  few[BENCH_ALIVE] = { 1, 10, 20 };
	struct ucall_vm *vms[MOST] = { NULL };
	struct bench_recording *recording = NULL;
	unsigned int alive = 0;
	bool good;

	memcpy(a->vms, quick ? few : all, sizeof(a->vms));
	good = !raise_limit(a->vms[BENCH_ALIVE - 1]) && (recording = record());
	for (int i = 0; good && i < BENCH_ALIVE; i++) {
		for (; good && alive < a->vms[i]; alive++)
			good = (vms[alive] = create(NULL));
		good = good && time_both(&a->create[i], &a->bare[i], &a->ratio[i], recording,
					 quick ? 1 : 5);
	}
	if (!good)
		snprintf(a->problem, sizeof(a->problem), "%s", ucall_error());
	for (unsigned int i = 0; i < alive; i++)
		ucall_vm_free(vms[i]);
	bench_record_free(recording);
}
