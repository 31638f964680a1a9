// SPDX-License-Identifier: MIT
/* A guest exception without a handler ends the run, and the error describes it. */
#include <dlfcn.h>
#include <errno.h>

#include <ucall/test.h>

#define MARKER 0x1122334455667788

/* Every register has a value that the report must show; then the exception. */
#define SET_REGISTERS \
	"movabs $0x1122334455667788, %%rax; lea 1(%%rax), %%rcx; lea 2(%%rax), %%rbx;" \
	"lea 3(%%rax), %%rsi; lea 4(%%rax), %%rdi; lea 5(%%rax), %%r8; lea 6(%%rax), %%r9;" \
	"lea 7(%%rax), %%r10; lea 8(%%rax), %%r11; lea 9(%%rax), %%r12; lea 10(%%rax), %%r13;" \
	"lea 11(%%rax), %%r14; lea 12(%%rax), %%r15;"
#define CLOBBERS \
	"rax", "rcx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", \
		"memory"

extern const char ud_here[], load_here[], store_here[], div_here[], gp_here[];

static UCALL_GUEST void guest_fault(uint64_t which)
{
	switch (which) {
	case 0:
		__asm__ volatile(SET_REGISTERS "ud_here: ud2" : : : CLOBBERS);
		break;
	case 1:
		__asm__ volatile("load_here: mov (%0), %%rax" : : "r"(0xdead000) : "rax");
		break;
	case 2:
		__asm__ volatile("store_here: movq $1, (%0)" : : "r"(guest_fault) : "memory");
		break;
	case 3:
		__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx;"
				 "div_here: div %%ecx"
				 :
				 :
				 : "rax", "rcx", "rdx");
		break;
	case 4:
		__asm__ volatile("gp_here: mov (%0), %%rax" : : "r"(0x8000000000000000) : "rax");
		break;
	case 5: /* jump to a page that is not executable: the stack */
		__asm__ volatile("mov %%rsp, %%rax; jmp *%%rax" : : : "rax");
		break;
	case 6: /* the null page */
		__asm__ volatile("xor %%eax, %%eax; call *%%rax" : : : "rax");
		break;
	case 8: /* the last address */
		__asm__ volatile("mov $-1, %%rax; call *%%rax" : : : "rax");
		break;
	case 7: /* an invalid stack: the report still comes, without the stack */
		__asm__ volatile("mov $0x1000, %%esp; ud2" : : : "memory");
		break;
	}
	GUEST_DONE();
}

struct expected {
	uint64_t vector, code;
	const char *name;
	const void *pc;
	uint64_t address;
};

static void check(const struct expected *e, uint64_t which, int ring)
{
	struct ucall_vm_config config = { .ring = ring };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_fault, 1, which);
	const struct ucall_fault_info *fault;
	char text[64];

	CHECK_OK(vcpu);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), e->name);
	fault = ucall_fault(vcpu);
	CHECK(fault->valid);
	CHECK_EQ(fault->frame.vector, e->vector);
	CHECK_EQ(fault->frame.code, e->code | (e->vector == 14 && ring ? 4 : 0));
	if (e->pc) {
		CHECK_EQ(fault->frame.pc, (uintptr_t)e->pc);
		snprintf(text, sizeof(text), "at RIP 0x%llx", (unsigned long long)fault->frame.pc);
		CHECK_HAS(ucall_error(), text);
	}
	snprintf(text, sizeof(text), "error code 0x%llx", (unsigned long long)fault->frame.code);
	CHECK_HAS(ucall_error(), text);
	if (e->vector == 14) {
		if (which != 5)
			CHECK_EQ(fault->frame.address, e->address);
		snprintf(text, sizeof(text), "CR2 0x%llx",
			 (unsigned long long)fault->frame.address);
		CHECK_HAS(ucall_error(), text);
	}
	if (which == 0) {
		static const int order[] = { 0, 1, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

		for (int i = 0; i < 13; i++)
			CHECK_EQ(fault->frame.gpr[order[i]], MARKER + i);
		CHECK_EQ(fault->frame.gpr[4], fault->frame.sp);
	}
	if (which == 7)
		CHECK_EQ(fault->frame.sp, 0x1000);
	CHECK_HAS(ucall_fault_report(vcpu), e->name);
	if (fault->backtrace_count) {
		if (which < 5)
			CHECK_STR(fault->backtrace[0].function, "guest_fault");
		if (which < 5 && fault->backtrace[0].file[0]) /* else built without -g */
			CHECK_HAS(fault->backtrace[0].file, "exceptions.c");
	}
	/* This vCPU cannot continue, but others can. */
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "cannot go on");
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK(!ucall_fault(vcpu)->valid);
	CHECK_STR(ucall_fault_report(vcpu), "");
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), e->name);
	vcpu = ucall_vcpu_add(vm, guest_fault, 1, 99);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static void each_fault(int ring)
{
	const struct expected expected[] = {
		{ 6, 0, "#UD invalid opcode (vector 6)", ud_here, 0 },
		{ 14, 0, "#PF page fault (vector 14)", load_here, 0xdead000 },
		{ 14, 3, "#PF page fault", store_here, (uintptr_t)guest_fault },
		{ 0, 0, "#DE divide error (vector 0)", div_here, 0 },
		{ 13, 0, "#GP general protection (vector 13)", gp_here, 0 },
		{ 14, 0x11, "#PF page fault", NULL, 0 },
		{ 14, 0x10, "#PF page fault", NULL, 0 },
		{ 6, 0, "#UD invalid opcode", NULL, 0 },
		{ 14, 0x10, "#PF page fault", NULL, ~0ull },
	};

	for (uint64_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		check(&expected[i], i, ring);
}

static void each_ring0(void)
{
	each_fault(0);
}

static void each_ring3(void)
{
	each_fault(3);
}

/* A red zone below the stack pointer survives an exception, in ring 0 too. */
static UCALL_GUEST void guest_skip(struct ucall_frame *frame)
{
	frame->pc += 2;
}

static UCALL_GUEST void guest_red_zone(void)
{
	uint64_t before = 0x5a5a, after;

	__asm__ volatile("mov %1, -8(%%rsp); mov %1, -128(%%rsp); ud2;"
			 "mov -8(%%rsp), %0; add -128(%%rsp), %0"
			 : "=&r"(after)
			 : "r"(before)
			 : "memory");
	GUEST_ASSERT_EQ(after, 2 * before);
	GUEST_DONE();
}

static void host_red_zone(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, 6, guest_skip));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK_EQ(ucall_vm_set_handler(vm, 256, guest_skip), -1);
	CHECK_HAS(ucall_error(), "vector 256");
	/* A function of a library is not in the guest. */
	CHECK_EQ(ucall_vm_set_handler(vm, 6,
				      (void (*)(struct ucall_frame *))(uintptr_t)dlsym(
					      RTLD_DEFAULT, "ucall_version")),
		 -1);
	CHECK_HAS(ucall_error(), "not of a library");
}

/* No IDT for the exception: a triple fault. */
static UCALL_GUEST void guest_triple(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none) : "memory");
}

static void host_triple(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "triple fault");
}

/* The host does not take the message: the guest notices. */
static UCALL_GUEST void guest_sync(void)
{
	GUEST_SYNC(1);
	GUEST_SYNC(2);
}

static void host_swallowed(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vcpu_run(vcpu)); /* and no get_ucall() */
	CHECK_EQ(ucall_vcpu_run(vcpu), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "rang the doorbell of backend");
	CHECK_EQ(ucall_fault(vcpu)->kind, UCALL_FAULT_SWALLOWED);
}

/* A hypercall instruction that KVM would overwrite. */
static UCALL_GUEST void guest_vmcall(void)
{
	__asm__ volatile("vmcall" : : "a"(0xffff) : "memory");
	GUEST_DONE();
}

static UCALL_GUEST void guest_vmmcall(void)
{
	__asm__ volatile("vmmcall" : : "a"(0xffff) : "memory");
	GUEST_DONE();
}

static void each_hypercall(void)
{
	struct ucall_vm_config config = { .timeout_ms = 500 };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpus[2] = { ucall_vcpu_add(vm, guest_vmcall, 0),
					ucall_vcpu_add(vm, guest_vmmcall, 0) };
	int patched = 0;

	for (int i = 0; i < 2; i++) {
		const struct ucall_fault_info *fault = ucall_fault(vcpus[i]);

		CHECK_OK(vcpus[i]);
		/* The CPU's own instruction works; or, where ring 0 is interpreted, never ends. */
		if (ucall_next(vcpus[i], NULL) >= 0 || errno != EFAULT || fault->frame.vector != 14)
			continue;
		patched++;
		CHECK_EQ(fault->frame.address, fault->frame.pc);
		CHECK_HAS(ucall_error(),
			  "KVM tried to write this CPU's hypercall instruction over this one");
	}
	if (!patched)
		SKIP("this KVM overwrites neither VMCALL nor VMMCALL");
}

UCALL_TESTS({ "exceptions in ring 0", .each = each_ring0 },
	    { "exceptions in ring 3", .each = each_ring3 },
	    { "the red zone", UCALL_TEST_GUEST(guest_red_zone), .host = host_red_zone,
	      .engine = "kvm" },
	    { "a hypercall of the other vendor", .each = each_hypercall, .engine = "kvm" },
	    { "a triple fault", UCALL_TEST_GUEST(guest_triple), .host = host_triple,
	      .engine = "kvm" },
	    { "a swallowed doorbell", UCALL_TEST_GUEST(guest_sync), .host = host_swallowed });
