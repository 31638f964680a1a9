// SPDX-License-Identifier: MIT
/* Messages from handlers that interrupt another message at any instruction while it is queued. */
#include "ring.h"

#define TEST_MAIN (UCALL_USER + 1)
#define TEST_HANDLER (UCALL_USER + 2)
#define DB 1
#define TF 0x100

static uint64_t steps;

/* Runs after every instruction while TF is set. */
static UCALL_GUEST void guest_handler(struct ucall_frame *frame)
{
	steps++;
	if (steps % 3 == 0)
		GUEST_PRINTF("%0*d", (int)(steps % 90), 5);
	else
		ucall(TEST_HANDLER, 2, steps, ~steps);
}

static UCALL_GUEST void guest_main(uint64_t count)
{
	uint64_t flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags));
	__asm__ volatile("pushq %0; popfq" : : "r"(flags | TF) : "memory", "cc");
	for (uint64_t n = 1; n <= count; n++)
		ucall(TEST_MAIN, 7, n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6);
	__asm__ volatile("pushq %0; popfq" : : "r"(flags) : "memory", "cc");
}

static void check_steps(const char *backend)
{
	const uint64_t count = 6;
	struct ucall_vm_config config = { .backend = backend };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_main, 1, count);
	uint64_t mine = 0, handlers = 0;
	struct ucall uc;
	int cmd;

	CHECK_OK(vcpu);
	if (ucall_vm_set_handler(vm, DB, guest_handler))
		SKIP("%s", ucall_error());
	while ((cmd = next_message(vcpu, &uc)) != UCALL_DONE) {
		if (cmd < 0)
			FAIL("%s", ucall_error());
		if (cmd == TEST_MAIN) {
			mine++;
			for (uint64_t i = 0; i < 7; i++)
				CHECK_EQ(uc.args[i], mine + i);
			continue;
		}
		handlers++;
		if (handlers % 3) {
			CHECK_EQ(cmd, TEST_HANDLER);
			CHECK_EQ(uc.args[0], handlers);
			CHECK_EQ(uc.args[1], ~handlers);
		} else {
			char text[128];

			CHECK_EQ(cmd, UCALL_PRINTF);
			snprintf(text, sizeof(text), "%0*d", (int)(handlers % 90), 5);
			CHECK_STR(uc.text, text);
		}
	}
	CHECK_EQ(mine, count);
	CHECK(handlers > 20 * count); /* mostly within ring_send() */
	ucall_test_vm_free(vm);
}

static void each_step(void)
{
	check_steps("ring");
	check_steps("ring,depth=1");
	check_steps("ring,depth=3");
	check_steps("ring,depth=64");
	check_steps("ring,poll=1");
}

RING_TESTS({ "a handler after every instruction", .each = each_step, .engine = "kvm" });
