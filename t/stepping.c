// SPDX-License-Identifier: MIT
/* Single-stepping through exceptions: what handlers see, and turning it off anywhere. */
#include <ucall/plugin.h>
#include <ucall/test.h>

#if defined(__x86_64__)
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

#define DB 1
#define NMI 2
#define UD 6
#define TF 0x100u

static uint64_t undefined, interrupts, flags;

static UCALL_GUEST void on_undefined(struct ucall_frame *frame)
{
	undefined++;
	flags |= frame->flags;
	frame->pc += 2;
	frame->gpr[UCALL_RAX] = 0x55;
}

static UCALL_GUEST void on_interrupt(struct ucall_frame *frame)
{
	interrupts++;
	flags |= frame->flags;
}

static UCALL_GUEST void guest_undefined(void)
{
	uint64_t value = 1;

	GUEST_SYNC(0);
	__asm__ volatile("ud2" : "+a"(value) : : "memory");
	GUEST_SYNC_ARGS(1, undefined, interrupts, value, flags);
	GUEST_DONE();
}

/*
 * Runs up to the message with the results, in args[2..5].  `interrupted`: an NMI came, perhaps after
 * the guest had read the count.  Returns the count.
 */
static uint64_t finish(struct ucall_vcpu *vcpu, uint64_t interrupted, unsigned int at)
{
	struct ucall uc;
	uint64_t seen;
	int cmd = 0;

	while (!cmd || (cmd == UCALL_SYNC && uc.args[1] == 0)) {
		if (ucall_vcpu_run(vcpu))
			FAIL("after %u steps: %s", at, ucall_error());
		cmd = get_ucall(vcpu, &uc);
	}
	if (cmd != UCALL_SYNC || uc.args[2] != 1 || uc.args[3] > interrupted ||
	    uc.args[4] != 0x55 || uc.args[5] & TF)
		FAIL("after %u steps: %s, %llu #UD, %llu NMI, RAX 0x%llx, flags 0x%llx", at,
		     cmd < 0 ? ucall_error() : "a message", (unsigned long long)uc.args[2],
		     (unsigned long long)uc.args[3], (unsigned long long)uc.args[4],
		     (unsigned long long)uc.args[5]);
	seen = uc.args[3];
	do {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
	} while (!cmd);
	CHECK_EQ(cmd, UCALL_DONE);
	return seen;
}

/* Starts again and steps `at` instructions after the first message; false: it came to the second. */
static bool start(struct ucall_vcpu *vcpu, unsigned int at)
{
	struct ucall uc;

	undefined = interrupts = flags = 0;
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK_OK(!ucall_sync_to_guest(ucall_vcpu_vm(vcpu), &undefined));
	CHECK_OK(!ucall_sync_to_guest(ucall_vcpu_vm(vcpu), &interrupts));
	CHECK_OK(!ucall_sync_to_guest(ucall_vcpu_vm(vcpu), &flags));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vcpu_set_stepping(vcpu, true));
	while (at--) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		if (get_ucall(vcpu, &uc) == UCALL_SYNC && uc.args[1] == 1)
			return false;
	}
	return true;
}

static void host_off(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	unsigned int at = 0;

	CHECK_OK(!ucall_vm_set_handler(vm, UD, on_undefined));
	while (start(vcpu, at)) {
		CHECK_OK(!ucall_vcpu_set_stepping(vcpu, false));
		finish(vcpu, 0, at);
		at += 3;
	}
	CHECK(at > 10);
	CHECK_OK(!ucall_vcpu_set_stepping(vcpu, false));
}

static void host_nmi(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	unsigned int at = 0, late = 0;

	if (!strncmp(ucall_test_backend(), "halt", 4))
		SKIP("an NMI ends a halt, so that it is no exit");
	CHECK_OK(!ucall_vm_set_handler(vm, UD, on_undefined));
	CHECK_OK(!ucall_vm_set_handler(vm, NMI, on_interrupt));
	while (start(vcpu, at)) {
		CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_NMI, 0));
		late += finish(vcpu, 1, at) == 0;
		CHECK_OK(!ucall_vcpu_set_stepping(vcpu, false));
		at += 3;
	}
	/* Of the at / 3 times some came before the message; handlers may run in one step. */
	CHECK(at > 10 && late < at / 3);
}

/* ---- the guest steps itself ---- */

static UCALL_GUEST void guest_steps(void)
{
	__asm__ volatile("pushfq; orq %0, (%%rsp); popfq; nop; nop; pushfq; andq %1, (%%rsp); popfq"
			 :
			 : "i"(TF), "i"(~(long)TF)
			 : "memory", "cc");
	GUEST_SYNC(interrupts);
	GUEST_DONE();
}

static void host_steps(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_OK(!ucall_vm_set_handler(vm, DB, on_interrupt));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK(uc.args[1] >= 4 && uc.args[1] <= 6); /* two NOPs, three more; some count the last */
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- halts ---- */

static UCALL_GUEST void guest_halts(void)
{
	__asm__ volatile("hlt; rep; hlt; .byte 0x66; hlt; .byte 0x48; hlt" : : : "memory");
	GUEST_DONE();
}

static void halts(struct ucall_vcpu *vcpu)
{
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	int halted = 0;

	while (halted < 4) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		if (exit->reason == UCALL_EXIT_HALT)
			halted++;
		else
			CHECK_EQ(exit->reason, UCALL_EXIT_DEBUG);
	}
}

static void host_halts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	if (strcmp(ucall_test_backend(), "pio") && strcmp(ucall_test_backend(), "mmio"))
		SKIP("this backend may ring by a halt");
	halts(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK_OK(!ucall_vcpu_set_stepping(vcpu, true));
	halts(vcpu);
	CHECK_OK(!ucall_vcpu_set_stepping(vcpu, false));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- restarts ---- */

static UCALL_GUEST void on_nmi(struct ucall_frame *frame)
{
	GUEST_SYNC(2);
}

static UCALL_GUEST void guest_leaves(void)
{
	/* A breakpoint that is not enabled. */
	__asm__ volatile("mov %0, %%dr0; mov %1, %%dr7" : : "r"(&undefined), "r"(0xd0400ull));
	GUEST_SYNC(1);
	GUEST_DONE();
}

/* A restart ends an NMI handler, and clears breakpoints. */
static void host_restart(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_OK(!ucall_vm_set_handler(vm, NMI, on_nmi));
	for (int i = 0; i < 2; i++) {
		struct kvm_debugregs debug;

		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], 1);
		CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_GET_DEBUGREGS, &debug));
		CHECK(debug.db[0] && (debug.dr7 & 0xd0000) == 0xd0000);
		CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_NMI, 0));
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], 2);
		CHECK_OK(!ucall_vcpu_restart(vcpu));
		CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_GET_DEBUGREGS, &debug));
		CHECK(!debug.db[0] && !(debug.dr7 & 0xd0000));
	}
}

UCALL_TESTS({ "off at any instruction", UCALL_TEST_GUEST(guest_undefined), .host = host_off },
	    { "an NMI at any instruction", UCALL_TEST_GUEST(guest_undefined), .host = host_nmi,
	      .engine = "kvm" },
	    { "a guest that steps itself", UCALL_TEST_GUEST(guest_steps), .host = host_steps },
	    { "halts with prefixes", UCALL_TEST_GUEST(guest_halts), .host = host_halts },
	    { "restarts", UCALL_TEST_GUEST(guest_leaves), .host = host_restart, .engine = "kvm" });
#else
static void once(void)
{
	SKIP("exceptions under single-stepping differ on x86_64 only");
}

UCALL_TESTS({ "single-stepping through exceptions", .once = once });
#endif
