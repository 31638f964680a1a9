// SPDX-License-Identifier: MIT
/* A failed assert reports the guest's file and line, the expression and the values. */
#include "confidential.h"

static UCALL_GUEST void guest_assert(uint64_t which, uint64_t a, uint64_t b)
{
	GUEST_ASSERT(a != b);
	GUEST_ASSERT_4(a != b, 1, 2, 3, 4);
	GUEST_ASSERT_NE(a, b);
	switch (which) {
	case 0:
		GUEST_ASSERT(a == b); /* line 12 */
		break;
	case 1:
		GUEST_ASSERT_1(a == b, a); /* line 15 */
		break;
	case 2:
		GUEST_ASSERT_2(a == b, a, b); /* line 18 */
		break;
	case 3:
		GUEST_ASSERT_3(a == b, 1, 2, 3); /* line 21 */
		break;
	case 4:
		GUEST_ASSERT_4(a == b, 1, 2, 3, 4); /* line 24 */
		break;
	case 5:
		GUEST_ASSERT_EQ(a, b); /* line 27 */
		break;
	case 6:
		GUEST_ASSERT_NE(a, a); /* line 30 */
		break;
	case 7:
		GUEST_FAIL("no luck with %d and %s", 7, "eight"); /* line 33 */
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
		{ 12, 2, "assert.c:12: assertion failed: a == b" },
		{ 15, 3, "assert.c:15: assertion failed: a == b with 0x5" },
		{ 18, 4, "assert.c:18: assertion failed: a == b with 0x5, 0x6" },
		{ 21, 5, "assert.c:21: assertion failed: a == b with 0x1, 0x2, 0x3" },
		{ 24, 6, "assert.c:24: assertion failed: a == b with 0x1, 0x2, 0x3, 0x4" },
		{ 27, 4, "assert.c:27: assertion failed: a == b with 0x5, 0x6" },
		{ 30, 4, "assert.c:30: assertion failed: a != a with 0x5, 0x5" },
		{ 33, 2, "assert.c:33: no luck with 7 and eight" },
		{ 99, 2, "" },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_assert, 3, i, 5, 6);
		struct ucall uc;

		CHECK_OK(vcpu && !ucall_vm_launch(vm));
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

UCALL_TESTS({ "each kind of assert, and ABORT", .each = each_assert, .any_arch = true },
	    EACH_PROTECTED("each kind of assert, and ABORT", .each = each_assert,
			   .config.guest_vc = true));

#endif
