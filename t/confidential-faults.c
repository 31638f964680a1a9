// SPDX-License-Identifier: MIT
/*
 * Faults in a guest with encrypted memory are reported, too: through the fault area of its mailbox,
 * which its own exception stubs write.  If there is nothing to read, the report says so.
 */
#include <errno.h>
#include <string.h>

#include "confidential.h"

#define MARKER 0x1122334455667788

static UCALL_GUEST void __attribute__((noinline)) inner(uint64_t marker)
{
	__asm__ volatile("ud2" : : "a"(marker) : "memory");
}

static UCALL_GUEST void __attribute__((noinline)) guest_fault(uint64_t marker)
{
	inner(marker);
	GUEST_DONE();
}

static void check_fault(struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "#UD invalid opcode (vector 6)");
	CHECK_HAS(ucall_error(), ", in inner");
	if (ucall_fault(vcpu)->backtrace[0].file[0]) /* else built without -g */
		CHECK_HAS(ucall_error(), "t/confidential-faults.c:15)");
	CHECK_EQ(ucall_fault(vcpu)->frame.gpr[0], MARKER);
	CHECK_HAS(ucall_fault_report(vcpu), "rax  1122334455667788");
	/* The caller, from the stub's copy of the stack. */
	CHECK_HAS(ucall_fault_report(vcpu), " guest_fault+");
	/* Code is private memory. */
	CHECK(!strstr(ucall_fault_report(vcpu), "code:"));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), "has faulted and cannot go on");
}

static void host_fault(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_fault(vcpu);
}

/* With an interrupt controller HLT does not exit, so the stub stops in another way. */
static void each_irqchip(void)
{
	struct ucall_vm_config config = { .irqchip = true };
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;

	if (!strcmp(ucall_test_backend(), "sev-shared"))
		config.backend =
			strstr(ucall_test_protect(), "es") || strstr(ucall_test_protect(), "snp")
				? "sev-shared,exit=ghcb"
				: "sev-shared,exit=pio";
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_fault, 1, MARKER);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	check_fault(vcpu);
}

static UCALL_GUEST void guest_page(uint64_t address)
{
	*(volatile uint64_t *)address = 1;
	GUEST_DONE();
}

static void host_page(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, 14);
	CHECK_HAS(ucall_error(), "CR2 0xdead000: write to memory that is not mapped");
	CHECK_HAS(ucall_error(), "in guest_page");
}

/* ---- stops that no stub sees ---- */

static void check_place(const struct ucall_vm *vm, const struct ucall_vcpu *vcpu)
{
	bool closed = ucall_vm_protection_bit(vm) != UCALL_PROTECT_SEV;

	CHECK_EQ(!!(ucall_fault(vcpu)->frame.unknown & UCALL_UNKNOWN_REGS), closed);
	CHECK_EQ(ucall_fault(vcpu)->frame.pc == 0, closed);
	CHECK_EQ(!!strstr(ucall_error(), "at 0x"), !closed);
	CHECK_EQ(!!strstr(ucall_fault_report(vcpu), "are closed to the host"), closed);
}

static UCALL_GUEST void guest_spin(volatile uint64_t *stop)
{
	while (!*stop)
		;
	GUEST_DONE();
}

static void each_timeout(void)
{
	struct ucall_vm_config config = { .timeout_ms = 50 };
	struct ucall_vm *vm = ucall_test_vm(&config);
	uint64_t stop = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_spin, 1, stop);

	CHECK_OK(stop && vcpu && !ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	CHECK_HAS(ucall_error(), "ran for 50 ms without an exit");
	check_place(vm, vcpu);
	CHECK_OK(!ucall_vm_write_int(vm, stop, 8, 1));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static UCALL_GUEST void guest_halt(void)
{
	__asm__ volatile("hlt");
	GUEST_DONE();
}

static void host_halt(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ENOMSG);
	CHECK_HAS(ucall_error(), "an exit that backend");
	CHECK_HAS(ucall_error(), ": a halt");
	check_place(vm, vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* No table of handlers at all: a triple fault, or a #VC that cannot be delivered. */
static UCALL_GUEST void guest_triple(uint64_t by_vc)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = { 0, 0 };

	__asm__ volatile("lidt %0" : : "m"(none));
	if (by_vc)
		__asm__ volatile("outb %%al, $0x99" : : "a"(0));
	__asm__ volatile("ud2");
}

static void host_triple(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "shut down (triple fault)");
	CHECK_EQ(ucall_fault(vcpu)->kind, UCALL_FAULT_SHUTDOWN);
}

/* ---- requests to the hypervisor ---- */

static UCALL_GUEST void guest_request(uint64_t request)
{
	ucall_wrmsr(UCALL_MSR_GHCB, request);
	ucall_vmgexit();
	GUEST_DONE();
}

static void host_terminate(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_request, 1, UCALL_GHCB_TERMINATE | 1 << 12 | 7 << 16);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ENOMSG);
	CHECK_HAS(ucall_error(), "the guest asked to be terminated (GHCB reason 7 of set 1)");
	CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_TERMINATE);
}

static void each_bad_request(void)
{
	static const struct {
		uint64_t request;
		const char *says;
	} cases[] = {
		{ 0x7ff, "0x7ff in the GHCB's MSR, which is not a request of the MSR protocol" },
		{ 0xfffff000, "0xfffff000, which is not a page of shared memory" },
		{ ~0xfffull, "which is not a page of shared memory" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_request, 1, cases[i].request);

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, EINVAL);
		CHECK_HAS(ucall_error(), cases[i].says);
		ucall_test_vm_free(vm);
	}
}

/* What the MSR protocol answers. */
static UCALL_GUEST void guest_ask(void)
{
	uint64_t info = ucall_ghcb_msr_call(UCALL_GHCB_SEV_INFO_REQUEST);
	uint32_t b, c, d, a = 0x8000001f;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d) : "2"(0));
	GUEST_ASSERT_EQ(info & 0xfff, UCALL_GHCB_SEV_INFO);
	GUEST_ASSERT_EQ(info >> 48, 2);
	GUEST_ASSERT_EQ(info >> 24 & 0xff, b & 0x3f);
	info = ucall_ghcb_msr_call(0x8000001full << 32 | UCALL_GHCB_CPUID_REQUEST);
	GUEST_ASSERT_EQ(info, (uint64_t)a << 32 | UCALL_GHCB_CPUID);
	info = ucall_ghcb_msr_call(0x8000001full << 32 | 1 << 30 | UCALL_GHCB_CPUID_REQUEST);
	GUEST_ASSERT_EQ(info, (uint64_t)b << 32 | 1 << 30 | UCALL_GHCB_CPUID);
	info = ucall_ghcb_msr_call(UCALL_GHCB_PREFERRED_REQUEST);
	GUEST_ASSERT_EQ(info, ~0xfffull | UCALL_GHCB_PREFERRED);
	info = ucall_ghcb_msr_call(UCALL_GHCB_FEATURES_REQUEST);
	GUEST_ASSERT_EQ(info & 0xfff, UCALL_GHCB_FEATURES);
	GUEST_ASSERT_EQ(info >> 12 & 1, a >> 4 & 1);
	GUEST_DONE();
}

static void host_ask(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* Errors in a GHCB are reported to the guest in the GHCB. */
static UCALL_GUEST uint64_t __attribute__((noinline))
malformed(uint64_t code, uint64_t info, uint64_t valid)
{
	GUEST_ASSERT_EQ(ucall_ghcb_call(code, info, valid, 0), UCALL_GHCB_MALFORMED);
	return ucall_this_ghcb()->sw_exit_info_2;
}

static UCALL_GUEST void guest_malformed(void)
{
	const uint64_t port = 0x99 << 16, rax = 1ull << UCALL_GHCB_BIT(rax);
	struct ucall_mailbox *m = ucall_this_mailbox();
	volatile struct ucall_ghcb *g = ucall_this_ghcb();

	GUEST_ASSERT_EQ(malformed(0x12345, 0, 0), UCALL_GHCB_WRONG_EVENT);
	GUEST_ASSERT_EQ(malformed(UCALL_SVM_EXIT_IOIO, port | UCALL_IOIO_SIZE8, 0),
			UCALL_GHCB_MISSING);
	GUEST_ASSERT_EQ(malformed(UCALL_SVM_EXIT_IOIO, port, rax), UCALL_GHCB_WRONG_INPUT);
	GUEST_ASSERT_EQ(malformed(UCALL_SVM_EXIT_IOIO, port | UCALL_IOIO_STRING, rax),
			UCALL_GHCB_WRONG_EVENT);
	GUEST_ASSERT_EQ(malformed(UCALL_SVM_EXIT_CPUID, 0, rax), UCALL_GHCB_MISSING);
	GUEST_ASSERT_EQ(malformed(UCALL_SVM_EXIT_MSR, 0, rax), UCALL_GHCB_MISSING);
	/* By hand: another layout, another version, no valid fields. */
	g->usage = 1;
	ucall_wrmsr(UCALL_MSR_GHCB, m->ghcb);
	ucall_vmgexit();
	GUEST_ASSERT_EQ(g->sw_exit_info_1, UCALL_GHCB_MALFORMED);
	GUEST_ASSERT_EQ(g->sw_exit_info_2, UCALL_GHCB_WRONG_USAGE);
	g->usage = 0;
	g->protocol_version = 9;
	ucall_vmgexit();
	GUEST_ASSERT_EQ(g->sw_exit_info_2, UCALL_GHCB_WRONG_INPUT);
	g->protocol_version = 2;
	g->valid_bitmap[0] = g->valid_bitmap[1] = 0;
	ucall_vmgexit();
	GUEST_ASSERT_EQ(g->sw_exit_info_2, UCALL_GHCB_MISSING);
	GUEST_DONE();
}

UCALL_TESTS(EACH_KIND("an exception", UCALL_TEST_GUEST(guest_fault), .host = host_fault, .nargs = 1,
		      .args = { MARKER }, .launch = true, .config.guest_vc = true),
	    EACH_KIND("an exception, with an interrupt controller", .each = each_irqchip,
		      .config.guest_vc = true),
	    EACH_KIND("a page fault", UCALL_TEST_GUEST(guest_page), .host = host_page, .nargs = 1,
		      .args = { 0xdead000 }, .launch = true, .config.guest_vc = true),
	    EACH_KIND("a time limit", .each = each_timeout, .config.guest_vc = true),
	    EACH_KIND("a halt", UCALL_TEST_GUEST(guest_halt), .host = host_halt, .launch = true,
		      .config.guest_vc = true),
	    EACH_KIND("a triple fault", UCALL_TEST_GUEST(guest_triple), .host = host_triple,
		      .nargs = 1, .args = { 0 }, .launch = true, .config.guest_vc = true),
	    EACH_CLOSED("a #VC that cannot be delivered", UCALL_TEST_GUEST(guest_triple),
			.host = host_triple, .nargs = 1, .args = { 1 }, .launch = true,
			.config.guest_vc = true),
	    EACH_CLOSED("a guest that asks to be terminated", .host = host_terminate,
			.config.guest_vc = true),
	    EMULATED_CLOSED("invalid requests", .each = each_bad_request, .config.guest_vc = true),
	    EMULATED_CLOSED("what the MSR protocol answers", UCALL_TEST_GUEST(guest_ask),
			    .host = host_ask, .launch = true, .config.guest_vc = true),
	    EMULATED_CLOSED("a malformed GHCB", UCALL_TEST_GUEST(guest_malformed), .host = host_ask,
			    .launch = true, .config.guest_vc = true));
