// SPDX-License-Identifier: MIT
/* Same-source guests: the program's own globals, constants, pointers and thread-local variables. */
#include <errno.h>
#include <string.h>

#include <ucall/test.h>

static uint64_t before = 1, zero_filled[5000];
static const char *const names[] = { "alpha", "beta" };
static uint64_t *pointer = &before;
static __thread uint64_t local = 1234, local_zero;
static struct {
	uint64_t a;
	char text[24];
} whole;

static UCALL_GUEST uint64_t add(uint64_t a, uint64_t b)
{
	return a + b;
}

static uint64_t (*function)(uint64_t, uint64_t) = add;

static UCALL_GUEST void guest_code(void)
{
	GUEST_ASSERT_EQ(before, 2); /* as it was when the VM was created */
	GUEST_ASSERT_EQ(*pointer, 2);
	GUEST_ASSERT_EQ(zero_filled[4999], 77);
	GUEST_ASSERT_EQ(zero_filled[4998], 0);
	GUEST_ASSERT_EQ(names[1][0], 'b');
	GUEST_ASSERT_EQ(function(3, 4), 7);
	GUEST_ASSERT_EQ(local, 1234);
	GUEST_ASSERT_EQ(local_zero, 0);
	local = local_zero = 9;
	before = 3;
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(whole.a, 5); /* synchronised by the host */
	GUEST_ASSERT_EQ(whole.text[0], 'h');
	whole.a = 6;
	whole.text[0] = 'H';
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(before, 3);
	GUEST_DONE();
}

static void each_globals(void)
{
	struct ucall_vm *vm;
	struct ucall_vcpu *vcpu;

	before = 2;
	zero_filled[4999] = 77;
	local = 4321; /* the guest has the initial value */
	memset(&whole, 0, sizeof(whole));
	vm = ucall_test_vm(NULL);
	before = 4;
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(before, 4);
	CHECK_EQ(local, 4321);
	whole.a = 5;
	strcpy(whole.text, "hello");
	CHECK_OK(!ucall_sync_to_guest(vm, &whole));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_STR(whole.text, "hello");
	CHECK_OK(!ucall_sync_from_guest(vm, &whole));
	CHECK_EQ(whole.a, 6);
	CHECK_STR(whole.text, "Hello");
	CHECK_OK(!ucall_sync_from_guest(vm, &before));
	CHECK_EQ(before, 3);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* Each vCPU has thread-local variables of its own. */
static UCALL_GUEST void guest_local(uint64_t id)
{
	GUEST_ASSERT_EQ(local, 1234);
	local += id;
	GUEST_SYNC(local);
	GUEST_SYNC(local);
	GUEST_DONE();
}

static void host_local(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[3];
	struct ucall uc;

	for (uint64_t i = 0; i < 3; i++)
		CHECK_OK(vcpus[i] = ucall_vcpu_add(vm, guest_local, 1, i + 1));
	for (int again = 0; again < 2; again++) {
		for (uint64_t i = 0; i < 3; i++) {
			CHECK_NEXT(vcpus[i], &uc, UCALL_SYNC);
			CHECK_EQ(uc.args[1], 1235 + i);
		}
	}
}

/* Helpers without UCALL_GUEST that use the stack protector and the compiler's own calls work. */
static struct {
	uint64_t words[100];
} source, target;

static __attribute__((noinline)) UCALL_PLAIN_CODE uint64_t helper(uint64_t n)
{
	volatile char buffer[64];

	for (uint64_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)n;
	source.words[99] = n;
	target = source;
	return target.words[99] + (uint64_t)buffer[63];
}

static UCALL_GUEST void guest_helper(void)
{
	GUEST_ASSERT_EQ(helper(5), 10);
	GUEST_DONE();
}

static void host_helper(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* Invalid functions and arguments. */
static void host_wrong(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK(!ucall_vcpu_add(vm, ucall_vm_create_sized, 0));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "one of the program itself");
	CHECK(!ucall_vcpu_add(vm, &before, 0));
	CHECK_HAS(ucall_error(), "no guest code at");
	CHECK(!ucall_vcpu_add(vm, 0x1000, 0));
	CHECK(!ucall_vcpu_add(vm, guest_helper, 2, 1));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "nargs must be the number of arguments");
	CHECK_OK(ucall_vcpu_add(vm, guest_helper, 6, 1, 2, 3, 4, 5, 6));
}

static UCALL_GUEST void guest_arguments(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
					uint64_t f)
{
	GUEST_SYNC_ARGS(a, b, c, d, e);
	GUEST_SYNC(f);
	GUEST_DONE();
}

static void host_arguments(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_arguments, 6, 10, -1, 12, &uc, 14, 15);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 10);
	CHECK_EQ(uc.args[2], -1);
	CHECK_EQ(uc.args[3], 12);
	CHECK_EQ(uc.args[4], (uintptr_t)&uc);
	CHECK_EQ(uc.args[5], 14);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 15);
}

UCALL_TESTS({ "the program's variables", .each = each_globals },
	    { "thread-local variables", .host = host_local },
	    { "stack protector and compiler's calls", UCALL_TEST_GUEST(guest_helper),
	      .host = host_helper },
	    { "six arguments", .host = host_arguments },
	    { "invalid guest functions", .host = host_wrong });
