// SPDX-License-Identifier: MIT
/*
 * Guests' own exception handlers, and instructions with a fix-up: the same on every architecture
 * and engine.
 */
#include <ucall/test.h>

/*
 * Each architecture: KEEP stores the address of label 2 at a guest address; an instruction that
 * does not exist; a load; a comparison whose result a branch uses after the exception; the numbers
 * of the exceptions.
 */
#if defined(__x86_64__)
#define KEEP "lea 2f(%%rip), %%rcx; mov %%rcx, (%[to]);"
#define UNDEFINED "ud2;"
#define LOAD "mov (%[from]), %%rcx;"
#define CLOBBERS "rcx", "memory", "cc"
#define EQUAL "cmp %[a], %[b];"
#define IF_EQUAL "sete %b[equal]; movzbl %b[equal], %k[equal];"
#define NUMBER_UNDEFINED 6
#define NUMBERS_LOAD \
	{ \
		14, 13 \
	}
#elif defined(__aarch64__)
#define KEEP "adr x9, 2f; str x9, [%[to]];"
#define UNDEFINED ".inst 0;"
#define LOAD "ldr x9, [%[from]];"
#define CLOBBERS "x9", "memory", "cc"
#define EQUAL "cmp %[a], %[b];"
#define IF_EQUAL "cset %[equal], eq;"
#define NUMBER_UNDEFINED 0
#define NUMBERS_LOAD \
	{ \
		0x25, 0x24 \
	}
#elif defined(__s390x__)
#define ADDRESS "a" /* not r0, which is 0 in an address */
#define KEEP "larl %%r1, 2f; stg %%r1, 0(%[to]);"
#define UNDEFINED ".short 0;"
#define LOAD "lg %%r1, 0(%[from]);"
#define CLOBBERS "r1", "memory", "cc"
#define EQUAL "cgr %[a], %[b];"
#define IF_EQUAL "lghi %[equal], 1; je 3f; lghi %[equal], 0; 3:"
#define NUMBER_UNDEFINED UCALL_S390X_PROGRAM /* Unicorn does not report the code */
#define NUMBERS_LOAD \
	{ \
		UCALL_S390X_PROGRAM, UCALL_S390X_PROGRAM \
	}
#else
#define KEEP "lla t0, 2f; sd t0, 0(%[to]);"
#define UNDEFINED ".word 0;"
#define UNDEFINED_SHORT ".half 0;"
#define LOAD "ld t0, 0(%[from]);"
#define CLOBBERS "t0", "memory"
#define EQUAL "sub %[equal], %[a], %[b];" /* there are no flags */
#define IF_EQUAL "seqz %[equal], %[equal];"
#define NUMBER_UNDEFINED 2
#define NUMBERS_LOAD \
	{ \
		5, 13 \
	}
#endif

#ifndef ADDRESS
#define ADDRESS "r"
#endif
#ifndef UNDEFINED_SHORT
#define UNDEFINED_SHORT UNDEFINED
#endif

#define BAD 0x123456789000ull /* nothing is mapped there */

static uint64_t resume; /* where handlers continue */
static struct ucall_frame last; /* what the last one saw */
static uint64_t count;

static UCALL_GUEST void on_exception(struct ucall_frame *frame)
{
	const uint64_t *from = (const uint64_t *)(const void *)frame;
	volatile uint64_t *to = (uint64_t *)(void *)&last;

	for (unsigned int i = 0; i < sizeof(last) / 8; i++)
		to[i] = from[i];
	count++;
	frame->pc = resume;
}

/* ---- registers and flags ---- */

static UCALL_GUEST void guest_undefined(uint64_t rounds)
{
	uint64_t kept = 0x1122334455667788, equal = 5;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t other = i & 1 ? kept : i;

		__asm__ volatile(KEEP EQUAL UNDEFINED "2:" IF_EQUAL
				 : [equal] "+r"(equal)
				 : [to] ADDRESS(&resume), [a] "r"(kept), [b] "r"(other)
				 : CLOBBERS);
		GUEST_ASSERT_EQ(equal, i & 1);
		GUEST_ASSERT_EQ(count, i + 1);
		GUEST_ASSERT(last.vector == NUMBER_UNDEFINED ||
			     NUMBER_UNDEFINED == UCALL_S390X_PROGRAM);
		GUEST_ASSERT_EQ(kept, 0x1122334455667788);
	}
	GUEST_SYNC(last.unknown);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <string.h>

static int number_undefined(void)
{
	const char *arch = ucall_test_arch();

	return !strcmp(arch, "x86_64")	  ? 6
	       : !strcmp(arch, "aarch64") ? 0
	       : !strcmp(arch, "s390x")	  ? UCALL_S390X_PROGRAM
					  : 2;
}

static void host_undefined(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), on_exception));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	/* Again from the start: without the handler, the exception ends the run. */
	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), NULL));
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, number_undefined());
}
#endif

/* ---- what the frame says, and what a handler changes ---- */

static UCALL_GUEST void guest_load(void)
{
	static const unsigned int numbers[] = NUMBERS_LOAD;

	__asm__ volatile(KEEP LOAD "2:"
			 :
			 : [to] ADDRESS(&resume), [from] ADDRESS(BAD + 8)
			 : CLOBBERS);
	GUEST_ASSERT_EQ(count, 1);
	if (numbers[0] < 0x100)
		GUEST_ASSERT(last.vector == numbers[0] || last.vector == numbers[1]);
	if (!(last.unknown & UCALL_UNKNOWN_ADDRESS))
		GUEST_ASSERT_EQ(last.address & ~0xfffull, BAD); /* s390x gives the page only */
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
static void set_load_handlers(struct ucall_vm *vm)
{
	static const struct {
		const char *arch;
		unsigned int numbers[2];
	} all[] = {
		{ "x86_64", { 14, 13 } },
		{ "aarch64", { 0x25, 0x24 } },
		{ "s390x", { UCALL_S390X_PROGRAM, UCALL_S390X_PROGRAM } },
		{ "riscv64", { 5, 13 } },
	};

	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 2 && !strcmp(all[i].arch, ucall_test_arch()); k++)
			CHECK_OK(!ucall_vm_set_handler(vm, all[i].numbers[k], on_exception));
}

static void host_load(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	set_load_handlers(vm);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}
#endif

/* ---- messages and exceptions within handlers ---- */

static UCALL_GUEST void raise(void)
{
	__asm__ volatile(KEEP UNDEFINED "2:" : : [to] ADDRESS(&resume) : CLOBBERS);
}

static UCALL_GUEST void on_deep(struct ucall_frame *frame)
{
	uint64_t back = resume, depth = ++count;

	GUEST_PRINTF("depth %llu %0300d\n", (unsigned long long)depth, 0);
	GUEST_SYNC_ARGS(100 + depth, 1, 2, 3, 4);
	if (depth < last.sp)
		raise();
	GUEST_SYNC(200 + depth);
	frame->pc = back;
}

/* Interrupted between the arguments of a message and its head. */
static UCALL_GUEST void guest_deep(uint64_t depth)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	last.sp = depth;
	m->uc.args[0] = 0;
	m->uc.args[1] = 7;
	raise();
	GUEST_ASSERT_EQ(m->uc.args[1], 7);
	ucall_ring(m, &m->uc, ucall_head(UCALL_SYNC, 2, 0, 0));
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#define MOST 4

static void next(struct ucall_vcpu *vcpu, uint64_t stage)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], stage);
}

static void host_deep(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), on_deep));
	for (uint64_t depth = 1; depth <= MOST; depth++)
		next(vcpu, 100 + depth);
	for (uint64_t depth = MOST; depth; depth--)
		next(vcpu, 200 + depth);
	next(vcpu, 7);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* One handler too many: the guest ends. */
static void host_too_deep(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), on_deep));
	for (uint64_t depth = 1; depth <= MOST; depth++)
		next(vcpu, 100 + depth);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, number_undefined());
	CHECK_HAS(ucall_error(), "its handler was not called, as 4 handlers had not returned");
	/* After a restart, no handler is active. */
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	for (uint64_t depth = 5; depth <= 4 + MOST; depth++) {
		struct ucall uc;

		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK(uc.args[1] > 100);
		if (uc.args[1] > 200)
			break;
	}
}
#endif

/*
 * In the innermost handler, one more exception can be an exit or have a fix-up, and a further one
 * ends the guest.
 */
static UCALL_GUEST void on_deep_safe(struct ucall_frame *frame)
{
	uint64_t back = resume, depth = ++count, value;

	if (depth < 4)
		raise();
	else
		GUEST_ASSERT(guest_read_safe(BAD, 8, &value) >= UCALL_TRAPPED);
	GUEST_SYNC(200 + depth);
	frame->pc = back;
}

static UCALL_GUEST void guest_deep_safe(void)
{
	raise();
	GUEST_SYNC(7);
	GUEST_DONE();
}

/* Uses more stack than a handler has, which is 16 KiB. */
static UCALL_GUEST uint64_t fill(uint64_t depth)
{
	volatile char room[1024];

	room[depth % sizeof(room)] = (char)depth;
	return depth ? fill(depth - 1) + (uint64_t)room[0] : 0;
}

static UCALL_GUEST void on_full(struct ucall_frame *frame)
{
	GUEST_SYNC(fill(4) + 1);
	fill(64);
}

/* ---- fix-ups ---- */

static uint64_t here = 0x1234;

static UCALL_GUEST void guest_safe(void)
{
	static const unsigned int numbers[] = NUMBERS_LOAD;
	const unsigned int sizes[] = { 1, 2, 4, 8 };
	uint64_t value;
	int r;

	for (unsigned int i = 0; i < 4; i++) {
		value = 99;
		r = guest_read_safe(BAD, sizes[i], &value);
		GUEST_ASSERT(r >= UCALL_TRAPPED);
		if (numbers[0] < 0x100)
			GUEST_ASSERT(r == UCALL_TRAPPED + (int)numbers[0] ||
				     r == UCALL_TRAPPED + (int)numbers[1]);
		GUEST_ASSERT_EQ(value, 99);
		GUEST_ASSERT(guest_write_safe(BAD, sizes[i], 1) >= UCALL_TRAPPED);
		here = ~0ull;
		GUEST_ASSERT_EQ(guest_write_safe((uint64_t)(uintptr_t)&here, sizes[i], 0), 0);
		GUEST_ASSERT_EQ(guest_read_safe((uint64_t)(uintptr_t)&here, sizes[i], &value), 0);
		GUEST_ASSERT_EQ(value, 0);
		GUEST_ASSERT_EQ(guest_read_safe((uint64_t)(uintptr_t)&here, 8, &value), 0);
		GUEST_ASSERT_EQ(value == 0, sizes[i] == 8);
	}
	GUEST_ASSERT_EQ(guest_read_safe((uint64_t)(uintptr_t)&here, 3, &value), -1);
	GUEST_ASSERT_EQ(guest_write_safe((uint64_t)(uintptr_t)&here, 16, 0), -1);
	GUEST_SYNC(1);
	/* Code is not writable: an exception, and no change. */
	GUEST_ASSERT(guest_write_safe((uint64_t)(uintptr_t)raise, 4, 0) >= UCALL_TRAPPED);
	GUEST_DONE();
}

/* It has no fix-up, but the instruction before it has. */
static UCALL_GUEST void guest_behind(void)
{
	__asm__ volatile("1:" LOAD UNDEFINED_SHORT "2:" UCALL_FIXUP("1b", "2b")
			 :
			 : [from] ADDRESS(&here)
			 : CLOBBERS);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
static void host_behind(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, number_undefined());
}

static void host_done(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void host_deep_safe(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), on_deep_safe));
	for (uint64_t depth = MOST; depth; depth--)
		next(vcpu, 200 + depth);
	next(vcpu, 7);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* It reaches memory that is not mapped, not another handler's part. */
static void host_full(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	int cmd = UCALL_SYNC;

	CHECK_OK(!ucall_vm_set_handler(vm, number_undefined(), on_full));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	/* On s390x it is the handler of this exception too. */
	for (int i = 0; cmd == UCALL_SYNC && i < MOST; i++)
		cmd = ucall_next(vcpu, NULL);
	CHECK_EQ(cmd, -1);
	CHECK_EQ(errno, EFAULT);
	if (strcmp(ucall_test_arch(), "s390x"))
		CHECK(ucall_fault(vcpu)->frame.vector != (uint64_t)number_undefined());
}

static void host_safe(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* With a handler for the same exception, which is not called. */
static void host_safe_beside(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	set_load_handlers(vm);
	host_safe(vm, vcpu);
}

#if defined(__x86_64__)
/* ---- x86_64: divisions, MSRs ---- */

static UCALL_GUEST void guest_divide(void)
{
	for (uint64_t i = 1; i <= 5; i++) {
		__asm__ volatile(KEEP
				 "xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx; div %%ecx; 2:"
				 :
				 : [to] ADDRESS(&resume)
				 : "rax", "rdx", CLOBBERS);
		GUEST_ASSERT_EQ(count, i);
		GUEST_ASSERT_EQ(last.vector, 0);
	}
	GUEST_DONE();
}

static void host_divide(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, 0, on_exception));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- x86_64: a trap's frame is at the next instruction ---- */

static UCALL_GUEST void guest_trap(void)
{
	uint64_t result = 0;

	__asm__ volatile("1: int3; nop; jmp 3f; 2: add $0x10000, %%rax; 3:" UCALL_FIXUP("1b", "2b")
			 : "+a"(result)
			 :
			 : "memory", "cc");
	GUEST_ASSERT_EQ(result, 0x10000 + UCALL_TRAPPED + 3);
	GUEST_ASSERT_EQ(count, 0);
	/* The fix-up of the instruction behind it is not for the trap. */
	result = 0;
	__asm__ volatile(KEEP
			 "2: int3; 1: nop; jmp 3f; 4: add $1, %%rax; 3:" UCALL_FIXUP("1b", "4b")
			 : "+a"(result)
			 : [to] ADDRESS(&resume)
			 : CLOBBERS);
	GUEST_ASSERT_EQ(result, 0);
	GUEST_ASSERT_EQ(count, 1);
	GUEST_ASSERT_EQ(last.pc, resume + 1);
	GUEST_DONE();
}

static UCALL_GUEST void on_trap(struct ucall_frame *frame)
{
	on_exception(frame);
	frame->pc = last.pc;
}

static void host_trap(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, 3, on_trap));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#define GP 13
#define EFER 0xc0000080u

static UCALL_GUEST void guest_msr(void)
{
	uint64_t value = 0;

	GUEST_ASSERT_EQ(guest_rdmsr_safe(0x12345, &value), UCALL_TRAPPED + GP);
	GUEST_ASSERT_EQ(guest_rdmsr_safe(EFER, &value), 0);
	GUEST_ASSERT(value & 0x400); /* long mode */
	GUEST_ASSERT_EQ(guest_wrmsr_safe(EFER, value), 0);
	GUEST_ASSERT_EQ(guest_wrmsr_safe(EFER, ~0ull), UCALL_TRAPPED + GP);
	GUEST_ASSERT(guest_xsetbv_safe(0, 0) >=
		     UCALL_TRAPPED); /* bit 0 must be set, or there is no XSETBV */
	GUEST_DONE();
}
#endif

/* ---- what is refused ---- */

static void host_refused(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_vm_set_handler(vm, UCALL_VECTORS, on_exception), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "ucall_vm_set_handler: vector 512; ");
	CHECK_EQ(ucall_vm_set_handler_function(vm, 1, 0x10, "no_such_function"), -1);
	CHECK_EQ(ucall_vm_set_handler_symbol(vm, 1, "on_exception") == 0,
		 strcmp(ucall_test_arch(), ucall_vm_arch(vm)) == 0 &&
			 ucall_vm_symbol(vm, "on_exception") != 0);
	CHECK_EQ(ucall_vm_set_handler_symbol(vm, 1, NULL), -1);
	CHECK_EQ(errno, EINVAL);
}
#endif

UCALL_TESTS({ "skips an instruction", UCALL_TEST_GUEST(guest_undefined), .host = host_undefined,
	      .nargs = 1, .args = { 6 }, .any_arch = true },
	    { "what the frame says", UCALL_TEST_GUEST(guest_load), .host = host_load,
	      .any_arch = true },
	    { "four deep, with messages", UCALL_TEST_GUEST(guest_deep), .host = host_deep,
	      .nargs = 1, .args = { 4 }, .any_arch = true },
	    { "five deep", UCALL_TEST_GUEST(guest_deep), .host = host_too_deep, .nargs = 1,
	      .args = { 5 }, .any_arch = true },
	    { "a fix-up four deep", UCALL_TEST_GUEST(guest_deep_safe), .host = host_deep_safe,
	      .any_arch = true },
	    { "a full stack", UCALL_TEST_GUEST(guest_deep_safe), .host = host_full,
	      .any_arch = true },
	    { "fix-ups", UCALL_TEST_GUEST(guest_safe), .host = host_safe, .any_arch = true },
	    { "fix-ups beside a handler", UCALL_TEST_GUEST(guest_safe), .host = host_safe_beside,
	      .any_arch = true },
	    { "an undefined instruction behind a fix-up", UCALL_TEST_GUEST(guest_behind),
	      .host = host_behind, .any_arch = true },
#if defined(__x86_64__)
	    { "divisions by zero", UCALL_TEST_GUEST(guest_divide), .host = host_divide },
	    { "traps", UCALL_TEST_GUEST(guest_trap), .host = host_trap, .engine = "unicorn" },
	    /* A KVM that interprets ring 0 does not know INT3. */
	    { "traps in ring 3", UCALL_TEST_GUEST(guest_trap), .host = host_trap, .engine = "kvm",
	      .config.ring = 3 },
	    { "MSRs with a fix-up", UCALL_TEST_GUEST(guest_msr), .host = host_done,
	      .engine = "kvm" },
#endif
	    { "what is refused", UCALL_TEST_GUEST(guest_load), .host = host_refused,
	      .any_arch = true });
