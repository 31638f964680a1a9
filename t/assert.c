// SPDX-License-Identifier: MIT
/* A failed assert tells the guest's file and line, the expression and the values. */
#include <ucall/test.h>

static UCALL_GUEST void guest_assert(uint64_t which, uint64_t a, uint64_t b)
{
	GUEST_ASSERT(a != b);
	GUEST_ASSERT_4(a != b, 1, 2, 3, 4);
	GUEST_ASSERT_NE(a, b);
	switch (which) {
	case 0:
		GUEST_ASSERT(a == b); /* line 14 */
		break;
	case 1:
		GUEST_ASSERT_1(a == b, a); /* line 17 */
		break;
	case 2:
		GUEST_ASSERT_2(a == b, a, b); /* line 20 */
		break;
	case 3:
		GUEST_ASSERT_3(a == b, 1, 2, 3); /* line 23 */
		break;
	case 4:
		GUEST_ASSERT_4(a == b, 1, 2, 3, 4); /* line 26 */
		break;
	case 5:
		GUEST_ASSERT_EQ(a, b); /* line 29 */
		break;
	case 6:
		GUEST_ASSERT_NE(a, a); /* line 32 */
		break;
	case 7:
		GUEST_FAIL("no luck with %d and %s", 7, "eight"); /* line 35 */
		break;
	case 8:
		ucall(UCALL_ABORT, 2, 0, 99);
		break;
	}
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>

static void each_assert(void)
{
	static const struct {
		int line, nargs;
		const char *text;
	} expected[] = {
		{ 14, 2, "assert.c:14: assertion failed: a == b" },
		{ 17, 3, "assert.c:17: assertion failed: a == b with 0x5" },
		{ 20, 4, "assert.c:20: assertion failed: a == b with 0x5, 0x6" },
		{ 23, 5, "assert.c:23: assertion failed: a == b with 0x1, 0x2, 0x3" },
		{ 26, 6, "assert.c:26: assertion failed: a == b with 0x1, 0x2, 0x3, 0x4" },
		{ 29, 4, "assert.c:29: assertion failed: a == b with 0x5, 0x6" },
		{ 32, 4, "assert.c:32: assertion failed: a != a with 0x5, 0x5" },
		{ 35, 2, "assert.c:35: no luck with 7 and eight" },
		{ 99, 2, "" },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_assert, 3, i, 5, 6);
		struct ucall uc;

		CHECK_OK(vcpu);
		CHECK_EQ(ucall_next(vcpu, &uc), -1);
		CHECK_EQ(errno, ECANCELED);
		CHECK_EQ(uc.cmd, UCALL_ABORT);
		CHECK_EQ(uc.args[1], expected[i].line);
		CHECK_EQ(uc.nargs, expected[i].nargs);
		CHECK_HAS(uc.text, expected[i].text);
		CHECK_HAS(ucall_error(), expected[i].text);
		if (i < 8) { /* a failed assert does not return */
			CHECK_EQ(ucall_next(vcpu, &uc), -1);
			CHECK_EQ(uc.args[1], expected[i].line);
		} else {
			CHECK_NEXT(vcpu, &uc, UCALL_DONE);
		}
		ucall_test_vm_free(vm);
	}
}

UCALL_TESTS({ "each kind of assert, and ABORT", .each = each_assert, .any_arch = true });

#endif
