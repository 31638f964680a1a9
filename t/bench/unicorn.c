// SPDX-License-Identifier: MIT
/*
 * What the unicorn engine costs compared with Unicorn itself, in one run: each figure is the
 * median of several, taken in turns; the ratios are what counts.
 *
 * The round trip of a ucall (GUEST_SYNC and ucall_next()) is compared with the same guest function
 * in a bare Unicorn, whose hook leaves to its caller from within UC_HOOK_INSN and is entered again.
 * (The guest's stores are most of both: each takes Unicorn about 100 ns.)  Creating a VM, running
 * it to its first message and freeing it are compared with uc_open(), the same number of mappings,
 * a first run up to such an exit, and uc_close().
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unicorn/unicorn.h>

#include <ucall/plugin.h>

#include "modules/unicorn/fiber.h"

#define ROUNDS 11
#define EXITS 20000
#define VMS 40

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(values[0]), by_value);
	return values[ROUNDS / 2];
}

/* ---- the guest of both ---- */

static UCALL_GUEST void guest_main(void)
{
	for (uint64_t i = 0;; i++)
		GUEST_SYNC(i);
}

/* ---- bare ---- */

/* The doorbell: outb %al, %dx; ret */
static const uint8_t doorbell[] = { 0xee, 0xc3 };

#define PAGE ((uint64_t)UCALL_PAGE_SIZE)
#define STACK 0x10000000000
#define MORE 0x20000000000 /* further mappings, so that both sides have the same number */

enum page { CODE, CODE2, MAILBOX, BELL, DOORBELL, STACK_PAGE, PAGES };

struct bare {
	uc_engine *uc;
	struct fiber fiber;
	uint8_t *memory; /* PAGES of it */
};

static void on_out(uc_engine *uc, uint32_t port, int size, uint32_t value, void *data)
{
	struct bare *b = data;

	fiber_leave(&b->fiber);
}

static void emulate(void *data)
{
	struct bare *b = data;

	uc_emu_start(b->uc, (uint64_t)(uintptr_t)guest_main, UINT64_MAX, 0, 0);
	for (;;)
		fiber_leave(&b->fiber);
}

static uc_err map(struct bare *b, enum page page, uint64_t address, uint64_t pages)
{
	return uc_mem_map_ptr(b->uc, address, pages * PAGE, UC_PROT_ALL, b->memory + page * PAGE);
}

static uc_err map_all(struct bare *b, int mappings)
{
	uint64_t code = (uint64_t)(uintptr_t)guest_main & ~(PAGE - 1);
	struct ucall_bell *bell = (void *)(b->memory + BELL * PAGE);
	uc_err err = map(b, CODE, code, 2);

	memcpy(b->memory, (const void *)(uintptr_t)code, 2 * PAGE);
	memcpy(b->memory + DOORBELL * PAGE, doorbell, sizeof(doorbell));
	bell->ring = UCALL_CODE_ADDRESS;
	if (!err)
		err = map(b, MAILBOX, UCALL_MAILBOX_ADDRESS, 1);
	if (!err)
		err = map(b, BELL, UCALL_BELL_ADDRESS, 1);
	if (!err)
		err = map(b, DOORBELL, UCALL_CODE_ADDRESS, 1);
	if (!err)
		err = map(b, STACK_PAGE, STACK, 1);
	for (int i = 5; !err && i < mappings; i++)
		err = map(b, STACK_PAGE, MORE + (uint64_t)i * 0x100000, 1);
	return err;
}

static void bare_open(struct bare *b, int mappings)
{
	uint64_t sp = STACK + PAGE - 8;
	uc_hook hook;
	uc_err err;

	memset(b, 0, sizeof(*b));
	b->memory = aligned_alloc(PAGE, PAGES * PAGE);
	memset(b->memory, 0, PAGES * PAGE);
	err = uc_open(UC_ARCH_X86, UC_MODE_64, &b->uc);
	if (!err)
		err = map_all(b, mappings);
	if (!err)
		err = uc_hook_add(b->uc, &hook, UC_HOOK_INSN, (void *)(uintptr_t)on_out, b, 1, 0,
				  UC_X86_INS_OUT);
	if (!err)
		err = uc_reg_write(b->uc, UC_X86_REG_RSP, &sp);
	if (err || fiber_init(&b->fiber, emulate, b)) {
		fprintf(stderr, "bench: Unicorn: %s\n", uc_strerror(err));
		exit(1);
	}
}

static void bare_close(struct bare *b)
{
	uc_close(b->uc);
	fiber_fini(&b->fiber);
	free(b->memory);
}

/* Takes the message: the guest sees it cleared. */
static void bare_next(struct bare *b)
{
	const struct ucall *uc = (const void *)(b->memory + MAILBOX * PAGE);

	fiber_enter(&b->fiber);
	if (uc->cmd != UCALL_SYNC) {
		fprintf(stderr, "bench: the bare guest sent no message\n");
		exit(1);
	}
	memset(b->memory + MAILBOX * PAGE, 0, 8);
}

static double bare_exit(struct bare *b)
{
	int64_t start = now_ns();

	for (int i = 0; i < EXITS; i++)
		bare_next(b);
	return (double)(now_ns() - start) / EXITS;
}

static double bare_creation(int mappings)
{
	int64_t start = now_ns();

	for (int i = 0; i < VMS; i++) {
		struct bare b;

		bare_open(&b, mappings);
		bare_next(&b);
		bare_close(&b);
	}
	return (double)(now_ns() - start) / VMS;
}

/* ---- libucall ---- */

static struct ucall_vm *vm_open(struct ucall_vcpu **vcpu)
{
	struct ucall_vm_config config = { .engine = "unicorn", .backend = "pio" };
	struct ucall_vm *vm = ucall_vm_create(&config);

	*vcpu = vm ? ucall_vcpu_add(vm, guest_main, 0) : NULL;
	if (!*vcpu || ucall_next(*vcpu, NULL) != UCALL_SYNC) {
		fprintf(stderr, "bench: %s\n", ucall_error());
		exit(1);
	}
	return vm;
}

static double round_trip(struct ucall_vcpu *vcpu)
{
	int64_t start = now_ns();
	struct ucall uc;

	for (int i = 0; i < EXITS; i++)
		if (ucall_next(vcpu, &uc) != UCALL_SYNC)
			exit(1);
	return (double)(now_ns() - start) / EXITS;
}

static double creation(void)
{
	int64_t start = now_ns();

	for (int i = 0; i < VMS; i++) {
		struct ucall_vcpu *vcpu;

		ucall_vm_free(vm_open(&vcpu));
	}
	return (double)(now_ns() - start) / VMS;
}

/* ---- */

static void print(const char *name, double *bare, double *ours, double unit, const char *unit_name)
{
	double b = median(bare), o = median(ours);

	printf("%-22s %10.1f %10.1f %-4s %6.2f\n", name, b / unit, o / unit, unit_name, o / b);
}

int main(int argc, char **argv)
{
	/* Segments of this program, stack, thread-local variables, mailbox, bell, code, return. */
	int mappings = argc > 1 ? atoi(argv[1]) : 10;
	double bare[ROUNDS], ours[ROUNDS];
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	struct bare b;

	if (ucall_arch_host() != UCALL_ARCH_X86_64 || ucall_engine_check("unicorn")) {
		printf("bench: this needs an x86_64 host and engine unicorn: %s\n", ucall_error());
		return 77;
	}
	printf("%-22s %10s %10s %-4s %6s\n", "", "Unicorn", "libucall", "", "ratio");
	bare_open(&b, mappings);
	vm = vm_open(&vcpu);
	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = bare_exit(&b);
		ours[i] = round_trip(vcpu);
	}
	print("exit; round trip", bare, ours, 1, "ns");
	ucall_vm_free(vm);
	bare_close(&b);
	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = bare_creation(mappings);
		ours[i] = creation();
	}
	print("creation, one message", bare, ours, 1000, "us");
	return 0;
}
