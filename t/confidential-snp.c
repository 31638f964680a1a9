// SPDX-License-Identifier: MIT
/*
 * SEV-SNP: a page is private or shared, as the guest requests.  Using it as the other kind causes a
 * memory fault.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "confidential.h"

/* ---- an access of the wrong kind ---- */

static UCALL_GUEST void guest_access(volatile uint64_t *at, uint64_t write)
{
	if (write)
		at[3] = 0x5555;
	else
		GUEST_SYNC(at[3]);
	GUEST_SYNC(1);
	GUEST_DONE();
}

struct views {
	uint64_t private, shared, gpa;
};

static struct views make_views(struct ucall_vm *vm, unsigned int pages, bool is_private)
{
	size_t size = pages * 4096ul;
	struct views v;
	uint64_t first =
		ucall_vm_alloc(vm, size, is_private ? UCALL_MEM_PRIVATE : UCALL_MEM_SHARED);
	uint64_t second;

	CHECK_OK(first);
	second = ucall_vm_alias(vm, first, size, is_private ? UCALL_MEM_SHARED : UCALL_MEM_PRIVATE);
	CHECK_OK(second);
	CHECK_OK(!ucall_vm_translate(vm, first, &v.gpa));
	v.private = is_private ? first : second;
	v.shared = is_private ? second : first;
	return v;
}

static void check_mismatch(struct ucall_vcpu *vcpu, uint64_t gpa, bool taken_for_private)
{
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);

	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ENOMSG);
	CHECK_EQ(exit->reason, UCALL_EXIT_MEMORY);
	CHECK_EQ(exit->u.memory.gpa, gpa);
	CHECK_EQ(exit->u.memory.is_private, taken_for_private);
	CHECK_HAS(ucall_error(),
		  taken_for_private ? "was used as private memory, but is shared (a memory fault)"
				    : "was used as shared memory, but is private (a memory fault)");
}

static void mismatch(bool is_private, bool write)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 1, is_private);
	struct ucall_vcpu *vcpu =
		ucall_vcpu_add(vm, guest_access, 2, is_private ? v.shared : v.private, write);
	uint64_t value;

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	check_mismatch(vcpu, v.gpa, !is_private);
	check_mismatch(vcpu, v.gpa, !is_private); /* it did not continue */
	/* The host converts the page, as a VMM does on KVM_EXIT_MEMORY_FAULT: a retry succeeds. */
	CHECK_OK(!ucall_vm_set_private(vm, v.gpa, 4096, !is_private));
	if (!write)
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	if (write && is_private) {
		CHECK_OK(!ucall_vm_read_int(vm, v.shared + 24, 8, &value));
		CHECK_EQ(value, 0x5555);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static void each_mismatch(void)
{
	for (int i = 0; i < 4; i++)
		mismatch(i & 1, i & 2);
}

/* ---- the guest's request ---- */

static UCALL_GUEST void guest_converts(volatile uint64_t *private, volatile uint64_t *shared,
				       uint64_t gpa)
{
	const uint64_t page = 4096 / 8;

	for (int i = 0; i < 3; i++)
	private[i * page] = 0x1111 * (i + 1);
	/* The page in the middle. */
	GUEST_ASSERT_EQ(ucall_guest_set_private(gpa + 4096, (uintptr_t) private + 4096, 0), 0);
	GUEST_ASSERT_NE(shared[page], 0x2222); /* what was private has not become public */
	shared[page] = 0x3333;
	GUEST_ASSERT_EQ(private[0], 0x1111);
	GUEST_ASSERT_EQ(private[2 * page], 0x3333);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(shared[page], 0x4444);
	GUEST_ASSERT_EQ(ucall_guest_set_private(gpa + 4096, (uintptr_t) private + 4096, 1), 0);
	GUEST_ASSERT_NE(private[page], 0x4444);
	private[page] = 0x6666;
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(private[page], 0x6666);
	/* An address without memory. */
	GUEST_ASSERT_NE(ucall_guest_set_private(0xfffffffff000, 0, 0), 0);
	GUEST_ASSERT_EQ(private[0], 0x1111);
	GUEST_DONE();
}

static void host_converts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct views v = make_views(vm, 3, true);
	uint64_t value;

	vcpu = ucall_vcpu_add(vm, guest_converts, 3, v.private, v.shared, v.gpa);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_read_int(vm, v.shared + 4096, 8, &value));
	CHECK_EQ(value, 0x3333);
	CHECK_OK(!ucall_vm_read_physical(vm, v.gpa + 4096, &value, 8));
	CHECK_EQ(value, 0x3333);
	CHECK_OK(!ucall_vm_read_physical(vm, v.gpa, &value, 8));
	CHECK(value != 0x1111);
	CHECK_OK(!ucall_vm_write_int(vm, v.shared + 4096, 8, 0x4444));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_read_physical(vm, v.gpa + 4096, &value, 8));
	CHECK(value != 0x6666);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- while other vCPUs run ---- */

#define PAGES 8
#define ROUNDS 40

static UCALL_GUEST void guest_turns(uint64_t private, uint64_t gpa)
{
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t page = i % PAGES * 4096;

		GUEST_ASSERT_EQ(ucall_guest_set_private(gpa + page, private + page, i / PAGES & 1),
				0);
	}
	GUEST_DONE();
}

static UCALL_GUEST void guest_works(volatile uint64_t *private, volatile uint64_t *stop)
{
	uint64_t n = 0;

	do {
		n++;
		*private = n;
		GUEST_ASSERT_EQ(*private, n);
	} while (!*stop);
	GUEST_SYNC(n);
	GUEST_DONE();
}

static void *run_worker(void *data)
{
	struct ucall uc;

	CHECK_NEXT(data, &uc, UCALL_SYNC);
	CHECK(uc.args[1] > 0);
	CHECK_NEXT(data, NULL, UCALL_DONE);
	return data;
}

static void host_turns(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct views v = make_views(vm, PAGES, true);
	uint64_t stop = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED), private;
	struct ucall_vcpu *workers[3];
	pthread_t threads[3];
	void *result;

	vcpu = ucall_vcpu_add(vm, guest_turns, 2, v.private, v.gpa);
	CHECK_OK(stop && vcpu);
	for (int i = 0; i < 3; i++) {
		private = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE);
		workers[i] = ucall_vcpu_add(vm, guest_works, 2, private, stop);
		CHECK_OK(private && workers[i]);
	}
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&threads[i], NULL, run_worker, workers[i]));
	/* The guest and the host convert pages at the same time. */
	for (int i = 0; i < ROUNDS; i++)
		CHECK_OK(!ucall_vm_set_private(vm, v.gpa + 4096ul * (i % PAGES), 4096, i & 1));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK_OK(!ucall_vm_write_int(vm, stop, 8, 1));
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		CHECK(result);
	}
}

/* ---- the rest ---- */

static UCALL_GUEST void guest_done(void)
{
	GUEST_DONE();
}

static void host_wrong(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_vm_set_private(vm, 0x1000, 0x1000, false), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_vm_set_private(vm, 0x1001, 0x1000, false), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(ucall_vm_set_private(vm, 0x1000, 0, false), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(ucall_vm_set_private(vm, 0x1000, ~0xfffull, false), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* A GHCB must be registered first. */
static UCALL_GUEST void guest_unregistered(void)
{
	ucall_wrmsr(UCALL_MSR_GHCB, ucall_this_mailbox()->ghcb);
	ucall_vmgexit();
	GUEST_DONE();
}

static void host_unregistered(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "a GHCB that this SEV-SNP guest has not registered");
}

/* SEV and SEV-ES have no such state: a page has both views, which are different memory here. */
static void host_both(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct views v = make_views(vm, 1, true);

	vcpu = ucall_vcpu_add(vm, guest_access, 2, v.shared, 0);
	CHECK_OK(vcpu && !ucall_vm_write_int(vm, v.private + 24, 8, 0x1234));
	CHECK_OK(!ucall_vm_write_int(vm, v.shared + 24, 8, 0x5678));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_vm_set_private(vm, v.gpa, 4096, false), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_HAS(ucall_error(), "only the guest decides what is private");
	{
		struct ucall uc;

		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], 0x5678);
	}
}

/* A polled guest changes page states during the host's snapshots; neither waits for the other. */
static UCALL_GUEST void guest_converts_for_ever(uint64_t gpa)
{
	for (;;) {
		GUEST_SYNC(1);
		for (int i = 0; i < 200; i++)
			ucall_ghcb_msr_call(2ull << 52 | gpa | UCALL_GHCB_PAGE_STATE_REQUEST);
	}
}

static void once_polled(void)
{
	struct ucall_vm_config config = { .backend = "ring,poll=1",
					  .protect = "emulated-sev-snp",
					  .engine = "kvm",
					  .timeout_ms = 60000 };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_converts_for_ever, 1, 0x200000);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 60; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		usleep(1000); /* the guest changes page states now */
		CHECK_OK(!(i % 2 ? ucall_vm_restore(vm) : ucall_vm_snapshot(vm)));
	}
}

UCALL_TESTS({ "snapshots of a polled guest that converts pages", .once = once_polled,
	      .limit = 100 },
	    SEV_SNP("an access of the wrong kind", .each = each_mismatch, .config.guest_vc = true),
	    SEV_SNP("the guest converts pages", .host = host_converts, .config.guest_vc = true),
	    KIND("emulated-sev-snp", "while other vCPUs run", .host = host_turns,
		 .config.guest_vc = true),
	    SEV_SNP("what the host may not convert", UCALL_TEST_GUEST(guest_done),
		    .host = host_wrong, .config.guest_vc = true),
	    KIND("emulated-sev-snp", "a GHCB that is not registered",
		 UCALL_TEST_GUEST(guest_unregistered), .host = host_unregistered, .launch = true,
		 .config.guest_vc = true),
	    KIND("emulated-sev", "both views of a page", .host = host_both),
	    KIND("emulated-sev-es", "both views of a page", .host = host_both));
