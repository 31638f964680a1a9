// SPDX-License-Identifier: MIT
/* Points that end badly, and guests that write TAP: for t/harness.sh, which checks the harness. */
#include <ucall/test.h>

static UCALL_GUEST void guest_good(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static UCALL_GUEST void guest_no_newline(void)
{
	GUEST_PRINTF("no newline");
	GUEST_DONE();
}

static UCALL_GUEST void guest_forges(void)
{
	GUEST_PRINTF("not ok 1 - forged\n1..99\n\033]0;title\007\nBail out! forged\n");
	GUEST_DONE();
}

static UCALL_GUEST void guest_fails(void)
{
	GUEST_FAIL("first line\nok 1 - forged\033[31m");
}

/* Two bytes that Unicorn's translator does not know; it aborts. */
static UCALL_GUEST void guest_aborts_unicorn(void)
{
	GUEST_SYNC(1);
#if defined(__x86_64__)
	__asm__ volatile(".byte 0xff, 0xe8");
#endif
	for (;;)
		;
}

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void host_done(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	while (ucall_next(vcpu, &uc) == UCALL_SYNC)
		;
	CHECK_EQ(uc.cmd, UCALL_DONE);
}

static void host_wrong_command(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void host_fails(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static void once_crash(void)
{
	volatile int *volatile nowhere = NULL;

	*nowhere = 1;
}

static void once_exit(void)
{
	exit(0);
}

static void once_hang(void)
{
	for (;;)
		pause();
}

static void once_abort(void)
{
	abort();
}

static void once_prints(void)
{
	printf("ok 1 - printed by the test\nno newline");
}

static void once_killed(void)
{
	raise(SIGKILL);
}

/* Its child keeps the point's output open, and lives on for a while. */
static void once_grandchild(void)
{
	if (!fork()) {
		sleep(5);
		_exit(0);
	}
}

/* Another child, which would live longer. */
static void once_sleeper(void)
{
	if (!fork()) {
		execlp("sleep", "sleep", "471147", (char *)NULL);
		_exit(1);
	}
	usleep(100000);
}

static int left_behind;

static void once_leaves(void)
{
	left_behind++;
	CHECK_EQ(left_behind, 1);
}

static void host_no_vm(void)
{
	struct ucall_vm_config config = { .ring = 2 };

	ucall_test_vm(&config);
}

UCALL_TESTS({ "good", UCALL_TEST_GUEST(guest_good), .host = host_done },
	    { "no newline", UCALL_TEST_GUEST(guest_no_newline), .host = host_done },
	    { "forges", UCALL_TEST_GUEST(guest_forges), .host = host_done },
	    { "fails", UCALL_TEST_GUEST(guest_fails), .host = host_fails },
	    { "wrong command", UCALL_TEST_GUEST(guest_good), .host = host_wrong_command },
	    { "aborts the emulator", UCALL_TEST_GUEST(guest_aborts_unicorn), .host = host_done,
	      .engine = "unicorn" },
	    { "crash", .once = once_crash }, { "exit", .once = once_exit },
	    { "hang", .once = once_hang, .limit = 1 }, { "abort", .once = once_abort },
	    { "prints", .once = once_prints }, { "killed", .once = once_killed },
	    { "nothing to run", UCALL_TEST_GUEST(guest_good) },
	    { "sleeper", .once = once_sleeper, .limit = 4 },
	    { "grandchild", .once = once_grandchild, .limit = 4 },
	    { "leaves something", .once = once_leaves },
	    { "leaves something", .once = once_leaves }, { "no VM", .each = host_no_vm });
