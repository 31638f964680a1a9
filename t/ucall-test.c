// SPDX-License-Identifier: MIT
/*
 * The four cases of the test that came with the idea: SYNC 1, SYNC 2, DONE, and a failed assert; by
 * the default backend, by each named backend, and by shared structures.
 */
#include <ucall/plugin.h>
#include <ucall/test.h>

static UCALL_GUEST void guest_code(uint64_t value)
{
	GUEST_SYNC(1);
	GUEST_SYNC(2);
	GUEST_DONE();
	GUEST_ASSERT_1(value == 1, value);
}

static UCALL_GUEST void guest_shared(struct ucall *uc, uint64_t value)
{
	GUEST_SHARED_SYNC(uc, 1);
	GUEST_SHARED_SYNC(uc, 2);
	GUEST_SHARED_DONE(uc);
	GUEST_SHARED_ASSERT_1(uc, value == 1, value);
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <stdlib.h>

static void check_four(struct ucall_vm *vm)
{
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 1, 2);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_EQ(ucall_next(vcpu, &uc), -1);
	CHECK_EQ(errno, ECANCELED);
	CHECK_HAS(uc.text, "value == 1 with 0x2");
	CHECK_EQ(uc.args[2], 2);
}

/* No backend is named: the one whose metadata says that it is the default is used. */
static void once_default(void)
{
	const char *named = getenv("UCALL_BACKEND");
	struct ucall_vm *vm;

	if (named && *named)
		SKIP("UCALL_BACKEND=%s names another", named);
	vm = ucall_test_vm(NULL);
	CHECK_STR(ucall_vm_backend(vm), ucall_arch_host() == UCALL_ARCH_X86_64	  ? "pio"
					: ucall_arch_host() == UCALL_ARCH_AARCH64 ? "mmio"
					: ucall_arch_host() == UCALL_ARCH_RISCV64 ? "sbi"
										  : "diag");
	check_four(vm);
}

static void host_named(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	check_four(vm);
}

static void host_shared(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t gva = ucall_shared_alloc(vm, 1);

	vcpu = ucall_vcpu_add(vm, guest_shared, 2, gva, 2);
	CHECK_OK(gva && vcpu);
	CHECK_SHARED_SYNC(vcpu, gva, 1);
	CHECK_SHARED_SYNC(vcpu, gva, 2);
	CHECK_SHARED_DONE(vcpu, gva);
	CHECK_SHARED_ABORT(vcpu, gva);
}

UCALL_TESTS({ "by the default backend", .once = once_default },
	    { "by a named backend", .host = host_named, .any_arch = true },
	    { "by shared structures", .host = host_shared, .any_arch = true });

#endif
