// SPDX-License-Identifier: MIT
/* TDX: what the host sees of TDG.VP.VMCALL, and what the guest gets back. */
#include <errno.h>
#include <linux/kvm.h>

#include <ucall/tdx.h>

#include "confidential.h"

#define PAGE UCALL_PAGE_SIZE
#define EMULATED(what, ...) KIND("emulated-tdx", what, ##__VA_ARGS__)
#define SYSTEM_EVENT_TDX_FATAL 7 /* KVM_SYSTEM_EVENT_TDX_FATAL, Linux 6.16 */

/* All general registers that TDG.VP.VMCALL can show: RDX, RBX, RSI, RDI, R8 to R15. */
#define WORDS 12

/* TDG.VP.VMCALL with `words` in these registers and `mask` in RCX; they are written back. */
static UCALL_GUEST void call(uint64_t mask, uint64_t words[WORDS])
{
	__asm__ volatile("lea -128(%%rsp), %%rsp\n" /* the red zone */
			 "push %%rbp\n"
			 "mov %%rax, %%rbp\n"
			 "mov 0(%%rbp), %%rdx\n"
			 "mov 8(%%rbp), %%rbx\n"
			 "mov 16(%%rbp), %%rsi\n"
			 "mov 24(%%rbp), %%rdi\n"
			 "mov 32(%%rbp), %%r8\n"
			 "mov 40(%%rbp), %%r9\n"
			 "mov 48(%%rbp), %%r10\n"
			 "mov 56(%%rbp), %%r11\n"
			 "mov 64(%%rbp), %%r12\n"
			 "mov 72(%%rbp), %%r13\n"
			 "mov 80(%%rbp), %%r14\n"
			 "mov 88(%%rbp), %%r15\n"
			 "xor %%eax, %%eax\n"
			 "outb %%al, %[port]\n"
			 "mov %%rdx, 0(%%rbp)\n"
			 "mov %%rbx, 8(%%rbp)\n"
			 "mov %%rsi, 16(%%rbp)\n"
			 "mov %%rdi, 24(%%rbp)\n"
			 "mov %%r8, 32(%%rbp)\n"
			 "mov %%r9, 40(%%rbp)\n"
			 "mov %%r10, 48(%%rbp)\n"
			 "mov %%r11, 56(%%rbp)\n"
			 "mov %%r12, 64(%%rbp)\n"
			 "mov %%r13, 72(%%rbp)\n"
			 "mov %%r14, 80(%%rbp)\n"
			 "mov %%r15, 88(%%rbp)\n"
			 "pop %%rbp\n"
			 "lea 128(%%rsp), %%rsp\n"
			 : "+a"(words), "+c"(mask)
			 : [port] "i"(UCALL_TDX_PORT)
			 : "rdx", "rbx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
}

/* ---- T7 to T9: only the registers that the guest shows ---- */

#define SHOW_ALL 0xffccu
#define SHOW_SOME (1u << 3 | 1u << 10 | 1u << 11 | 1u << 15) /* RBX R10 R11 R15 */

static UCALL_GUEST void guest_shows(void)
{
	uint64_t words[WORDS];

	for (int some = 0; some < 2; some++) {
		for (uint64_t i = 0; i < WORDS; i++)
			words[i] = 0x5000 + i;
		words[6] = 0; /* R10 */
		words[7] = UCALL_TDVMCALL_FATAL_ERROR;
		call(some ? SHOW_SOME : SHOW_ALL, words);
		/* The host has put nothing into them. */
		for (uint64_t i = 0; i < WORDS; i++)
			GUEST_ASSERT_2(words[i] == (i == 6   ? 0
						    : i == 7 ? UCALL_TDVMCALL_FATAL_ERROR
							     : 0x5000 + i),
				       i, words[i]);
	}
	GUEST_DONE();
}

static void host_shows(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	/* The numbers of the registers in words[]. */
	static const uint8_t number[WORDS] = { 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	const struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);

	for (int some = 0; some < 2; some++) {
		const uint64_t mask = some ? SHOW_SOME : SHOW_ALL;

		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK_EQ(exit->reason, UCALL_EXIT_FATAL);
		CHECK_EQ(run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
		CHECK_EQ(run->system_event.type, SYSTEM_EVENT_TDX_FATAL);
		CHECK_EQ(run->system_event.ndata, 16);
		CHECK_EQ(run->system_event.data[1], mask);
		CHECK_EQ(run->system_event.data[4], 0);
		CHECK_EQ(run->system_event.data[5], 0);
		for (uint64_t i = 0; i < WORDS; i++) {
			uint64_t value = i == 6	  ? 0
					 : i == 7 ? UCALL_TDVMCALL_FATAL_ERROR
						  : 0x5000 + i;

			CHECK_EQ(run->system_event.data[number[i]],
				 mask >> number[i] & 1 ? value : 0);
		}
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* Answers come back only into registers that were shown. */
static UCALL_GUEST void guest_hides(void)
{
	uint64_t words[WORDS] = { 0 };

	words[7] = UCALL_TDVMCALL_CPUID;
	words[8] = 0;
	words[9] = 0x77;
	words[11] = 0x99;
	call(1u << 10 | 1u << 11 | 1u << 12 | 1u << 14, words); /* not R13, not R15 */
	GUEST_ASSERT(words[8] >= 0x21);
	GUEST_ASSERT_EQ(words[9], 0x77);
	GUEST_ASSERT_NE(words[10], 0);
	GUEST_ASSERT_EQ(words[11], 0x99);
	/* R11 is not shown: no such function. */
	words[6] = 0x55;
	words[7] = UCALL_TDVMCALL_CPUID;
	call(1u << 12, words);
	GUEST_ASSERT_EQ(words[6], 0x55);
	words[6] = 0;
	call(1u << 10, words);
	GUEST_ASSERT_EQ(words[6], UCALL_TDVMCALL_UNSUPPORTED);
	/* A hypercall of KVM's own. */
	words[6] = 0x1234;
	call(1u << 10, words);
	GUEST_ASSERT_EQ(words[6], -1000ull);
	GUEST_DONE();
}

static void host_hides(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- each function ---- */

static UCALL_GUEST uint64_t ask(uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
				uint64_t *r11)
{
	struct ucall_tdx_regs regs = { .r12 = a, .r13 = b, .r14 = c, .r15 = d };
	uint64_t r = guest_tdvmcall(function, &regs);

	*r11 = regs.r11;
	return r;
}

static UCALL_GUEST void guest_functions(void)
{
	const uint64_t bit = guest_td_shared_bit(), wrong = UCALL_TDVMCALL_INVALID_OPERAND;
	uint64_t r11, value;

	/* Ports: size, direction, port. */
	value = 0xaabbccdd;
	for (unsigned int size = 1; size <= 4; size *= 2) {
		GUEST_ASSERT_EQ(guest_td_io(0x510, size, 1, &value), 0);
		GUEST_ASSERT_EQ(guest_td_io(0x511, size, 0, &value), 0);
		GUEST_ASSERT_EQ(value, 0x9999999999999999 >> (64 - 8 * size));
		value = 0xaabbccdd;
	}
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_IO, 3, 1, 0x510, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_IO, 8, 1, 0x510, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_IO, 0, 1, 0x510, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_IO, 1, 2, 0x510, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_IO, 1, 1, 0x10000, 0, &r11), wrong);

	/* MMIO: only shared addresses. */
	value = 0x1122334455667788;
	for (unsigned int size = 1; size <= 8; size *= 2) {
		GUEST_ASSERT_EQ(guest_td_mmio(0xe0000000 | bit, size, 1, &value), 0);
		GUEST_ASSERT_EQ(guest_td_mmio(0xe0000000 | bit, size, 0, &value), 0);
		GUEST_ASSERT_EQ(value, 0x9999999999999999 >> (64 - 8 * size));
		value = 0x1122334455667788;
	}
	GUEST_ASSERT_EQ(guest_td_mmio(0xe0000000, 8, 1, &value), wrong);
	GUEST_ASSERT_EQ(guest_td_mmio(2 * bit - 4, 8, 1, &value), wrong);
	GUEST_ASSERT_EQ(guest_td_mmio(0xe0000000 | bit, 16, 1, &value), wrong);
	GUEST_ASSERT_EQ(guest_td_mmio(0xe0000000 | bit | 2 * bit, 8, 1, &value), wrong);

	/* MSRs, as KVM has them for a trust domain. */
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_RDMSR, 0x1b, 0, 0, 0, &r11), 0);
	GUEST_ASSERT(r11 & 0xfee00000);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_WRMSR, 0x1b, r11, 0, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_RDMSR, 0xc0000100, 0, 0, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_WRMSR, 0xc0000100, 1, 0, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_RDMSR, 1ull << 32 | 0x1b, 0, 0, 0, &r11), wrong);

	/* What there is; quotes; and what does not exist. */
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_GET_INFO, 0, 0, 0, 0, &r11), 0);
	GUEST_ASSERT_EQ(r11, 0);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_GET_INFO, 2, 0, 0, 0, &r11), wrong);
	GUEST_ASSERT_EQ(ask(UCALL_TDVMCALL_GET_QUOTE, bit, PAGE, 0, 0, &r11),
			UCALL_TDVMCALL_UNSUPPORTED);
	GUEST_ASSERT_EQ(ask(54, 0, 0, 0, 0, &r11), UCALL_TDVMCALL_UNSUPPORTED);
	GUEST_ASSERT_EQ(ask(~0ull, 0, 0, 0, 0, &r11), UCALL_TDVMCALL_UNSUPPORTED);
	GUEST_DONE();
}

static void host_functions(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);

	for (unsigned int size = 1; size <= 4; size *= 2) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK(exit->reason == UCALL_EXIT_IO && exit->u.io.is_write);
		CHECK(exit->u.io.port == 0x510 && exit->u.io.size == size && exit->u.io.count == 1);
		CHECK_EQ(exit->u.io.data,
			 size == 4 ? 0xaabbccdd : 0xaabbccdd & ((1u << 8 * size) - 1));
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK(exit->reason == UCALL_EXIT_IO && !exit->u.io.is_write);
		memset((uint8_t *)run + run->io.data_offset, 0x99, 8);
	}
	for (unsigned int size = 1; size <= 8; size *= 2) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK(exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.is_write);
		CHECK(exit->u.mmio.gpa == 0xe0000000 && exit->u.mmio.size == size);
		CHECK_EQ(exit->u.mmio.data, 0x1122334455667788 & (~0ull >> (64 - 8 * size)));
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK(exit->reason == UCALL_EXIT_MMIO && !exit->u.mmio.is_write);
		memset(run->mmio.data, 0x99, 8);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* HLT stays in KVM: without an interrupt, until the time limit or a kick. */
static UCALL_GUEST void guest_halts(void)
{
	uint64_t r11;

	GUEST_SYNC(1);
	ask(UCALL_TDVMCALL_HLT, 0, 0, 0, 0, &r11);
	GUEST_DONE();
}

static void host_halts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	ucall_vcpu_kick(vcpu);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINTR);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
}

/* ---- ReportFatalError ---- */

static UCALL_GUEST void guest_fatal(uint64_t page, uint64_t gpa)
{
	static const char long_text[] =
		"0123456789012345678901234567890123456789012345678901234567890123";
	volatile char *text = (volatile char *)page;
	uint64_t r11;

	switch (page) {
	case 0:
		guest_td_fatal(5, "the clock has stopped");
	case 1:
		guest_td_fatal(0, long_text);
	case 2:
		guest_td_fatal(3, "");
	default:
		for (int i = 0; i < 100; i++)
			text[i] = 'a' + (char)(i % 26);
		text[100] = '\n';
		text[101] = 0;
		ask(UCALL_TDVMCALL_FATAL_ERROR, 1ull << 63 | 5, gpa, 0, 0, &r11);
		GUEST_DONE();
	}
}

static void each_fatal(void)
{
	static const char *const words[] = {
		"vCPU 0: the guest cannot go on (ReportFatalError, code 0x5): the clock has stopped",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"the guest cannot go on (ReportFatalError, code 0x3)",
		("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
		 "abcdefghijklmnopqrstuv?"),
	};

	for (uint64_t i = 0; i < 4; i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		uint64_t page = ucall_vm_alloc(vm, PAGE, UCALL_MEM_SHARED), gpa;
		struct ucall_vcpu *vcpu;

		CHECK_OK(page && !ucall_vm_translate(vm, page, &gpa));
		CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_fatal, 2, i == 3 ? page : i,
					       gpa | ucall_vm_shared_bit(vm)));
		CHECK_OK(!ucall_vm_launch(vm));
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, ECANCELED);
		CHECK_HAS(ucall_error(), words[i]);
		CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_FATAL);
		ucall_test_vm_free(vm);
	}
}

/* A page that is the guest's own, or nowhere: nothing is read. */
static UCALL_GUEST void guest_wrong_page(uint64_t gpa)
{
	uint64_t r11;

	ask(UCALL_TDVMCALL_FATAL_ERROR, 1ull << 63, gpa, 0, 0, &r11);
	ask(UCALL_TDVMCALL_FATAL_ERROR, 1ull << 63, ~0ull, 0, 0, &r11);
	GUEST_DONE();
}

static void each_wrong_page(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t page = ucall_vm_alloc(vm, PAGE, 0), gpa;
	struct ucall_vcpu *vcpu;

	CHECK_OK(page && !ucall_vm_translate(vm, page, &gpa));
	CHECK_OK(!ucall_vm_write(vm, page, "secret", 7));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_wrong_page, 1, gpa));
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK(!strstr(ucall_error(), "secret"));
		CHECK_HAS(ucall_error(), "ReportFatalError");
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* ---- backend tdx: what its doorbells look like at the exit ---- */

static UCALL_GUEST void guest_rings(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static void once_doorbells(void)
{
	static const char *const backends[] = { "tdx,port=0x40", "tdx,exit=mmio,gpa=0xe0000010",
						"tdx,exit=fatal" };

	skip_without("emulated-tdx");
	for (int i = 0; i < 3; i++) {
		const struct ucall_vm_config config = { .protect = "emulated-tdx",
							.backend = backends[i] };
		struct ucall_vm *vm = ucall_vm_create(&config);
		struct ucall_vcpu *vcpu = vm ? ucall_vcpu_add(vm, guest_rings, 0) : NULL;
		const struct kvm_run *run;
		struct ucall uc;
		uint64_t where;

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		run = ucall_vcpu_kvm_run(vcpu);
		switch (i) {
		case 0:
			CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
			CHECK(run->io.port == 0x40 && run->io.size == 1 && run->io.count == 1 &&
			      run->io.direction == KVM_EXIT_IO_OUT);
			break;
		case 1:
			/* As upstream's selftests for TDX: eight bytes, the message's address. */
			where = UCALL_MAILBOX_ADDRESS;
			CHECK_EQ(run->exit_reason, KVM_EXIT_MMIO);
			CHECK(run->mmio.phys_addr == 0xe0000010 && run->mmio.len == 8 &&
			      run->mmio.is_write);
			CHECK(!memcmp(run->mmio.data, &where, 8));
			break;
		default:
			CHECK_EQ(run->exit_reason, KVM_EXIT_SYSTEM_EVENT);
			CHECK_EQ(run->system_event.type, SYSTEM_EVENT_TDX_FATAL);
			CHECK_EQ(run->system_event.data[11], UCALL_TDVMCALL_FATAL_ERROR);
			CHECK_EQ(run->system_event.data[15], UCALL_MAILBOX_ADDRESS);
		}
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		ucall_vm_free(vm);
	}
}

#define VC .config.guest_vc = true

UCALL_TESTS({ "doorbells of backend tdx", .once = once_doorbells },
	    EMULATED("registers that are shown", UCALL_TEST_GUEST(guest_shows), .host = host_shows,
		     .launch = true, VC),
	    EMULATED("registers that are hidden", UCALL_TEST_GUEST(guest_hides), .host = host_hides,
		     .launch = true, VC),
	    EMULATED("each function", UCALL_TEST_GUEST(guest_functions), .host = host_functions,
		     .launch = true, VC),
	    EMULATED("HLT", UCALL_TEST_GUEST(guest_halts), .host = host_halts, .launch = true, VC,
		     .config.timeout_ms = 100),
	    EMULATED("ReportFatalError", .each = each_fatal, VC),
	    EMULATED("ReportFatalError with a wrong page", .each = each_wrong_page, VC));
