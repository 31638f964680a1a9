// SPDX-License-Identifier: MIT
/* A guest that faults, on any architecture: what it did, where, and who called it. */
#include <ucall/test.h>

enum fault { UNDEFINED, READ, WRITE, WRITE_CODE, CALL_NULL, CALL_DATA, FAULTS };

static UCALL_GUEST __attribute__((noinline)) void guest_does(uint64_t fault, uint64_t address)
{
	switch (fault) {
	case UNDEFINED:
#if defined(__x86_64__)
		__asm__ volatile("ud2");
#elif defined(__aarch64__)
		__asm__ volatile(".inst 0");
#elif defined(__riscv)
		__asm__ volatile("unimp");
#else
		__asm__ volatile(".short 0");
#endif
		break;
	case READ:
		(void)*(volatile uint64_t *)(uintptr_t)address;
		break;
	case WRITE:
	case WRITE_CODE:
		*(volatile uint64_t *)(uintptr_t)address = 1;
		break;
	default:
		((void (*)(void))(uintptr_t)address)();
		break;
	}
	GUEST_SYNC(1);
}

static UCALL_GUEST __attribute__((noinline)) void guest_calls(uint64_t fault, uint64_t address)
{
	guest_does(fault, address);
	GUEST_SYNC(2);
}

static UCALL_GUEST void guest_code(uint64_t fault, uint64_t address)
{
	GUEST_SYNC(0);
	guest_calls(fault, address);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

#define UNMAPPED 0xdead000

static const struct {
	const char *says;
	bool has_address;
} expected[FAULTS] = {
	[READ] = { "read of memory that is not mapped", true },
	[WRITE] = { "write to memory that is not mapped", true },
	[WRITE_CODE] = { "write to memory that does not permit it", true },
	[CALL_NULL] = { "fetch from the null page", false },
	[CALL_DATA] = { "fetch from memory that does not permit it", false },
};

static const struct {
	const char *arch, *undefined, *flags;
} words[] = {
	{ "x86_64", "#UD invalid opcode (vector 6)", "rflags" },
	{ "aarch64", "undefined instruction, ESR 0x", "pstate" },
	{ "s390x", "guest exception", "psw" }, /* Unicorn gives no code */
	{ "riscv64", "illegal instruction", "sstatus" },
};

static uint64_t bad_address(struct ucall_vm *vm, enum fault fault)
{
	switch (fault) {
	case WRITE_CODE:
		return ucall_arch_bit(ucall_test_arch()) == ucall_arch_host()
			       ? (uintptr_t)guest_does & ~7ull
			       : ucall_vm_symbol(vm, "guest_does") & ~7ull;
	case CALL_NULL:
		return 0;
	case CALL_DATA:
		return ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED);
	default:
		return UNMAPPED;
	}
}

/* The active functions, from the innermost, which is frame `first`. */
static void check_frames(const struct ucall_fault_info *info, unsigned int first)
{
	static const char *const functions[] = { "guest_does", "guest_calls", "guest_code" };

	if (!info->backtrace_count)
		return; /* built without the module that names functions */
	for (unsigned int i = 0; i < 3; i++) {
		const struct ucall_backtrace_entry *frame = &info->backtrace[first + i];

		CHECK(first + i < info->backtrace_count);
		CHECK_STR(frame->function, functions[i]);
		if (frame->file[0]) /* else built without -g */
			CHECK_HAS(frame->file, "faults.c");
	}
}

static void check(enum fault fault)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	bool is_call = fault == CALL_NULL || fault == CALL_DATA;
	uint64_t address = bad_address(vm, fault);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 2, fault, address);
	struct ucall_vcpu *other = ucall_vcpu_add(vm, guest_code, 2, READ, UNMAPPED);
	const struct ucall_fault_info *info;
	char text[64];
	int i = 0;

	CHECK_OK(vcpu && other);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	info = ucall_fault(vcpu);
	CHECK(info->valid);
	while (strcmp(words[i].arch, ucall_test_arch()) != 0)
		i++;
	CHECK_HAS(ucall_error(), fault == UNDEFINED ? words[i].undefined : expected[fault].says);
	CHECK_HAS(ucall_fault_report(vcpu), words[i].flags);
	if (expected[fault].has_address) {
		CHECK_EQ(info->frame.address, address);
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)address);
		CHECK_HAS(ucall_error(), text);
	}
	if (is_call) {
		CHECK_EQ(info->frame.pc, address);
		if (info->backtrace_count)
			CHECK_HAS(ucall_error(), ", called in guest_does");
	}
	if (!strcmp(ucall_test_engine(), "kvm"))
		CHECK_EQ(info->frame.unknown, 0);
	check_frames(info, is_call); /* nothing is known about the callee */

	/* This vCPU cannot continue until it is restarted, but others can. */
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), "has faulted and cannot go on");
	CHECK_NEXT(other, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
}

static void each_undefined(void)
{
	check(UNDEFINED);
}

static void each_access(void)
{
	for (enum fault fault = READ; fault <= WRITE_CODE; fault++)
		check(fault);
}

static void each_call(void)
{
	check(CALL_NULL);
	check(CALL_DATA);
}

UCALL_TESTS({ "an undefined instruction", .each = each_undefined, .any_arch = true },
	    { "reads and writes", .each = each_access, .any_arch = true },
	    { "calls to what is not code", .each = each_call, .any_arch = true });

#endif
