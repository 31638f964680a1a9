// SPDX-License-Identifier: MIT
/* ucall bench: one backend in one ring, compared with the bare exit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* ---- guests ---- */

static UCALL_GUEST void guest_sync(void)
{
	for (;;) { /* four, to keep the share of the loop small */
		GUEST_SYNC(1);
		GUEST_SYNC(1);
		GUEST_SYNC(1);
		GUEST_SYNC(1);
	}
}

/* No loop: there is nothing between one message and the next. */
static UCALL_GUEST void guest_syncs(uint64_t a, uint64_t b)
{
	GUEST_SYNC(1);
	GUEST_SYNC(1);
	GUEST_SYNC(1);
	GUEST_SYNC(1);
	GUEST_DONE();
}

static UCALL_GUEST void guest_printfs(uint64_t a, uint64_t b)
{
	GUEST_PRINTF("%d %d\n", (int)a, (int)b);
	GUEST_PRINTF("%d %d\n", (int)a, (int)b);
	GUEST_PRINTF("%d %d\n", (int)a, (int)b);
	GUEST_PRINTF("%d %d\n", (int)a, (int)b);
	GUEST_DONE();
}

/* Bare exits, two per loop, so that the jump costs each half an instruction. */
#if defined(__x86_64__)
static UCALL_GUEST void guest_out1(uint64_t port)
{
	for (;;)
		__asm__ volatile("outb %%al, %w0\n\toutb %%al, %w0" : : "d"(port));
}

static UCALL_GUEST void guest_out2(uint64_t port)
{
	for (;;)
		__asm__ volatile("outw %%ax, %w0\n\toutw %%ax, %w0" : : "d"(port));
}

static UCALL_GUEST void guest_out4(uint64_t port)
{
	for (;;)
		__asm__ volatile("outl %%eax, %w0\n\toutl %%eax, %w0" : : "d"(port));
}

static UCALL_GUEST void guest_halt(void)
{
	for (;;)
		__asm__ volatile("hlt\n\thlt");
}
#endif

static UCALL_GUEST void guest_store(uint64_t address)
{
	for (;;) {
#if defined(__x86_64__)
		/* The same instructions however this is compiled. */
		__asm__ volatile("mov %0, (%0)\n\tmov %0, (%0)" : : "r"(address) : "memory");
#else
		*(volatile uint64_t *)address = address;
		*(volatile uint64_t *)address = address;
#endif
	}
}

/*
 * The doorbell's own code with as many stores as GUEST_SYNC has, for exits that have no loop above.
 */
static UCALL_GUEST void guest_ring(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;
	volatile uint64_t *args = m->uc.args;

	for (;;) {
		args[0] = 0;
		args[1] = 1;
		args[2] = 0;
		((void (*)(struct ucall *, const struct ucall_bell *))(uintptr_t)bell->ring)(&m->uc,
											     bell);
	}
}

/* ---- the host ---- */

static struct ucall_vm *make_vm(const struct bench_row *row)
{
	struct ucall_vm_config config = { .backend = row->backend,
					  .engine = row->engine,
					  .ring = row->ring };

	return ucall_vm_create(&config);
}

struct ucall_vm *bench_create_syncing(const char *backend, const char *engine, int ring,
				      struct ucall_vcpu **vcpu)
{
	struct ucall_vm_config config = { .backend = backend, .engine = engine, .ring = ring };
	struct ucall_vm *vm = ucall_vm_create(&config);

	*vcpu = vm ? ucall_vcpu_add(vm, guest_sync, 0) : NULL;
	if (*vcpu && ucall_next(*vcpu, NULL) == UCALL_SYNC)
		return vm;
	ucall_vm_free(vm);
	return NULL;
}

#define MMIO 0xd8000000 /* where no backend has its doorbell by default */

struct ucall_vcpu *bench_add_bare(struct ucall_vm *vm, const struct ucall_exit *exit)
{
	if (!strcmp(ucall_vm_engine(vm), "kvm")) {
#if defined(__x86_64__)
		uint64_t port = exit->u.io.port;

		if (exit->reason == UCALL_EXIT_IO && exit->u.io.size == 1)
			return ucall_vcpu_add(vm, guest_out1, 1, port);
		if (exit->reason == UCALL_EXIT_IO && exit->u.io.size == 2)
			return ucall_vcpu_add(vm, guest_out2, 1, port);
		if (exit->reason == UCALL_EXIT_IO && exit->u.io.size == 4)
			return ucall_vcpu_add(vm, guest_out4, 1, port);
		if (exit->reason == UCALL_EXIT_HALT)
			return ucall_vcpu_add(vm, guest_halt, 0);
#endif
		if (exit->reason == UCALL_EXIT_MMIO) {
			uint64_t gva = ucall_vm_map_device(vm, MMIO, 8);

			return gva ? ucall_vcpu_add(vm, guest_store, 1, gva) : NULL;
		}
	}
	return ucall_vcpu_add(vm, guest_ring, 0);
}

double bench_run_bare(struct ucall_vcpu *vcpu, unsigned int count)
{
	int fd = ucall_vcpu_fd(vcpu);
	double start = bench_now_ns();

	if (fd >= 0)
		return bench_bare_run(fd, count);
	for (unsigned int i = 0; i < count; i++)
		if (ucall_vcpu_run(vcpu))
			return -1;
	return (bench_now_ns() - start) / count;
}

double bench_run_syncs(struct ucall_vcpu *vcpu, unsigned int count)
{
	double start = bench_now_ns();
	struct ucall uc;

	for (unsigned int i = 0; i < count; i++)
		if (ucall_next(vcpu, &uc) != UCALL_SYNC)
			return -1;
	return (bench_now_ns() - start) / count;
}

static bool time_both(struct bench_row *row, struct ucall_vcpu *vcpu, struct ucall_vcpu *bare,
		      bool quick)
{
	double round[BENCH_ROUNDS], alone[BENCH_ROUNDS], ratio[BENCH_ROUNDS];
	unsigned int count = quick ? 100 : 1000;
	unsigned long before;

	if (bench_run_syncs(vcpu, 20) < 0 || bench_run_bare(bare, 20) < 0)
		return false;
	before = bench_ioctls;
	if (bench_run_syncs(vcpu, count) < 0)
		return false;
	row->ioctls = (double)(bench_ioctls - before) / count;
	for (int i = 0; i < BENCH_ROUNDS; i++) {
		round[i] = bench_run_syncs(vcpu, count);
		alone[i] = bench_run_bare(bare, count);
		if (round[i] < 0 || alone[i] < 0)
			return false;
		ratio[i] = round[i] / alone[i];
	}
	row->roundtrip = bench_figure(round, BENCH_ROUNDS);
	row->bare = bench_figure(alone, BENCH_ROUNDS);
	row->ratio = bench_figure(ratio, BENCH_ROUNDS);
	return true;
}

/* ucall_next() with a KVM_RUN that costs nothing: the library's own time. */
static void time_host(struct bench_row *row, struct ucall_vcpu *vcpu, bool quick)
{
	uint64_t *head = (uint64_t *)(void *)&ucall_vcpu_mailbox(vcpu)->uc;
	double values[BENCH_ROUNDS];

	row->host_ns = -1;
	if (ucall_vcpu_fd(vcpu) < 0 || ucall_vcpu_run(vcpu))
		return;
	bench_replay.value = *head;
	bench_replay.head = head;
	for (int i = 0; i < BENCH_ROUNDS; i++)
		values[i] = bench_run_syncs(vcpu, quick ? 1000 : 10000);
	bench_replay.head = NULL;
	row->host_ns = bench_figure(values, BENCH_ROUNDS).median;
}

/*
 * Instructions that the guest executes from here up to its next exit; -1: this vCPU cannot be
 * stepped.
 */
static int step(struct ucall_vcpu *vcpu)
{
	const int most = 100000;
	int steps = -1, r;

	if (ucall_vcpu_set_stepping(vcpu, true))
		return -1;
	do {
		r = ucall_vcpu_run(vcpu);
		steps++;
	} while (!r && steps < most && ucall_vcpu_exit(vcpu)->reason == UCALL_EXIT_DEBUG);
	ucall_vcpu_set_stepping(vcpu, false);
	return r || steps == most ? -1 : steps;
}

/* True if stepping counts correctly: in the loops above, exits directly follow each other. */
static bool can_count_steps(struct ucall_vcpu *bare)
{
	return step(bare) == 0 || step(bare) == 0;
}

/* Guest instructions from one exit to the next, including the one that exits; -1: unknown. */
static double count_instructions(const struct bench_row *row, void (*guest)(uint64_t, uint64_t))
{
	struct ucall_vm *vm = make_vm(row);
	struct ucall_vcpu *vcpu = vm ? ucall_vcpu_add(vm, guest, 2, 12, 345) : NULL;
	int count = -1;

	/* Counts from the second message: only the first does one-time work. */
	if (vcpu && !ucall_vcpu_run(vcpu) && get_ucall(vcpu, NULL) > 0 && !ucall_vcpu_run(vcpu) &&
	    get_ucall(vcpu, NULL) > 0)
		count = step(vcpu);
	ucall_vm_free(vm);
	return count < 0 ? count : count + 1;
}

void bench_backend(struct bench_row *row, bool quick)
{
	struct ucall_vcpu *vcpu, *bare = NULL;
	struct ucall_vm *vm = bench_create_syncing(row->backend, row->engine, row->ring, &vcpu);
	struct ucall_vm *bare_vm = vm ? make_vm(row) : NULL;
	bool good;

	row->sync_insns = row->printf_insns = row->host_ns = -1;
	if (bare_vm) {
		row->exit = ucall_vcpu_exit(vcpu)->reason;
		bare = bench_add_bare(bare_vm, ucall_vcpu_exit(vcpu));
	}
	good = bare && time_both(row, vcpu, bare, quick);
	if (!good)
		snprintf(row->problem, sizeof(row->problem), "%s", ucall_error());
	if (good) {
		time_host(row, vcpu, quick);
		if (row->ring == 0 &&
		    can_count_steps(bare)) { /* ring 3 cannot be stepped everywhere */
			row->sync_insns = count_instructions(row, guest_syncs);
			row->printf_insns = count_instructions(row, guest_printfs);
		}
	}
	ucall_vm_free(bare_vm);
	ucall_vm_free(vm);
}
