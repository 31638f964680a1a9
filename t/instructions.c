// SPDX-License-Identifier: MIT
/* How many guest instructions a ucall takes, counted by single-stepping the guest. */
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#define SYNC_MAX 18
#define PRINTF_MAX 300

/* IN from this port marks where the count starts and ends; the host sees it as a separate exit. */
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

static bool marked(const struct ucall_exit *exit)
{
	return exit->reason == UCALL_EXIT_IO && exit->u.io.port == MARK_PORT;
}

#define FUNCTION(f) ((void (*)(void))(uintptr_t)(f))

/* Instructions between the two marks, counting one of the marks. */
static unsigned int count(void (*guest)(void), uint64_t a0, uint64_t a1)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest, 2, a0, a1);
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	unsigned int steps = 0;
	int messages = 0;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK(marked(exit));
	CHECK_OK(!ucall_vcpu_set_stepping(vcpu, true));
	for (;;) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		if (marked(exit))
			break;
		if (exit->reason == UCALL_EXIT_DEBUG)
			steps++;
		else
			messages += get_ucall(vcpu, NULL) > 0;
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
		SKIP("the limits are for a doorbell that only exits; this one has a queue");
	nothing = count(guest_nothing, 0, 0);
	sync = count(FUNCTION(guest_sync), 7, 0);
	print = count(FUNCTION(guest_printf), 42, (uint64_t)(uintptr_t) "all is well");
	ucall_test_diag("GUEST_SYNC %u, GUEST_PRINTF with two arguments %u instructions",
			sync - nothing, print - nothing);
	CHECK(sync > nothing);
#ifndef __OPTIMIZE__
	SKIP("without optimisation there is no limit");
#endif
	CHECK(sync - nothing <= SYNC_MAX);
#ifdef __clang__
	SKIP("the limit for GUEST_PRINTF is for gcc's code");
#endif
	CHECK(print - nothing <= PRINTF_MAX);
}

UCALL_TESTS({ "guest instructions", .each = each_count });
