// SPDX-License-Identifier: MIT
/* How many guest instructions a ucall takes, counted by single-stepping the guest. */
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include <ucall/test.h>

#define SYNC_MOST 18
#define PRINTF_MOST 300

/* IN from this port marks where to count from and to; the host sees it as an exit of its own. */
#define MARK_PORT 0xeb
#define MARK() __asm__ volatile("inb %w0, %%al" : : "d"(MARK_PORT) : "rax", "memory")

static UCALL_GUEST void guest_nothing(void)
{
	MARK();
	MARK();
	GUEST_DONE();
}

static UCALL_GUEST void guest_sync(uint64_t stage)
{
	MARK();
	GUEST_SYNC(stage);
	MARK();
	GUEST_DONE();
}

static UCALL_GUEST void guest_printf(int number, const char *text)
{
	MARK();
	GUEST_PRINTF("stage %d of the test: %s\n", number, text);
	MARK();
	GUEST_DONE();
}

static bool marked(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO && run->io.port == MARK_PORT;
}

/*
 * KVM reports a step over HLT as a step and not as a halt, so the doorbell of `halt` is seen by where
 * the step ended, and its message is taken here.
 */
static bool stepped_over_halt(struct ucall_vcpu *vcpu, uint64_t pc, uint64_t before)
{
	const uint64_t code = UCALL_CODE_ADDRESS;
	uint64_t *head = (uint64_t *)(void *)&ucall_vcpu_mailbox(vcpu)->uc;

	if (strcmp(ucall_vm_backend(ucall_vcpu_vm(vcpu)), "halt") != 0 || !*head ||
	    pc - code >= UCALL_CODE_SIZE || before - code >= UCALL_CODE_SIZE)
		return false;
	*head = 0;
	return true;
}

#define FUNCTION(f) ((void (*)(void))(uintptr_t)(f))

/* Instructions between the two marks, counting one of the marks. */
static unsigned int count(void (*guest)(void), uint64_t a0, uint64_t a1)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest, 2, a0, a1);
	const struct kvm_run *run;
	unsigned int steps = 0;
	uint64_t pc = 0;
	int messages = 0;

	CHECK_OK(vcpu);
	run = ucall_vcpu_kvm_run(vcpu);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK(marked(run));
	if (ioctl(ucall_vcpu_fd(vcpu), KVM_SET_GUEST_DEBUG, &debug))
		SKIP("this KVM cannot single-step");
	for (;;) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		if (marked(run))
			break;
		if (run->exit_reason == KVM_EXIT_DEBUG) {
			steps++;
			messages += stepped_over_halt(vcpu, run->debug.arch.pc, pc);
			pc = run->debug.arch.pc;
		} else {
			messages += get_ucall(vcpu, NULL) > 0;
		}
		CHECK(steps < 10000);
	}
	CHECK_EQ(messages, guest == guest_nothing ? 0 : 1);
	ucall_test_vm_free(vm);
	return steps;
}

static void each_count(void)
{
	unsigned int nothing, sync, print;

	if (!strncmp(ucall_test_backend(), "ring", 4))
		SKIP("the limits are for a doorbell that is an exit alone; this one has a queue");
	nothing = count(guest_nothing, 0, 0);
	sync = count(FUNCTION(guest_sync), 7, 0);
	print = count(FUNCTION(guest_printf), 42, (uint64_t)(uintptr_t) "all is well");
	ucall_test_diag("GUEST_SYNC %u, GUEST_PRINTF with two arguments %u instructions",
			sync - nothing, print - nothing);
	CHECK(sync > nothing);
#ifndef __OPTIMIZE__
	SKIP("without optimisation there is no limit");
#endif
	CHECK(sync - nothing <= SYNC_MOST);
#ifdef __clang__
	SKIP("the limit for GUEST_PRINTF is for gcc's code");
#endif
	CHECK(print - nothing <= PRINTF_MOST);
}

UCALL_TESTS({ "guest instructions", .each = each_count, .engine = "kvm" });
