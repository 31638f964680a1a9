// SPDX-License-Identifier: MIT
/* A VM is restored to what it was: memory, vCPUs, allocations, whatever happened to it. */
#include <errno.h>
#include <string.h>

#if defined(__x86_64__)
#include <linux/kvm.h>
#endif

#include <sys/resource.h>

#include <ucall/plugin.h>
#include <ucall/sev.h>

#include "confidential.h"
#include "resources.h"

static uint64_t counter, words[4096];

static UCALL_GUEST void guest_count(void)
{
	for (;;) {
		words[counter % 4096] = counter;
		counter++;
		GUEST_SYNC(counter);
	}
}

static void expect(struct ucall_vcpu *vcpu, uint64_t value)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], value);
}

static void take(struct ucall_vm *vm)
{
	if (ucall_vm_snapshot(vm)) {
		if (errno == EOPNOTSUPP)
			SKIP("%s", ucall_error());
		FAIL("%s", ucall_error());
	}
}

static void host_memory(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t page = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED), value;
	uint64_t *pointer = ucall_vm_host_pointer(vm, page, 8);

	CHECK_OK(page && pointer);
	*pointer = 7;
	expect(vcpu, 1);
	expect(vcpu, 2);
	take(vm);
	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < i; k++)
			expect(vcpu, 3 + (uint64_t)k);
		/* Writes by guest, library and pointer, also to a page that was never touched. */
		*pointer = 8;
		CHECK_OK(!ucall_vm_write_int(vm, (uintptr_t)&words[4000], 8, 9));
		CHECK_OK(!ucall_vm_restore(vm));
		CHECK_EQ(*pointer, 7);
		CHECK_OK(!ucall_vm_read_int(vm, (uintptr_t)&words[4000], 8, &value));
		CHECK_EQ(value, 0);
		CHECK_OK(!ucall_vm_read_int(vm, (uintptr_t)&counter, 8, &value));
		CHECK_EQ(value, 2);
	}
	expect(vcpu, 3);
	CHECK_EQ(counter, 0); /* the host's copy is not the guest's */
}

/* A later snapshot replaces an earlier one. */
static void host_again(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t n = 0, value;

	for (int i = 0; i < 5; i++) {
		take(vm);
		for (int k = 0; k < 3; k++)
			expect(vcpu, n + 1 + (uint64_t)k);
		CHECK_OK(!ucall_vm_restore(vm));
		expect(vcpu, ++n);
	}
	take(vm);
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_OK(!ucall_vm_read_int(vm, (uintptr_t)&words[3], 8, &value));
	CHECK_EQ(value, 3);
	expect(vcpu, n + 1);
}

static void host_allocations(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t before = ucall_vm_alloc(vm, 8192, 0), after, gpa;

	expect(vcpu, 1);
	take(vm);
	after = ucall_vm_alloc(vm, 8192, 0);
	CHECK_OK(after && !ucall_vm_translate(vm, after, &gpa));
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_EQ(ucall_vm_translate(vm, after, &gpa), -1);
	CHECK_OK(!ucall_vm_translate(vm, before, &gpa));
	CHECK_EQ(ucall_vm_alloc(vm, 8192, 0), after);
	expect(vcpu, 2);
}

/* ---- after faults ---- */

static UCALL_GUEST void guest_faults(uint64_t how, uint64_t nowhere)
{
	counter++;
	GUEST_SYNC(counter);
	if (how == 0)
		__builtin_trap();
	if (how == 1)
		*(volatile uint64_t *)nowhere = 1;
	if (how == 2)
		GUEST_ASSERT(counter == 0);
	while (how == 3)
		__asm__ volatile("" ::: "memory");
	GUEST_DONE();
}

static void host_faults(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[5];
	struct ucall uc;

	for (uint64_t i = 0; i < 5; i++) {
		vcpus[i] = ucall_vcpu_add(vm, guest_faults, 2, i, 16);
		CHECK_OK(vcpus[i]);
		expect(vcpus[i], i + 1);
	}
	take(vm);
	for (int again = 0; again < 3; again++) {
		for (int i = 0; i < 4; i++) {
			CHECK_EQ(ucall_next(vcpus[i], &uc), -1);
			CHECK_EQ(errno, i < 2 ? EFAULT : i == 2 ? ECANCELED : ETIMEDOUT);
			CHECK(i >= 2 || ucall_fault(vcpus[i])->valid);
		}
		CHECK_NEXT(vcpus[4], &uc, UCALL_DONE);
		CHECK_OK(!ucall_vm_restore(vm));
		CHECK(!ucall_fault(vcpus[0])->valid);
	}
	/* A snapshot of a vCPU that has faulted, too. */
	CHECK_EQ(ucall_next(vcpus[1], &uc), -1);
	take(vm);
	CHECK_OK(!ucall_vcpu_restart(vcpus[1]));
	expect(vcpus[1], 6);
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_EQ(ucall_next(vcpus[1], &uc), -1);
	CHECK(ucall_fault(vcpus[1])->valid);
	CHECK_HAS(ucall_fault_report(vcpus[1]), "guest_faults");
	CHECK_NEXT(vcpus[4], &uc, UCALL_DONE);
}

/* ---- vCPUs ---- */

static UCALL_GUEST void guest_vcpu(uint64_t first)
{
	for (uint64_t i = first;; i++)
		GUEST_SYNC(i);
}

static void host_vcpus(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[4];

	for (unsigned int i = 0; i < 4; i++) {
		vcpus[i] = ucall_vcpu_add(vm, guest_vcpu, 1, 1000 * i);
		CHECK_OK(vcpus[i]);
	}
	for (unsigned int i = 0; i < 4; i++)
		for (unsigned int k = 0; k < i; k++) /* the first has not run at all */
			expect(vcpus[i], 1000 * i + k);
	take(vm);
	for (int again = 0; again < 3; again++) {
		for (unsigned int i = 0; i < 4; i++)
			for (unsigned int k = i; k < i + 5; k++)
				expect(vcpus[i], 1000 * i + k);
		CHECK_OK(!ucall_vm_restore(vm));
	}
	/* With a GIC or AIA, none can be added after the first run. */
	if (!ucall_vcpu_add(vm, guest_vcpu, 1, 9)) {
		CHECK_EQ(errno, EBUSY);
		CHECK_HAS(ucall_error(), "(irqchip) was set up for 4 vCPUs");
		return;
	}
	CHECK_EQ(ucall_vm_restore(vm), -1);
	CHECK_EQ(errno, EBUSY);
	CHECK_HAS(ucall_error(), "1 vCPUs were added after the snapshot");
	take(vm);
	CHECK_OK(!ucall_vm_restore(vm));
	expect(vcpus[3], 3003);
}

/* ---- registers ---- */

/* Two system registers; and a vector register, which kvm_pvm has in ring 3 only. */
#if defined(__x86_64__)
#define KERNEL_GS_BASE 0xc0000102
#define READ_SYSTEM(a, b) \
	do { \
		*(a) = ucall_rdmsr(KERNEL_GS_BASE); \
		__asm__ volatile("mov %%dr0, %0" : "=r"(*(b))); \
	} while (0)
#define WRITE_SYSTEM(a, b) \
	do { \
		ucall_wrmsr(KERNEL_GS_BASE, a); \
		__asm__ volatile("mov %0, %%dr0" : : "r"((uint64_t)(b))); \
	} while (0)
#define READ_VECTOR(a) __asm__ volatile("movq %%xmm7, %0" : "=r"(*(a)))
#define WRITE_VECTOR(a) __asm__ volatile("movq %0, %%xmm7" : : "r"((uint64_t)(a)))
#define VECTOR_RING 3
#elif defined(__aarch64__)
#define READ_SYSTEM(a, b) \
	__asm__ volatile("mrs %0, contextidr_el1; mrs %1, tpidr_el0" : "=r"(*(a)), "=r"(*(b)))
#define WRITE_SYSTEM(a, b) \
	__asm__ volatile("msr contextidr_el1, %0; msr tpidr_el0, %1" \
			 : \
			 : "r"((uint64_t)(a)), "r"((uint64_t)(b)))
#define READ_VECTOR(a) __asm__ volatile("fmov %0, d7" : "=r"(*(a)))
#define WRITE_VECTOR(a) __asm__ volatile("fmov d7, %0" : : "r"((uint64_t)(a)))
#define VECTOR_RING 0
#elif defined(__riscv)
#define READ_SYSTEM(a, b) \
	__asm__ volatile("csrr %0, sscratch; csrr %1, sepc" : "=r"(*(a)), "=r"(*(b)))
#define WRITE_SYSTEM(a, b) \
	__asm__ volatile("csrw sscratch, %0; csrw sepc, %1" \
			 : \
			 : "r"((uint64_t)(a)), "r"((uint64_t)(b)))
#endif

#ifdef READ_SYSTEM
static UCALL_GUEST void guest_system(void)
{
	uint64_t a, b;

	WRITE_SYSTEM(0x1110, 0x2220);
	GUEST_SYNC(0);
	for (;;) {
		READ_SYSTEM(&a, &b);
		GUEST_SYNC_ARGS(1, a, b, 0, 0);
		WRITE_SYSTEM(0x3330, 0x4440);
	}
}
#endif

#ifdef READ_VECTOR
static UCALL_GUEST void guest_vector(void)
{
	uint64_t value;

	WRITE_VECTOR(0x5555);
	GUEST_SYNC(0);
	for (;;) {
		READ_VECTOR(&value);
		GUEST_SYNC_ARGS(1, value, 0, 0, 0);
		WRITE_VECTOR(0x6666);
	}
}
#endif

#ifdef READ_SYSTEM
static void compare(struct ucall_vm *vm, struct ucall_vcpu *vcpu, uint64_t first, uint64_t second,
		    uint64_t first_then, uint64_t second_then)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	take(vm);
	for (int i = 0; i < 3; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[2], first);
		CHECK_EQ(uc.args[3], second);
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[2], first_then);
		CHECK_EQ(uc.args[3], second_then);
		CHECK_OK(!ucall_vm_restore(vm));
	}
}

static void host_system(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_system, 0);
	compare(vm, vcpu, 0x1110, 0x2220, 0x3330, 0x4440);
}
#endif

#ifdef READ_VECTOR
static void host_vector(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_vector, 0);
	compare(vm, vcpu, 0x5555, 0, 0x6666, 0);
}
#endif

#if defined(__x86_64__)
/* ---- exits that are not completed yet ---- */

static UCALL_GUEST void guest_in(void)
{
	uint64_t value = 0;

	__asm__ volatile("inb $0x99, %%al" : "+a"(value));
	GUEST_SYNC(value);
	__asm__ volatile("inb $0x99, %%al" : "+a"(value));
	GUEST_SYNC(value);
	GUEST_DONE();
}

static void answer(struct ucall_vcpu *vcpu, uint8_t value)
{
	struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);

	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_IO);
	CHECK_EQ(ucall_vcpu_exit(vcpu)->u.io.port, 0x99);
	*((uint8_t *)run + run->io.data_offset) = value;
}

static void host_pending(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_in, 0);
	answer(vcpu, 3);
	take(vm); /* it includes the host's answer */
	expect(vcpu, 3);
	answer(vcpu, 4); /* not completed, and never will be */
	CHECK_OK(!ucall_vm_restore(vm));
	expect(vcpu, 3);
	answer(vcpu, 5);
	expect(vcpu, 5);
	CHECK_OK(!ucall_vm_restore(vm));
	expect(vcpu, 3);
	answer(vcpu, 6);
	expect(vcpu, 6);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}
#endif

/* ---- refusals, and the end ---- */

static void host_refused(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	expect(vcpu, 1);
	CHECK_EQ(ucall_vm_restore(vm), -1);
	if (strcmp(ucall_vm_engine(vm), "kvm") != 0 || !strcmp(ucall_vm_arch(vm), "s390x")) {
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_EQ(ucall_vm_snapshot(vm), -1);
		CHECK_EQ(errno, EOPNOTSUPP);
		CHECK_HAS(ucall_error(), ucall_vm_engine(vm));
	} else {
		CHECK_EQ(errno, EINVAL);
		CHECK_HAS(ucall_error(), "take one with ucall_vm_snapshot()");
	}
	expect(vcpu, 2);
}

/* ---- by the harness ---- */

static void host_case(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static unsigned int last;
	unsigned int i = ucall_test_case();

	CHECK_EQ(i, i ? last + 1 : 0);
	last = i;
	for (uint64_t n = 1; n <= i + 1; n++)
		expect(vcpu, n);
	CHECK_OK(ucall_vm_alloc(vm, 8192, 0));
}

/* ---- encrypted memory ---- */

/* Counts in private memory, both the program's and a page of its own, and in shared memory. */
static UCALL_GUEST void guest_private(uint64_t *page, volatile uint64_t *shared)
{
	for (;;) {
		counter++;
		GUEST_ASSERT_EQ(++*page, counter);
		*shared = counter;
		GUEST_SYNC(counter);
	}
}

static void host_private(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t page = ucall_vm_alloc(vm, 4096, UCALL_MEM_PRIVATE), value, gpa;
	uint64_t shared = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED);

	vcpu = ucall_vcpu_add(vm, guest_private, 2, page, shared);
	CHECK_OK(page && shared && vcpu && !ucall_vm_translate(vm, page, &gpa));
	CHECK_EQ(ucall_vm_snapshot(vm), -1);
	if (errno == EOPNOTSUPP)
		SKIP("%s", ucall_error());
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "call ucall_vm_launch() first");
	CHECK_OK(!ucall_vm_launch(vm));
	expect(vcpu, 1);
	expect(vcpu, 2);
	take(vm);
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < i; k++)
			expect(vcpu, 3 + (uint64_t)k);
		/* The host corrupts it, and makes the page shared where possible. */
		CHECK_OK(!ucall_vm_write_int(vm, page, 8, 4711));
		if (!strcmp(ucall_test_protect(), "emulated-sev-snp"))
			CHECK_OK(!ucall_vm_set_private(vm, gpa, 4096, false));
		CHECK_OK(!ucall_vm_restore(vm));
		CHECK_OK(!ucall_vm_read_int(vm, shared, 8, &value));
		CHECK_EQ(value, 2);
		CHECK_OK(!ucall_vm_read_int(vm, page, 8, &value));
		CHECK(value != 2); /* it is still private */
	}
	expect(vcpu, 3);
}

static void each_end(void)
{
	int before = entries("/proc/self/fd");

	for (int i = 0; i < 5; i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_count, 0);

		expect(vcpu, 1);
		take(vm);
		expect(vcpu, 2);
		CHECK_OK(!ucall_vm_restore(vm));
		ucall_test_vm_free(vm);
	}
	CHECK_EQ(entries("/proc/self/fd"), before);
}

/* A second snapshot fails: then there is none, and the VM continues. */
static void host_fails(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct rlimit old, none;
	struct ucall uc;
	int r;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_OK(!ucall_vm_snapshot(vm));
	CHECK(!getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 0; /* /proc/self/pagemap cannot be opened */
	CHECK(!setrlimit(RLIMIT_NOFILE, &none));
	r = ucall_vm_snapshot(vm);
	CHECK(!setrlimit(RLIMIT_NOFILE, &old));
	CHECK_EQ(r, -1);
	CHECK_EQ(ucall_vm_restore(vm), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "there is no snapshot of this VM");
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_OK(!ucall_vm_snapshot(vm));
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
}

UCALL_TESTS({ "memory", UCALL_TEST_GUEST(guest_count), .host = host_memory, .engine = "kvm" },
	    { "a failed one", UCALL_TEST_GUEST(guest_count), .host = host_fails, .engine = "kvm" },
	    { "by the address", UCALL_TEST_GUEST(guest_count), .host = host_memory, .engine = "kvm",
	      .config = { .via = UCALL_VIA_ADDRESS } },
	    { "in ring 3", UCALL_TEST_GUEST(guest_count), .host = host_memory, .engine = "kvm",
	      .config = { .ring = 3 } },
	    { "with an interrupt controller", UCALL_TEST_GUEST(guest_count), .host = host_memory,
	      .engine = "kvm", .config = { .irqchip = true } },
	    { "one after another", UCALL_TEST_GUEST(guest_count), .host = host_again,
	      .engine = "kvm" },
	    { "allocations", UCALL_TEST_GUEST(guest_count), .host = host_allocations,
	      .engine = "kvm" },
	    { "faults", .host = host_faults, .engine = "kvm", .config = { .timeout_ms = 300 } },
	    { "several vCPUs", .host = host_vcpus, .engine = "kvm" },
	    { "several vCPUs with an interrupt controller", .host = host_vcpus, .engine = "kvm",
	      .config = { .irqchip = true } },
#ifdef READ_SYSTEM
	    { "system registers", .host = host_system, .engine = "kvm" },
#endif
#ifdef READ_VECTOR
	    { "vector registers", .host = host_vector, .engine = "kvm",
	      .config = { .ring = VECTOR_RING } },
#endif
#if defined(__x86_64__)
	    { "exits that are not completed", .host = host_pending, .engine = "kvm" },
#endif
	    { "refused calls", UCALL_TEST_GUEST(guest_count), .host = host_refused },
	    { "cases of one point", UCALL_TEST_GUEST(guest_count), .host = host_case, .cases = 10 },
	    EACH_KIND("private and shared memory", .host = host_private),
	    { "nothing is left behind", .each = each_end, .engine = "kvm" });
