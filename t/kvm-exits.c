// SPDX-License-Identifier: MIT
/* Hand-made KVM exits of every architecture, decoded to struct ucall_exit. */
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "arch/riscv64/riscv64.h"
#include "arch/s390x/s390x.h"

/* ---- s390x ---- */

struct s390x {
	struct kvm_run run;
	uint64_t gprs[16];
};

static void start(struct s390x *s, uint8_t icptcode, uint16_t ipa, uint32_t ipb)
{
	memset(s, 0, sizeof(*s));
	s->run.exit_reason = KVM_EXIT_S390_SIEIC;
	s->run.s390_sieic.icptcode = icptcode;
	s->run.s390_sieic.ipa = ipa;
	s->run.s390_sieic.ipb = ipb;
	for (uint64_t i = 0; i < 16; i++)
		s->gprs[i] = 0x1000 + i;
}

static void check_diag(uint16_t ipa, uint32_t ipb, uint32_t code, uint32_t reg)
{
	struct ucall_exit exit;
	struct s390x s;

	start(&s, 4, ipa, ipb);
	memset(&exit, 0xff, sizeof(exit));
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 1);
	CHECK_EQ(exit.reason, UCALL_EXIT_DIAG);
	CHECK_EQ(exit.u.diag.code, code);
	CHECK_EQ(exit.u.diag.reg, reg);
	CHECK_EQ(exit.u.diag.value, 0x1000 + reg);
}

static void once_diag(void)
{
	struct ucall_exit exit;
	struct s390x s;

	check_diag(0x8320, 0x05010000, 0x501, 2); /* diag 2,0,0x501 */
	check_diag(0x83f7, 0x05000000, 0x500, 15); /* the second register does not matter */
	check_diag(0x8330, 0x30010000, 0x1004, 3); /* diag 3,0,1(3) */
	check_diag(0x8330, 0x0fff0000, 0xfff, 3);
	/* Only the last 16 bits of the sum count. */
	start(&s, 4, 0x8350, 0x70020000);
	s.gprs[7] = 0xffffffffffff04ff;
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 1);
	CHECK_EQ(exit.u.diag.code, 0x501);
	/* Another instruction, another interception, another exit. */
	start(&s, 4, 0xb220, 0x05010000);
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 0);
	start(&s, 0x28, 0x8320, 0x05010000);
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 0);
	start(&s, 4, 0x8320, 0x05010000);
	s.run.exit_reason = KVM_EXIT_S390_RESET;
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 0);
}

static void once_wait(void)
{
	struct ucall_exit exit;
	struct s390x s;

	start(&s, 0x1c, 0, 0);
	CHECK_EQ(ucall_s390x_decode(&s.run, s.gprs, &exit), 1);
	CHECK_EQ(exit.reason, UCALL_EXIT_HALT);
}

/* ---- riscv64 ---- */

static void once_sbi(void)
{
	struct kvm_run run;
	struct ucall_exit exit;

	memset(&run, 0, sizeof(run));
	run.exit_reason = KVM_EXIT_RISCV_SBI;
	run.riscv_sbi.extension_id = 0x08554341;
	run.riscv_sbi.function_id = 7;
	for (unsigned int i = 0; i < 6; i++)
		run.riscv_sbi.args[i] = 100 + i;
	CHECK_EQ(ucall_riscv64_decode(&run, &exit), 1);
	CHECK_EQ(exit.reason, UCALL_EXIT_SBI);
	CHECK_EQ(exit.u.sbi.extension, 0x08554341);
	CHECK_EQ(exit.u.sbi.function, 7);
	for (unsigned int i = 0; i < 6; i++)
		CHECK_EQ(exit.u.sbi.args[i], 100 + i);
	run.exit_reason = KVM_EXIT_RISCV_CSR;
	CHECK_EQ(ucall_riscv64_decode(&run, &exit), 0);
}

UCALL_TESTS({ "s390x: DIAG", .once = once_diag }, { "s390x: waits", .once = once_wait },
	    { "riscv64: SBI", .once = once_sbi });
