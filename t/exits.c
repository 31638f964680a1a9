// SPDX-License-Identifier: MIT
/* A backend sees the same struct ucall_exit on every engine. */
#include <ucall/test.h>

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
	GUEST_PRINTF("%d", 2);
	GUEST_DONE();
}

/* The guest's own halt is an exit without a message; the guest continues after it. */
static UCALL_GUEST void guest_halt(void)
{
#if defined(__x86_64__)
	__asm__ volatile("hlt" : : : "memory");
#elif defined(__s390x__)
	uint64_t psw[2] = { 0x0002000180000000, 0 }; /* a wait, and where it continues */

	__asm__ volatile("larl %%r1, 0f; stg %%r1, 8(%0); lpswe 0(%0); 0:"
			 :
			 : "a"(psw)
			 : "r1", "cc", "memory");
#else
	__asm__ volatile("wfi" : : : "memory");
#endif
	GUEST_SYNC(1);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <string.h>

#include <ucall/plugin.h>

static void check_exit(const struct ucall_exit *exit, const char *backend)
{
	if (!strcmp(backend, "pio")) {
		CHECK_EQ(exit->reason, UCALL_EXIT_IO);
		CHECK_EQ(exit->u.io.port, 0x3f8);
		CHECK_EQ(exit->u.io.size, 1);
		CHECK_EQ(exit->u.io.count, 1);
		CHECK(exit->u.io.is_write);
	} else if (!strcmp(backend, "mmio")) {
		CHECK_EQ(exit->reason, UCALL_EXIT_MMIO);
		CHECK_EQ(exit->u.mmio.gpa, 0xd0000000);
		CHECK_EQ(exit->u.mmio.size, 8);
		CHECK(exit->u.mmio.is_write);
		CHECK_EQ(exit->u.mmio.data, UCALL_MAILBOX_ADDRESS);
	} else if (!strcmp(backend, "halt")) {
		CHECK_EQ(exit->reason, UCALL_EXIT_HALT);
	} else if (!strcmp(backend, "diag")) {
		CHECK_EQ(exit->reason, UCALL_EXIT_DIAG);
		CHECK_EQ(exit->u.diag.code, 0x501);
		CHECK_EQ(exit->u.diag.value, UCALL_MAILBOX_ADDRESS);
	} else if (!strcmp(backend, "sbi")) {
		CHECK_EQ(exit->reason, UCALL_EXIT_SBI);
		CHECK_EQ(exit->u.sbi.extension, 0x08554341);
		CHECK_EQ(exit->u.sbi.function, 0);
		CHECK_EQ(exit->u.sbi.args[0], UCALL_MAILBOX_ADDRESS);
	} else {
		SKIP("the exits of backend %s are not known here", backend);
	}
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static const int expected[] = { UCALL_SYNC, UCALL_PRINTF, UCALL_DONE };

	for (int i = 0; i < 3; i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		check_exit(ucall_vcpu_exit(vcpu), ucall_vm_backend(vm));
		CHECK_EQ(get_ucall(vcpu, NULL), expected[i]);
	}
}

static void host_halt(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	if (!strcmp(ucall_vm_engine(vm), "kvm") && strcmp(ucall_vm_arch(vm), "x86_64") != 0)
		SKIP("KVM on %s waits for an interrupt by itself, without an exit",
		     ucall_vm_arch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ENOMSG);
	CHECK_HAS(ucall_error(), "a halt");
	CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_HALT);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

UCALL_TESTS({ "by the mailbox", UCALL_TEST_GUEST(guest_code), .host = host_code, .any_arch = true,
	      .config = { .via = UCALL_VIA_MAILBOX } },
	    { "by the address", UCALL_TEST_GUEST(guest_code), .host = host_code, .any_arch = true,
	      .config = { .via = UCALL_VIA_ADDRESS } },
	    { "a halt", UCALL_TEST_GUEST(guest_halt), .host = host_halt, .any_arch = true });

#endif
