// SPDX-License-Identifier: MIT
/* TDX: how a trust domain starts, TDCALL, and its pages. */
#include <errno.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <linux/kvm.h>

#include <ucall/tdx.h>

#include "confidential.h"

#define PAGE UCALL_PAGE_SIZE
#define EMULATED(what, ...) KIND("emulated-tdx", what, ##__VA_ARGS__)

/* ---- where it starts ---- */

static UCALL_GUEST void guest_started(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
				      uint64_t f)
{
	uint32_t eax = 0x21, ebx, ecx = 0, edx;
	uint64_t cr0, cr4;

	GUEST_SYNC_ARGS(1, a, b, c, d);
	GUEST_SYNC_ARGS(2, e, f, 0, 0);
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	GUEST_SYNC_ARGS(3, eax, ebx, edx, ecx);
	__asm__ volatile("mov %%cr0, %0; mov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
	GUEST_SYNC_ARGS(4, cr0, cr4 & 0x40, 0, 0);
	GUEST_DONE();
}

/* T4: the host's last look at the registers.  KVM's own calls are not closed to this program. */
static void each_start(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_started, 6, 11, 12, 13, 14, 15, 16);
	struct ucall_frame frame;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_EQ(ucall_vcpu_get_regs(vcpu, &frame), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "closes the registers to the host");
	CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_GET_REGS, &regs));
	CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_GET_SREGS, &sregs));
	CHECK_EQ(regs.rip, 0xfffffff0);
	CHECK_EQ(regs.rsp, 0);
	CHECK_EQ(regs.rcx, regs.r8);
	CHECK_EQ(regs.rsi, 0);
	CHECK_EQ(regs.rbx, (uint64_t)__builtin_ctzll(ucall_vm_shared_bit(vm)) + 1);
	CHECK_EQ(sregs.cr0, 0x21);
	/* PAE: see needs_pae() in the emulation. */
	CHECK_EQ(sregs.cr4 & ~0x20ull, 0x40);
	CHECK_EQ(sregs.efer, 0x901);
	CHECK_EQ(sregs.cs.db, 1);
	CHECK_EQ(sregs.cs.l, 0);
	CHECK_EQ(sregs.cs.limit, 0xffffffff);
	CHECK_EQ(sregs.idt.limit, 0);

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2] == 11 && uc.args[3] == 12 && uc.args[4] == 13 && uc.args[5] == 14, 1);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2] == 15 && uc.args[3] == 16, 1);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2], 0);
	CHECK_EQ(uc.args[3], 0x65746e49); /* Inte */
	CHECK_EQ(uc.args[4], 0x5844546c); /* lTDX */
	CHECK_EQ(uc.args[5], 0x20202020);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2], 0x80010033);
	CHECK_EQ(uc.args[3], 0x40);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* ---- TDCALL ---- */

static UCALL_GUEST uint64_t call(uint64_t leaf, uint64_t rcx, uint64_t rdx)
{
	struct ucall_tdx_regs regs = { .rcx = rcx, .rdx = rdx };

	return guest_tdcall(leaf, &regs);
}

static UCALL_GUEST void guest_leaves(void)
{
	struct ucall_tdx_regs regs = { .r12 = 77, .r13 = 78 };

	/* Leaves that do not exist change nothing else. */
	GUEST_ASSERT_EQ(guest_tdcall(99, &regs), UCALL_TDX_OPERAND_INVALID);
	GUEST_ASSERT_EQ(regs.r12, 77);
	GUEST_ASSERT_EQ(guest_tdcall(1ull << 32, &regs), UCALL_TDX_OPERAND_INVALID);
	GUEST_ASSERT_EQ(guest_tdcall(1 | 1ull << 16, &regs), UCALL_TDX_OPERAND_INVALID);

	/* TDG.VP.INFO */
	GUEST_ASSERT_EQ(guest_tdcall(UCALL_TDG_VP_INFO, &regs), 0);
	GUEST_SYNC(1ull << ((regs.rcx & 0x3f) - 1));
	GUEST_ASSERT_EQ(regs.r8 & 0xffffffff, 1);
	GUEST_ASSERT_EQ(regs.r9, 0);
	GUEST_ASSERT_EQ(regs.r11, 0);
	GUEST_ASSERT_EQ(regs.r12, 77);

	/* There was no #VE. */
	GUEST_ASSERT_EQ(call(UCALL_TDG_VP_VEINFO_GET, 0, 0), UCALL_TDX_NO_VE_INFO);

	/* T7: RAX, RCX, RSP and RBP cannot be shown, nor what has no bit. */
	for (unsigned int i = 0; i < 64; i++)
		if (i == 0 || i == 1 || i == 4 || i == 5 || i >= 32)
			GUEST_ASSERT_EQ(call(UCALL_TDG_VP_VMCALL, 1ull << i, 0),
					UCALL_TDX_OPERAND_INVALID | 1);

	/* Metadata: one field that a guest uses. */
	GUEST_ASSERT_EQ(call(UCALL_TDG_VM_RD, 0, 0x9100000000000010), 0);
	GUEST_ASSERT_EQ(call(UCALL_TDG_VM_WR, 0, 0x9100000000000010), 0);
	GUEST_ASSERT_EQ(call(UCALL_TDG_VM_RD, 0, 1), UCALL_TDX_METADATA_FIELD_ID_INCORRECT);
	GUEST_ASSERT_EQ(call(UCALL_TDG_VM_RD, 1, 0x9100000000000010),
			UCALL_TDX_OPERAND_INVALID | 1);
	GUEST_DONE();
}

static void host_leaves(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], ucall_vm_shared_bit(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* T11: TDCALL is for ring 0. */
static UCALL_GUEST void guest_ring3(void)
{
	uint64_t result;

	__asm__ volatile("1: outb %%al, %1\n"
			 "2:\n" UCALL_FIXUP("1b", "2b")
			 : "=a"(result)
			 : "i"(UCALL_TDX_PORT), "a"(UCALL_TDG_VP_INFO)
			 : "memory");
	GUEST_SYNC(result);
	GUEST_DONE();
}

static void host_ring3(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], UCALL_TRAPPED + 13);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- several vCPUs ---- */

static UCALL_GUEST void guest_number(uint64_t number)
{
	struct ucall_tdx_regs regs = { 0 };

	guest_tdcall(UCALL_TDG_VP_INFO, &regs);
	GUEST_ASSERT_EQ(regs.r9, number);
	GUEST_ASSERT_EQ(regs.r8 & 0xffffffff, 3);
	GUEST_SYNC(number);
	GUEST_DONE();
}

static void each_vcpus(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpus[3];
	struct ucall uc;

	for (uint64_t i = 0; i < 3; i++)
		CHECK_OK(vcpus[i] = ucall_vcpu_add(vm, guest_number, 1, i));
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 2; i >= 0; i--) {
		CHECK_NEXT(vcpus[i], &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_NEXT(vcpus[i], NULL, UCALL_DONE);
	}
	ucall_test_vm_free(vm);
}

/* ---- pages ---- */

struct views {
	uint64_t private, shared, gpa;
};

static struct views make_views(struct ucall_vm *vm, unsigned int pages)
{
	const size_t size = pages * (size_t)PAGE;
	struct views v = { .private = ucall_vm_alloc(vm, size, 0) };

	CHECK_OK(v.private);
	CHECK_OK(v.shared = ucall_vm_alias(vm, v.private, size, UCALL_MEM_SHARED));
	CHECK_OK(!ucall_vm_translate(vm, v.private, &v.gpa));
	return v;
}

static UCALL_GUEST void guest_converts(volatile uint64_t *private, volatile uint64_t *shared,
				       uint64_t gpa)
{
	const uint64_t page = PAGE / 8, bit = guest_td_shared_bit();
	struct ucall_tdx_regs regs = { 0 };

	for (uint64_t i = 0; i < 8; i++)
	private[i * page] = 0x100 + i;
	/* Accepted already; not a page; shared; too high. */
	GUEST_ASSERT_EQ(guest_td_accept(gpa, 0), UCALL_TDX_PAGE_ALREADY_ACCEPTED);
	GUEST_ASSERT_EQ(guest_td_accept(gpa + 8, 0), UCALL_TDX_OPERAND_INVALID | 1);
	GUEST_ASSERT_EQ(guest_td_accept(gpa, 2), UCALL_TDX_OPERAND_INVALID | 1);
	GUEST_ASSERT_EQ(guest_td_accept(gpa | bit, 0), UCALL_TDX_OPERAND_INVALID | 1);

	/* T14: pages 2 to 6 become shared, the others stay.  Nothing private has become public. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa + 2 * PAGE, 5 * PAGE, 1), 0);
	for (uint64_t i = 2; i < 7; i++) {
		GUEST_ASSERT_EQ(shared[i * page], 0);
		shared[i * page] = 0x200 + i;
	}
	GUEST_ASSERT_EQ(private[page], 0x101);
	GUEST_ASSERT_EQ(private[7 * page], 0x107);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(shared[4 * page], 0x304);

	/* Back: each is accepted, and zero. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa + 2 * PAGE, 5 * PAGE, 0), 0);
	for (uint64_t i = 2; i < 7; i++) {
		GUEST_ASSERT_EQ(guest_td_accept(gpa + i * PAGE, 0), 0);
		GUEST_ASSERT_EQ(private[i * page], 0);
		GUEST_ASSERT_EQ(guest_td_accept(gpa + i * PAGE, 0),
				UCALL_TDX_PAGE_ALREADY_ACCEPTED);
		private[i * page] = 0x400 + i;
	}
	GUEST_SYNC(2);
	for (uint64_t i = 2; i < 7; i++)
		GUEST_ASSERT_EQ(private[i * page], 0x400 + i);
	/* What is private already stays as it is. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, 8 * PAGE, 0), 0);
	GUEST_ASSERT_EQ(private[0], 0x100);

	/* Not pages; no memory; from one half to the other. */
	regs.r12 = gpa + 1;
	regs.r13 = PAGE;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs), UCALL_TDVMCALL_ALIGN_ERROR);
	GUEST_ASSERT_EQ(regs.r11, gpa + 1);
	regs.r12 = gpa;
	regs.r13 = 100;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs), UCALL_TDVMCALL_ALIGN_ERROR);
	regs.r13 = 0;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs),
			UCALL_TDVMCALL_INVALID_OPERAND);
	regs.r13 = -(uint64_t)PAGE;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs),
			UCALL_TDVMCALL_INVALID_OPERAND);
	regs.r12 = bit - PAGE;
	regs.r13 = 2 * PAGE;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs),
			UCALL_TDVMCALL_INVALID_OPERAND);
	regs.r12 = ~0xfffull;
	regs.r13 = PAGE;
	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs),
			UCALL_TDVMCALL_INVALID_OPERAND);
	GUEST_ASSERT_EQ(private[0], 0x100);
	GUEST_DONE();
}

static void each_converts(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 8);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_converts, 3, v.private, v.shared, v.gpa);
	uint64_t value;

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (uint64_t i = 2; i < 7; i++) {
		CHECK_OK(!ucall_vm_read_int(vm, v.shared + i * PAGE, 8, &value));
		CHECK_EQ(value, 0x200 + i);
	}
	CHECK_EQ(ucall_vm_read_int(vm, v.shared + PAGE, 8, &value), -1);
	CHECK_OK(!ucall_vm_write_int(vm, v.shared + 4 * PAGE, 8, 0x304));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_vm_read_int(vm, v.shared + 4 * PAGE, 8, &value), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* The host does three pages of a MapGPA at a time, and says so. */
static UCALL_GUEST void guest_parts(uint64_t gpa)
{
	const uint64_t bit = guest_td_shared_bit();
	struct ucall_tdx_regs regs = { .r12 = gpa | bit, .r13 = 8 * PAGE };

	GUEST_ASSERT_EQ(guest_tdvmcall(UCALL_TDVMCALL_MAP_GPA, &regs), UCALL_TDVMCALL_RETRY);
	GUEST_ASSERT_EQ(regs.r11, (gpa | bit) + 3 * PAGE);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, 8 * PAGE, 1), 0);
	GUEST_DONE();
}

static void each_parts(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 8);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_parts, 1, v.gpa);
	uint64_t value;

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_read_int(vm, v.shared + 2 * PAGE, 8, &value));
	CHECK_EQ(ucall_vm_read_int(vm, v.shared + 3 * PAGE, 8, &value), -1);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK_OK(!ucall_vm_read_int(vm, v.shared + 7 * PAGE, 8, &value));
	ucall_test_vm_free(vm);
}

/* A page used as the other kind: the access goes to the host, and does not continue. */
static UCALL_GUEST void guest_access(volatile uint64_t *at, uint64_t write)
{
	if (write)
		at[3] = 0x5555;
	else
		GUEST_SYNC(at[3]);
	GUEST_SYNC(1);
	GUEST_DONE();
}

static void each_mismatch(void)
{
	for (uint64_t write = 0; write < 2; write++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct views v = make_views(vm, 1);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_access, 2, v.shared, write);
		const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
		for (int i = 0; i < 2; i++) {
			CHECK_EQ(ucall_next(vcpu, NULL), -1);
			CHECK_EQ(exit->reason, UCALL_EXIT_MEMORY);
			CHECK_EQ(exit->u.memory.gpa, v.gpa);
			CHECK_EQ(exit->u.memory.is_private, 0);
			CHECK_HAS(ucall_error(), "was used as shared memory, but is private");
		}
		/* The host converts the page, as on KVM_EXIT_MEMORY_FAULT. */
		CHECK_OK(!ucall_vm_set_private(vm, v.gpa, PAGE, false));
		if (!write)
			CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		ucall_test_vm_free(vm);
	}
}

/* T6: a host that writes private memory poisons it. */
static UCALL_GUEST void guest_reads(volatile uint64_t *at, volatile uint64_t *other)
{
	*at = 1;
	*other = 2;
	GUEST_SYNC(*at);
	GUEST_ASSERT_EQ(*other, 2);
	GUEST_SYNC(*at);
	GUEST_DONE();
}

static void each_poison(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 2);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_reads, 2, v.private, v.private + PAGE);
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	uint64_t value = 0x77;

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_vm_read(vm, v.private, &value, 8), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_EQ(value, 0x77);
	CHECK_OK(!ucall_vm_write(vm, v.private, &value, 8));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(exit->reason, UCALL_EXIT_OTHER);
		CHECK_EQ(exit->native, KVM_EXIT_INTERNAL_ERROR);
		CHECK_EQ(exit->u.other.suberror, 4);
		CHECK_EQ(exit->u.other.data[0], 0x6000000200000000);
	}
	ucall_test_vm_free(vm);
}

/* Pages that were never allocated, pages that the host wrote, and the reset page. */
static UCALL_GUEST void guest_corners(uint64_t gpa, volatile uint64_t *private)
{
	GUEST_ASSERT_EQ(guest_td_accept(0, 0), 0);
	GUEST_ASSERT_EQ(guest_td_accept(0, 0), UCALL_TDX_PAGE_ALREADY_ACCEPTED);
	GUEST_ASSERT_EQ(guest_td_accept(0xfffff000, 0), UCALL_TDX_PAGE_ALREADY_ACCEPTED);
	/* What was not accepted has nothing to poison. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, PAGE, 1), 0);
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, PAGE, 0), 0);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_td_accept(gpa, 0), 0);
	GUEST_ASSERT_EQ(*private, 0);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(guest_td_accept(gpa, 0), UCALL_TDX_PAGE_ALREADY_ACCEPTED);
	/* A page that is shared cannot be accepted: a memory fault, each time. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, PAGE, 1), 0);
	guest_td_accept(gpa, 0);
	GUEST_DONE();
}

static void each_corners(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 1);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_corners, 2, v.gpa, v.private);

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_write_int(vm, v.private, 8, 7));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_write_int(vm, v.private, 8, 7));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_MEMORY);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->u.memory.gpa, v.gpa);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->u.memory.is_private, 1);
	}
	ucall_test_vm_free(vm);
}

/* ---- two vCPUs at once ---- */

#define ROUNDS 50

static uint64_t turns[2] __attribute__((aligned(4096))); /* of the guest */

/* Waits until the other vCPU has come to the same step. */
static UCALL_GUEST void meet(uint64_t self, uint64_t step)
{
	volatile uint64_t *mine = &turns[self], *other = &turns[!self];

	*mine = step;
	while (*other < step)
		;
}

/* Both accept the same page: it is accepted once, and nobody wipes what the other has written. */
static UCALL_GUEST void guest_races(uint64_t self, volatile uint64_t *private, uint64_t gpa)
{
	uint64_t got = 0;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		uint64_t r;

		if (!self) {
			guest_td_map_gpa(gpa, PAGE, 1);
			guest_td_map_gpa(gpa, PAGE, 0);
		}
		meet(self, 3 * i);
		r = guest_td_accept(gpa, 0);
		GUEST_ASSERT(r == 0 || r == UCALL_TDX_PAGE_ALREADY_ACCEPTED);
		if (!r)
			*private = i;
		got += !r;
		meet(self, 3 * i + 1);
		GUEST_ASSERT_EQ(*private, i);
		meet(self, 3 * i + 2);
	}
	GUEST_SYNC(got);
	GUEST_DONE();
}

struct job {
	struct ucall_vcpu *vcpu;
	uint64_t got;
};

static void *run_job(void *data)
{
	struct job *job = data;
	struct ucall uc;

	CHECK_NEXT(job->vcpu, &uc, UCALL_SYNC);
	job->got = uc.args[1];
	return NULL;
}

static void each_race(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct views v = make_views(vm, 1);
	struct job jobs[2] = { { NULL, 0 } };
	pthread_t threads[2];

	for (uint64_t i = 0; i < 2; i++)
		CHECK_OK(jobs[i].vcpu = ucall_vcpu_add(vm, guest_races, 3, i, v.private, v.gpa));
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 2; i++)
		CHECK(!pthread_create(&threads[i], NULL, run_job, &jobs[i]));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(jobs[0].got + jobs[1].got, ROUNDS);
	ucall_test_vm_free(vm);
}

/* ---- the launch ---- */

static UCALL_GUEST void guest_done(void)
{
	GUEST_DONE();
}

/* A kick from before the launch ends the first run, and not the launch. */
static void each_kicked(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_done, 0);

	CHECK_OK(vcpu);
	ucall_vcpu_kick(vcpu);
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINTR);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* A launch that fails is not tried again. */
static void each_failed(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_done, 0);
	struct kvm_run *run = vcpu ? ucall_vcpu_kvm_run(vcpu) : NULL;

	CHECK_OK(run);
	run->kvm_valid_regs = 1;
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_EQ(errno, EINVAL);
	run->kvm_valid_regs = 0;
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_HAS(ucall_error(), "has failed before");
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	ucall_test_vm_free(vm);
}

/* ---- what is refused ---- */

/* A page that is mapped read-only cannot be shared: its contents could not be put back. */
static UCALL_GUEST void guest_read_only(uint64_t address)
{
	GUEST_ASSERT_EQ(guest_share((void *)address, PAGE), GUEST_SHARE_REFUSED);
	GUEST_ASSERT_EQ(guest_share((void *)UCALL_BELL_ADDRESS, PAGE), GUEST_SHARE_REFUSED);
	GUEST_ASSERT_EQ(guest_td_map_gpa(guest_td_shared_bit(), PAGE, 0),
			UCALL_TDVMCALL_INVALID_OPERAND);
	GUEST_DONE();
}

static void each_read_only(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t address = ucall_vm_alloc(vm, PAGE, UCALL_MEM_EXEC);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_read_only, 1, address);

	CHECK_OK(address && vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* Options of the protection. */
static void once_options(void)
{
	const struct {
		const char *protect, *words;
		int ring;
	} wrong[] = {
		{ "emulated-tdx,trap=always", "no|step", 0 },
		{ "emulated-tdx,map_pages=-1", "map_pages", 0 },
		{ "emulated-tdx,policy=1", "policy", 0 },
		{ "emulated-tdx,trap=step", "ring 3", 3 },
	};

	skip_without("emulated-tdx");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const struct ucall_vm_config config = { .protect = wrong[i].protect,
							.backend = "pio",
							.guest_vc = true,
							.ring = wrong[i].ring };

		CHECK(!ucall_vm_create(&config));
		CHECK_HAS(ucall_error(), wrong[i].words);
	}
}

static void once_refused(void)
{
	const struct ucall_vm_config halt = { .protect = "emulated-tdx", .backend = "halt" };
	const struct ucall_vm_config pio = { .protect = "emulated-tdx", .backend = "pio" };
	const struct ucall_vm_config ring3 = { .protect = "emulated-tdx",
					       .backend = "tdx",
					       .ring = 3 };
	const struct ucall_vm_config gpa = { .protect = "emulated-tdx", .backend = "tdx,gpa=4" };
	const struct ucall_vm_config none = { .backend = "tdx" };
	const struct ucall_vm_config irqchip = { .protect = "emulated-tdx", .irqchip = true };

	skip_without("emulated-tdx");
	CHECK(!ucall_vm_create(&halt));
	CHECK_HAS(ucall_error(), "these do: ring, tdx");
	CHECK(!ucall_vm_create(&pio));
	CHECK_HAS(ucall_error(), "#VE");
	CHECK_HAS(ucall_error(), "guest_vc");
	CHECK(!ucall_vm_create(&ring3));
	CHECK_HAS(ucall_error(), "ring 0");
	CHECK(!ucall_vm_create(&gpa));
	CHECK_HAS(ucall_error(), "multiple of 8");
	CHECK(!ucall_vm_create(&irqchip));
	CHECK_HAS(ucall_error(), "leave irqchip out");
	CHECK(!ucall_vm_create(&none));
	CHECK_HAS(ucall_error(), "for confidential VMs only");
}

#define VC .config.guest_vc = true

UCALL_TESTS({ "options", .once = once_options },
	    { "backends that are refused", .once = once_refused },
	    EMULATED("the first state, and the first function", .each = each_start, VC),
	    EMULATED("leaves of TDCALL", UCALL_TEST_GUEST(guest_leaves), .host = host_leaves,
		     .launch = true, VC),
	    EMULATED("TDCALL in ring 3", UCALL_TEST_GUEST(guest_ring3), .host = host_ring3,
		     .launch = true, VC, .config.ring = 3),
	    EMULATED("vCPUs", .each = each_vcpus, VC),
	    TDX("pages are shared and taken back", .each = each_converts, VC),
	    KIND("emulated-tdx,map_pages=3", "MapGPA in parts", .each = each_parts, VC),
	    TDX("an access of the wrong kind", .each = each_mismatch, VC),
	    EMULATED("a host that writes private memory", .each = each_poison, VC),
	    EMULATED("corner cases of ACCEPT", .each = each_corners, VC),
	    EMULATED("two vCPUs accept the same page", .each = each_race, VC),
	    EMULATED("a kick before the launch", .each = each_kicked, VC),
	    KIND("emulated-tdx,trap=step", "a kick before the launch", .each = each_kicked, VC),
	    EMULATED("a launch that fails", .each = each_failed, VC),
	    EMULATED("a read-only page", .each = each_read_only, VC));
