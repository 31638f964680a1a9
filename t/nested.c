// SPDX-License-Identifier: MIT
/* Ucalls from an exception handler leave the message that they interrupt as it was. */
#include <string.h>

#include "confidential.h"

/* An instruction that does not exist, its size, and the number of the exception. */
#if defined(__x86_64__)
#define UNDEFINED "ud2"
#define UNDEFINED_SIZE 2
#define UD 6
#elif defined(__aarch64__)
#define UNDEFINED ".inst 0"
#define UNDEFINED_SIZE 4
#define UD 0
#else
#define UNDEFINED ".word 0"
#define UNDEFINED_SIZE 4
#define UD 2
#endif

/* How many exceptions the handler is to cause in its turn. */
static uint64_t guest_depth;

static UCALL_GUEST void guest_undefined(uint64_t depth)
{
	guest_depth = depth;
	__asm__ volatile(UNDEFINED : : : "memory");
}

/* The handler sends messages of its own, longer than what it interrupts, and skips the instruction. */
static UCALL_GUEST void guest_handler(struct ucall_frame *frame)
{
	uint64_t depth = guest_depth;

	GUEST_ASSERT_EQ(frame->vector, UD);
	GUEST_PRINTF("handler at depth %llu %0200d\n", (unsigned long long)depth, 0);
	GUEST_SYNC_ARGS(100 + depth, 1, 2, 3, 4);
	if (depth)
		guest_undefined(depth - 1);
	frame->pc += UNDEFINED_SIZE;
}

/* Writes a message by hand, is interrupted before the head is written, and after. */
static UCALL_GUEST void guest_nested(uint64_t depth)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	uint64_t *head = (uint64_t *)(void *)&m->uc;

	m->uc.args[0] = 0;
	m->uc.args[1] = 1;
	m->uc.text[0] = 'x';
	guest_undefined(depth);
	GUEST_ASSERT_EQ(m->uc.args[1], 1);
	GUEST_ASSERT_EQ(m->uc.text[0], 'x');
	__atomic_store_n(head, ucall_head(UCALL_SYNC, 2, 0, 1), __ATOMIC_RELEASE);
	guest_undefined(depth);
	GUEST_ASSERT_EQ(*head, ucall_head(UCALL_SYNC, 2, 0, 1));
	ucall_ring(m, &m->uc, *head);
	guest_undefined(depth);
	GUEST_ASSERT_EQ(*head, 0);
	GUEST_DONE();
}

static void check_handler(struct ucall_vcpu *vcpu, uint64_t depth)
{
	char expected[512];
	struct ucall uc;

	for (int level = (int)depth; level >= 0; level--) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
		snprintf(expected, sizeof(expected), "handler at depth %d %0200d\n", level, 0);
		CHECK_STR(uc.text, expected);
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], 100 + level);
		CHECK_EQ(uc.args[5], 4);
	}
}

static void each_nested(uint64_t depth, int ring)
{
	struct ucall_vm_config config = { .ring = ring };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_nested, 1, depth);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vm_set_handler(vm, UD, guest_handler));
	CHECK_OK(!ucall_vm_launch(vm));
	check_handler(vcpu, depth);
	check_handler(vcpu, depth);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	CHECK_STR(uc.text, "x");
	check_handler(vcpu, depth);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void each_once(void)
{
	each_nested(0, 0);
}

static void each_deep(void)
{
	each_nested(2, 0);
}

static void each_ring3(void)
{
	each_nested(1, 3);
}

/* The same while a message of ucall_shared() is on its way. */
static UCALL_GUEST void guest_nested_shared(struct ucall *uc)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	uc->args[1] = 7;
	m->shared = (uint64_t)(uintptr_t)uc;
	guest_undefined(0);
	GUEST_ASSERT_EQ(m->shared, (uint64_t)(uintptr_t)uc);
	ucall_ring(m, uc, ucall_head(UCALL_SYNC, 2, 0, 0));
	GUEST_SHARED_DONE(uc);
}

static void each_shared(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t gva = ucall_shared_alloc(vm, 1);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_nested_shared, 1, gva);

	CHECK_OK(gva && vcpu);
	CHECK_OK(!ucall_vm_set_handler(vm, UD, guest_handler));
	CHECK_OK(!ucall_vm_launch(vm));
	check_handler(vcpu, 0);
	CHECK_SHARED_SYNC(vcpu, gva, 7);
	CHECK_SHARED_DONE(vcpu, gva);
}

UCALL_TESTS({ "from a handler", .each = each_once, .engine = "kvm" },
	    { "from a handler's handler's handler", .each = each_deep, .engine = "kvm" },
	    { "from a handler of a guest in ring 3", .each = each_ring3, .engine = "kvm" },
	    { "while a shared message is under way", .each = each_shared, .engine = "kvm" },
#if defined(__x86_64__)
	    EACH_KIND("from a handler", .each = each_once, .config.guest_vc = true),
	    EACH_KIND("from a handler's handler's handler", .each = each_deep,
		      .config.guest_vc = true),
	    EACH_KIND("from a handler of a guest in ring 3", .each = each_ring3,
		      .config.guest_vc = true),
	    EACH_KIND("while a shared message is under way", .each = each_shared,
		      .config.guest_vc = true),
#endif
);
