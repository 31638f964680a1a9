// SPDX-License-Identifier: MIT
/* A guest shares pages with its host and takes them back: the same guest with any protection. */
#include "confidential.h"

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#endif

#define PAGE UCALL_PAGE_SIZE

/* Two pages of the guest's own. */
static UCALL_GUEST void guest_shares(uint64_t address)
{
	volatile uint64_t *p = (volatile uint64_t *)address, *second = p + PAGE / 8;

	*p = 1;
	*second = 11;
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_share((void *)address, PAGE), 0);
	*p = 2;
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(*p, 3); /* written by the host */
	GUEST_ASSERT_EQ(guest_unshare((void *)address, PAGE), 0);
	GUEST_ASSERT_EQ(*p, 3);
	*p = 4;
	GUEST_SYNC(3);
	GUEST_ASSERT_EQ(guest_share((void *)address, 2 * PAGE), 0);
	GUEST_ASSERT_EQ(*second, 11);
	GUEST_SYNC(4);
	GUEST_DONE();
}

static UCALL_GUEST void guest_wrong(uint64_t address)
{
	uint64_t is_protected = ucall_this_bell()->protection != UCALL_BELL_NONE;

	GUEST_ASSERT_EQ(guest_share((void *)(address + 8), PAGE),
			is_protected ? GUEST_SHARE_NOT_PAGES : 0);
	GUEST_ASSERT_EQ(guest_share((void *)address, 100),
			is_protected ? GUEST_SHARE_NOT_PAGES : 0);
	GUEST_ASSERT_EQ(guest_share((void *)0x123456789000, PAGE),
			is_protected ? GUEST_SHARE_REFUSED : 0);
	/* The second page is not mapped: the first stays as it was. */
	GUEST_ASSERT_EQ(guest_share((void *)(address + PAGE), 2 * PAGE),
			is_protected ? GUEST_SHARE_REFUSED : 0);
	/* It was never shared. */
	GUEST_ASSERT_EQ(guest_unshare((void *)address, PAGE), is_protected ? GUEST_SHARE_REFUSED : 0);
	/* Nothing is mapped there. */
	GUEST_ASSERT_EQ(guest_unshare((void *)0x123456789000, PAGE),
			is_protected ? GUEST_SHARE_REFUSED : 0);
	GUEST_SYNC(1);
	GUEST_ASSERT_EQ(guest_share((void *)address, PAGE), 0);
	/* The second page was not shared: the first stays shared. */
	GUEST_ASSERT_EQ(guest_unshare((void *)address, 2 * PAGE),
			is_protected ? GUEST_SHARE_REFUSED : 0);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(guest_unshare((void *)address, PAGE), 0);
	GUEST_ASSERT_EQ(guest_unshare((void *)address, PAGE), is_protected ? GUEST_SHARE_REFUSED : 0);
	GUEST_SYNC(3);
	*(volatile uint64_t *)address = 7;
	GUEST_ASSERT_EQ(guest_share((void *)address, PAGE), 0);
	/* Shared already. */
	GUEST_ASSERT_EQ(guest_share((void *)address, PAGE), is_protected ? GUEST_SHARE_REFUSED : 0);
	GUEST_DONE();
}

static UCALL_GUEST void guest_faults(void)
{
	GUEST_SYNC(1);
	*(volatile uint64_t *)0x123456789000 = 1;
}

static UCALL_GUEST void guest_spins(void)
{
	GUEST_SYNC(1);
	for (;;)
		;
}

#ifndef UCALL_GUEST_BUILD
static bool is_protected(const struct ucall_vm *vm)
{
	return ucall_vm_protection_bit(vm) != UCALL_PROTECT_NONE;
}

static void check_value(struct ucall_vm *vm, uint64_t address, uint64_t expected)
{
	uint64_t value = 0;

	CHECK_OK(!ucall_vm_read(vm, address, &value, sizeof(value)));
	CHECK_EQ(value, expected);
}

/* The host cannot read or write it in a protected guest. */
static void check_private(struct ucall_vm *vm, uint64_t address, uint64_t expected)
{
	uint64_t value = 99, gpa;

	if (!is_protected(vm)) {
		check_value(vm, address, expected);
		return;
	}
	CHECK_EQ(ucall_vm_read(vm, address, &value, sizeof(value)), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "is the guest's own");
	CHECK_EQ(value, 99);
	CHECK_OK(!ucall_vm_translate(vm, address, &gpa));
	CHECK_EQ(ucall_vm_read_physical(vm, gpa, &value, sizeof(value)), -1);
	/* Emulated TDX lets it, with what that does to the guest: confidential-tdx. */
	if (ucall_vm_protection_bit(vm) != UCALL_PROTECT_TDX) {
		CHECK_EQ(ucall_vm_write(vm, address, &value, sizeof(value)), -1);
		CHECK_EQ(ucall_vm_write_physical(vm, gpa, &value, sizeof(value)), -1);
	}
	CHECK(!ucall_vm_host_pointer(vm, address, 8));
	CHECK_EQ(errno, EPERM);
}

static void each_shares(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t address = ucall_vm_alloc(vm, 2 * (size_t)PAGE, 0), three = 3;
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_shares, 1, address);

	CHECK_OK(address && vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_private(vm, address, 1);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_value(vm, address, 2);
	CHECK_OK(!ucall_vm_write(vm, address, &three, sizeof(three)));
	check_private(vm, address + PAGE, 11);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_private(vm, address, 4);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_value(vm, address, 4);
	check_value(vm, address + PAGE, 11);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

static void each_wrong(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t address = ucall_vm_alloc(vm, 2 * (size_t)PAGE, 0);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_wrong, 1, address);

	CHECK_OK(address && vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_private(vm, address, 0);
	check_private(vm, address + PAGE, 0);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_value(vm, address, 0);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	check_private(vm, address, 0);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	check_value(vm, address, 7);
	ucall_test_vm_free(vm);
}

/* A protected guest tells of its exceptions itself, whether registers are open or not. */
static void host_faults(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), "write to memory that is not mapped");
	CHECK_EQ(ucall_fault(vcpu)->frame.address, 0x123456789000);
	CHECK_HAS(ucall_fault_report(vcpu), "guest_faults");
}

static void host_registers(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const bool closed = strstr(ucall_test_protect(), "closed") || strstr(ucall_test_protect(), "tdx");
	struct ucall_frame regs;

	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_vcpu_get_regs(vcpu, &regs), closed ? -1 : 0);
	if (closed) {
		CHECK_HAS(ucall_error(), "closes the registers to the host");
		CHECK_EQ(ucall_vcpu_set_regs(vcpu, &regs), -1);
		CHECK_EQ(ucall_vcpu_set_stepping(vcpu, true), -1);
	}
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	if (closed)
		CHECK_HAS(ucall_fault_report(vcpu), "are closed to the host");
}

/* What a launched guest's host cannot do any more. */
static void host_refused(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK(!ucall_vcpu_add(vm, guest_spins, 0));
	CHECK_EQ(errno, EPERM);
	CHECK(!ucall_vm_alloc(vm, 1, 0));
	CHECK(!ucall_vm_alloc(vm, 1, UCALL_MEM_SHARED));
	CHECK_EQ(ucall_vcpu_restart(vcpu), -1);
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_EQ(ucall_vm_snapshot(vm), -1);
	CHECK(strlen(ucall_error()) > 20);
}

UCALL_TESTS({ "shared and taken back", .each = each_shares },
	    { "what cannot be shared", .each = each_wrong },
	    TDX("shared and taken back", .each = each_shares, .config.guest_vc = true),
	    TDX("what cannot be shared", .each = each_wrong, .config.guest_vc = true),
	    PKVM("shared and taken back", .each = each_shares),
	    PKVM("what cannot be shared", .each = each_wrong),
	    PKVM("an exception", UCALL_TEST_GUEST(guest_faults), .host = host_faults, .launch = true),
	    PKVM_CLOSED("an exception", UCALL_TEST_GUEST(guest_faults), .host = host_faults,
			.launch = true),
	    TDX("an exception", UCALL_TEST_GUEST(guest_faults), .host = host_faults, .launch = true,
		.config.guest_vc = true),
	    TDX("registers", UCALL_TEST_GUEST(guest_spins), .host = host_registers, .launch = true,
		.config.timeout_ms = 100, .config.guest_vc = true),
	    TDX("what is refused after the launch", UCALL_TEST_GUEST(guest_spins),
		.host = host_refused, .launch = true, .config.guest_vc = true),
	    PKVM("registers", UCALL_TEST_GUEST(guest_spins), .host = host_registers, .launch = true,
		 .config.timeout_ms = 100),
	    PKVM_CLOSED("registers", UCALL_TEST_GUEST(guest_spins), .host = host_registers,
			.launch = true, .config.timeout_ms = 100),
	    PKVM("what is refused after the launch", UCALL_TEST_GUEST(guest_spins),
		 .host = host_refused, .launch = true));
#endif
