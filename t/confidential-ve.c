// SPDX-License-Identifier: MIT
/*
 * TDX: what raises #VE, what TDG.VP.VEINFO.GET says of it, and the core's handler, which does by
 * TDG.VP.VMCALL what the instruction would have done.
 */
#include <errno.h>
#include <linux/kvm.h>

#include <ucall/tdx.h>

#include "confidential.h"

#define PAGE UCALL_PAGE_SIZE
#define VECTOR_VE 20
#define EMULATED(what, ...) KIND("emulated-tdx", what, ##__VA_ARGS__)
#define EMULATED_STEP(what, ...) KIND("emulated-tdx,trap=step", what, ##__VA_ARGS__)

/* ---- a handler of the guest's own ---- */

static volatile struct {
	uint64_t count, status, again;
	struct ucall_ve_info info;
	uint64_t pc, skip; /* skip: the length of an instruction with unknown length */
} seen;

/* Asks why, and steps over the instruction. */
static UCALL_GUEST void handle_ve(struct ucall_frame *frame)
{
	struct ucall_ve_info info;

	seen.status = guest_td_ve_info(&info);
	seen.info = info;
	seen.again = guest_td_ve_info(&info);
	seen.pc = frame->pc;
	seen.count++;
	frame->pc += seen.info.length ? seen.info.length : seen.skip;
}

/* Executes `insn`, and checks what #VE said. */
#define RAISES(number, reason_, qualification_, length_, insn, ...) \
	do { \
		uint64_t pc_; \
\
		seen.count = 0; \
		seen.skip = length_; \
		__asm__ volatile("lea 1f(%%rip), %0\n" \
				 "1: " insn \
				 : "=&r"(pc_) \
				 : __VA_ARGS__ \
				 : "memory", "cc"); \
		GUEST_ASSERT_2(seen.count == 1 && seen.status == 0 && \
				       seen.again == UCALL_TDX_NO_VE_INFO, \
			       number, seen.count); \
		GUEST_ASSERT_3(seen.info.reason == (reason_) && seen.pc == pc_, number, \
			       seen.info.reason, seen.pc); \
		GUEST_ASSERT_3(seen.info.qualification == (qualification_), number, \
			       seen.info.qualification, qualification_); \
		GUEST_ASSERT_3(seen.info.length == ((reason_) == 48 ? 0 : (length_)), number, \
			       seen.info.length, length_); \
	} while (0)

static UCALL_GUEST void guest_raises(uint64_t device, volatile uint64_t *private, uint64_t gpa)
{
	const uint64_t bit = guest_td_shared_bit();
	uint64_t value = 0;

	/* T15.  Qualification: size - 1, 8 for IN, 0x40 for an immediate port. */
	RAISES(1, 30, 0x3f80000, 1, "outb %%al, %%dx", "d"(0x3f8), "a"(1));
	RAISES(2, 30, 0x3f80001, 2, "outw %%ax, %%dx", "d"(0x3f8), "a"(1));
	RAISES(3, 30, 0x3f8000b, 1, "inl %%dx, %%eax", "d"(0x3f8), "a"(1));
	RAISES(4, 30, 0x800040, 2, "outb %%al, $0x80", "a"(1));
	RAISES(5, 30, 0x800048, 2, "inb $0x80, %%al", "a"(1));
	/* That port by DX is a port like any other. */
	RAISES(6, 30, 0x7c0000, 1, "outb %%al, %%dx", "d"(UCALL_TDX_PORT), "a"(1));
	RAISES(7, 12, 0, 1, "hlt", "a"(0));
	RAISES(8, 31, 0, 2, "rdmsr", "c"(0x1b), "a"(1), "d"(2));
	RAISES(9, 32, 0, 2, "wrmsr", "c"(0x10), "a"(1), "d"(2));
	RAISES(10, 31, 0, 2, "rdmsr", "c"(0x4b564d00));
	RAISES(11, 31, 0, 2, "rdmsr", "c"(0x40000000));
	/* MMIO: an access to shared memory where there is none. */
	RAISES(12, 48, 0x102, 3, "movq %%rax, (%%rcx)", "c"(device), "a"(1));
	GUEST_ASSERT_EQ(seen.info.gpa, 0xe0000000 | bit);
	RAISES(13, 48, 0x101, 3, "movl 4(%%rcx), %%eax", "c"(device), "a"(1));
	GUEST_ASSERT_EQ(seen.info.gpa, 0xe0000004 | bit);

	/* T17: a private page that the guest has not accepted. */
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, PAGE, 1), 0);
	GUEST_ASSERT_EQ(guest_td_map_gpa(gpa, PAGE, 0), 0);
	RAISES(14, 48, 0x101, 4, "movq 8(%%rcx), %%rax", "c"(private), "a"(1));
	GUEST_ASSERT_EQ(seen.info.gpa, gpa + 8);
	GUEST_ASSERT_EQ(guest_td_accept(gpa, 0), 0);
	GUEST_ASSERT_EQ(private[1], 0);

	/* The guest's own MSRs; EFER with what it is; and one that does not exist for it. */
	seen.count = 0;
	GUEST_ASSERT_EQ(guest_wrmsr_safe(0xc0000081, 0x1234), 0);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0xc0000081, &value), 0);
	GUEST_ASSERT_EQ(value, 0x1234);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0xc0000080, &value), 0);
	GUEST_ASSERT_EQ(value & 0x901, 0x901);
	GUEST_ASSERT_EQ(guest_wrmsr_safe(0xc0000080, value), 0);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0x10, &value), 0);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0x8c, &value), UCALL_TRAPPED + 13);
	GUEST_ASSERT_EQ(guest_wrmsr_safe(0x8c, 0), UCALL_TRAPPED + 13);
	GUEST_ASSERT_EQ(seen.count, 0);
	GUEST_DONE();
}

static void each_raises(void)
{
	if (strcmp(ucall_test_backend(), "pio") == 0 || strcmp(ucall_test_backend(), "mmio") == 0)
		SKIP("its doorbell needs the core's handler, and this guest has its own");
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t private = ucall_vm_alloc(vm, PAGE, 0), gpa, device;
	struct ucall_vcpu *vcpu;

	CHECK_OK(private && !ucall_vm_translate(vm, private, &gpa));
	CHECK_OK(device = ucall_vm_map_device(vm, 0xe0000000, PAGE));
	CHECK_OK(!ucall_vm_set_handler(vm, VECTOR_VE, handle_ve));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_raises, 3, device, private, gpa));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* ---- T18: a second one before the guest has asked ---- */

static UCALL_GUEST void handle_badly(struct ucall_frame *frame)
{
	__asm__ volatile("hlt");
}

static UCALL_GUEST void guest_halts(void)
{
	__asm__ volatile("hlt");
	GUEST_DONE();
}

static void each_double(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu;

	CHECK_OK(!ucall_vm_set_handler(vm, VECTOR_VE, handle_badly));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_halts, 0));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, 8);
	CHECK_HAS(ucall_error(), "#DF double fault");
	CHECK_HAS(ucall_fault_report(vcpu), "handle_badly");
	ucall_test_vm_free(vm);
}

/* ---- without a handler ---- */

static UCALL_GUEST void guest_outs(void)
{
	__asm__ volatile("outb %%al, %%dx" : : "d"(0x3f8), "a"(1));
	GUEST_DONE();
}

static void host_unhandled(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, VECTOR_VE);
	CHECK_HAS(ucall_error(), "guest exception #VE virtualization (vector 20)");
	CHECK_HAS(ucall_error(), "TDG.VP.VMCALL");
	CHECK_HAS(ucall_error(), "(guest_vc)");
	CHECK_HAS(ucall_fault_report(vcpu), "guest_outs");
	/* It is over. */
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
}

/* ---- the core's handler ---- */

static UCALL_GUEST void guest_served(volatile uint8_t *device)
{
	uint64_t value = 0x1122334455667788;
	uint32_t eax, ebx, ecx, edx;

	/* Ports.  An 8-bit IN leaves the rest of RAX, a 32-bit one clears it. */
	__asm__ volatile("outl %%eax, %%dx" : : "a"(0x89abcdef), "d"(0x510));
	__asm__ volatile("inb %%dx, %%al" : "+a"(value) : "d"(0x511));
	GUEST_ASSERT_EQ(value, 0x1122334455667799);
	__asm__ volatile("inl $0x80, %%eax" : "+a"(value));
	GUEST_ASSERT_EQ(value, 0x99999999);

	/* MMIO: each size and form. */
	*(volatile uint64_t *)device = 0x0102030405060708;
	*(volatile uint32_t *)(device + 8) = 0x11121314;
	*(volatile uint16_t *)(device + 12) = 0x2122;
	device[14] = 0x31;
	__asm__ volatile("movb $0x41, 16(%0)\n"
			 "movw $0x4243, 18(%0)\n"
			 "movl $0x44454647, 20(%0)\n"
			 "movq $-2, 24(%0)\n"
			 "movl %%r9d, 0x100(%0,%1,2)\n"
			 :
			 : "r"(device), "r"(4ull)
			 : "memory");
	value = ~0ull;
	__asm__ volatile("movb (%1), %b0" : "+q"(value) : "r"(device));
	GUEST_ASSERT_EQ(value, 0xffffffffffffff99);
	__asm__ volatile("movzwl (%1), %k0" : "=r"(value) : "r"(device));
	GUEST_ASSERT_EQ(value, 0x9999);
	__asm__ volatile("movl (%1), %k0" : "=r"(value) : "r"(device));
	GUEST_ASSERT_EQ(value, 0x99999999);
	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(device));
	GUEST_ASSERT_EQ(value, 0x9999999999999999);
	__asm__ volatile("movq (%1), %%r15\n"
			 "movq %%r15, %0"
			 : "=r"(value)
			 : "r"(device)
			 : "r15");
	GUEST_ASSERT_EQ(value, 0x9999999999999999);

	/* MSRs: one that KVM has for it, and one that it has not. */
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0x1b, &value), 0);
	GUEST_ASSERT(value & 0xfee00000);
	GUEST_ASSERT_EQ(guest_wrmsr_safe(0x1b, value), UCALL_TRAPPED + 13);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(0xdeadbeef, &value), UCALL_TRAPPED + 13);

	/* CPUID does not raise it here, unless single-stepped. */
	eax = 0x40000000;
	ecx = 0;
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	GUEST_SYNC_ARGS(1, eax, ebx, ecx, edx);
	GUEST_DONE();
}

struct access {
	uint64_t where, size, data;
	bool is_write;
};

/* The exits of guest_served(); a read is answered with 0x99 in all bytes, more than were asked for. */
static void host_served_by(struct ucall_vm *vm, struct ucall_vcpu *vcpu, uint64_t device)
{
	static const struct access expected[] = {
		{ 0x510, 4, 0x89abcdef, true },
		{ 0x511, 1, 0, false },
		{ 0x80, 4, 0, false },
		{ 0xe0000000, 8, 0x0102030405060708, true },
		{ 0xe0000008, 4, 0x11121314, true },
		{ 0xe000000c, 2, 0x2122, true },
		{ 0xe000000e, 1, 0x31, true },
		{ 0xe0000010, 1, 0x41, true },
		{ 0xe0000012, 2, 0x4243, true },
		{ 0xe0000014, 4, 0x44454647, true },
		{ 0xe0000018, 8, -2ull, true },
		{ 0xe0000108, 4, 1ull << 63, true }, /* its data: whatever R9 is */
		{ 0xe0000000, 1, 0, false },
		{ 0xe0000000, 2, 0, false },
		{ 0xe0000000, 4, 0, false },
		{ 0xe0000000, 8, 0, false },
		{ 0xe0000000, 8, 0, false },
	};
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct access *e = &expected[i];
		bool is_io = e->where < 0x10000;

		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK_EQ(exit->reason, is_io ? UCALL_EXIT_IO : UCALL_EXIT_MMIO);
		CHECK_EQ(is_io ? exit->u.io.port : exit->u.mmio.gpa, e->where);
		CHECK_EQ(is_io ? exit->u.io.size : exit->u.mmio.size, e->size);
		CHECK_EQ(is_io ? exit->u.io.is_write : exit->u.mmio.is_write, e->is_write);
		if (e->is_write && e->data != 1ull << 63)
			CHECK_EQ(is_io ? exit->u.io.data : exit->u.mmio.data, e->data);
		if (!e->is_write && is_io)
			memset((uint8_t *)run + run->io.data_offset, 0x99, 8);
		else if (!e->is_write)
			memset(run->mmio.data, 0x99, 8);
	}
}

static void each_served(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	const bool steps = strstr(ucall_test_protect(), "step");
	uint64_t device;
	struct ucall_vcpu *vcpu;
	struct ucall uc;

	CHECK_OK(device = ucall_vm_map_device(vm, 0xe0000000, PAGE));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_served, 1, device));
	CHECK_OK(!ucall_vm_launch(vm));
	host_served_by(vm, vcpu, device);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	/* KVM's signature, "KVMKVMKVM"; a step makes it the host's answer, which is the same. */
	CHECK_EQ(uc.args[3], 0x4b4d564b);
	CHECK_EQ(steps ? uc.args[4] : 0x564b4d56, 0x564b4d56);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* ---- what the core's handler does not ask the host for ---- */

static UCALL_GUEST void guest_pending(volatile uint64_t *private, uint64_t gpa)
{
	guest_td_map_gpa(gpa, PAGE, 1);
	guest_td_map_gpa(gpa, PAGE, 0);
	GUEST_SYNC(*private);
	GUEST_DONE();
}

/* The host would answer with what it likes: private memory is not read from it. */
static void each_pending(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t private = ucall_vm_alloc(vm, PAGE, 0), gpa;
	struct ucall_vcpu *vcpu;

	CHECK_OK(private && !ucall_vm_translate(vm, private, &gpa));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_pending, 2, private, gpa));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, VECTOR_VE);
	ucall_test_vm_free(vm);
}

static UCALL_GUEST void guest_strange(volatile uint64_t *device)
{
	__asm__ volatile("lock addq %1, (%0)" : : "r"(device), "r"(1ull) : "memory");
	GUEST_DONE();
}

static void each_strange(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t device;
	struct ucall_vcpu *vcpu;

	CHECK_OK(device = ucall_vm_map_device(vm, 0xe0000000, PAGE));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_strange, 1, device));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, VECTOR_VE);
	ucall_test_vm_free(vm);
}

/* ---- trap=step: instructions that KVM does not show ---- */

static UCALL_GUEST void guest_literal(void)
{
	uint64_t rax = UCALL_TDG_VP_INFO, rcx = 0, rdx = 0;
	uint32_t eax = 2, ebx, ecx = 0, edx;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcc"
			 : "+a"(rax), "+c"(rcx), "+d"(rdx)
			 :
			 : "r8", "r9", "r10", "r11", "memory");
	GUEST_ASSERT_EQ(rax, 0);
	GUEST_SYNC(1ull << ((rcx & 0x3f) - 1));
	/* The host is not asked for leaves that describe the CPU. */
	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
	GUEST_ASSERT_EQ(eax | ebx | ecx | edx, 0);
	GUEST_DONE();
}

static void host_literal(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], ucall_vm_shared_bit(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#define VC .config.guest_vc = true

UCALL_TESTS(EMULATED("what raises #VE", .each = each_raises, VC),
	    EMULATED("a second #VE", .each = each_double, VC),
	    EMULATED("without a handler", UCALL_TEST_GUEST(guest_outs), .host = host_unhandled,
		     .launch = true),
	    EMULATED("the core's handler", .each = each_served, VC),
	    EMULATED_STEP("the core's handler", .each = each_served, VC),
	    EMULATED("a page that was not accepted", .each = each_pending, VC),
	    EMULATED("an instruction that is not served", .each = each_strange, VC),
	    EMULATED_STEP("TDCALL itself, and CPUID", UCALL_TEST_GUEST(guest_literal),
			  .host = host_literal, .launch = true, VC));
