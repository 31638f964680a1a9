// SPDX-License-Identifier: MIT
/* riscv64 guests on Unicorn: M-mode, no translation. */
#include "arch/riscv64/exceptions.h"
#include "cpu.h"

#define UC_ECALL 8 /* in every mode */

/* SBI specification, 3: the answer for an unknown extension. */
#define SBI_ERR_NOT_SUPPORTED ((uint64_t)-2)

static uc_err boot(struct unicorn_vcpu *v, const struct ucall_boot *b, uint64_t return_address)
{
	uc_err err = unicorn_set(v, UC_RISCV_REG_X2, b->sp);

	for (int i = 0; !err && i < 6; i++)
		err = unicorn_set(v, UC_RISCV_REG_X10 + i, b->args[i]);
	if (!err)
		err = unicorn_set(v, UC_RISCV_REG_X4, b->tls);
	return err ? err : unicorn_set(v, UC_RISCV_REG_X1, return_address);
}

static uc_err call(struct unicorn_vcpu *v, uint64_t frame, uint64_t return_address)
{
	uc_err err = unicorn_set(v, UC_RISCV_REG_X2, frame);

	if (!err)
		err = unicorn_set(v, UC_RISCV_REG_X10, frame);
	return err ? err : unicorn_set(v, UC_RISCV_REG_X1, return_address);
}

static void memory_fault(struct unicorn_vcpu *v, uc_mem_type type, uint64_t address,
			 struct ucall_exit *exit)
{
	unicorn_exception(exit,
			  unicorn_is_fetch(type)   ? CAUSE_FETCH_ACCESS
			  : unicorn_is_write(type) ? CAUSE_STORE_ACCESS
						   : CAUSE_LOAD_ACCESS,
			  0, address, 0);
}

static void interrupt(struct unicorn_vcpu *v, uint32_t number, struct ucall_exit *exit)
{
	/* Its hook may not have been called.  Unicorn's pc is 4 behind, whatever its length. */
	if (number == CAUSE_ILLEGAL)
		v->pc = unicorn_get(v, UC_RISCV_REG_PC) - 4;
	if (number != UC_ECALL) {
		unicorn_exception(exit, number, 0, 0, UCALL_UNKNOWN_ADDRESS);
		return;
	}
	exit->reason = UCALL_EXIT_SBI;
	exit->u.sbi.extension = unicorn_get(v, UC_RISCV_REG_X17);
	exit->u.sbi.function = unicorn_get(v, UC_RISCV_REG_X16);
	for (int i = 0; i < 6; i++)
		exit->u.sbi.args[i] = unicorn_get(v, UC_RISCV_REG_X10 + i);
	/* As in KVM, unless the host sets another answer. */
	unicorn_set(v, UC_RISCV_REG_X10, SBI_ERR_NOT_SUPPORTED);
	unicorn_set(v, UC_RISCV_REG_X11, 0);
}

/* EBREAK is reported as an invalid instruction. */
static void invalid_insn(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	static const uint8_t ebreak[4] = { 0x73, 0x00, 0x10, 0x00 };
	uint8_t b[4] = { 0 };
	bool is_break;

	uc_mem_read(v->uc, v->pc, b, 2);
	is_break = b[0] == 0x02 && b[1] == 0x90; /* c.ebreak */
	if (!is_break && !uc_mem_read(v->uc, v->pc, b, 4))
		is_break = b[0] == ebreak[0] && b[1] == ebreak[1] && b[2] == ebreak[2] &&
			   b[3] == ebreak[3];
	unicorn_exception(exit, is_break ? CAUSE_BREAKPOINT : CAUSE_ILLEGAL, 0, 0, 0);
}

#define X(n) UC_RISCV_REG_X##n
const struct unicorn_cpu unicorn_riscv64 = {
	.uc_arch = UC_ARCH_RISCV,
	.uc_mode = UC_MODE_RISCV64,
	.gpr = { X(0),	X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),	 X(8),	X(9),  X(10),
		 X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21),
		 X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30), X(31) },
	.pc = UC_RISCV_REG_PC,
	.sp = UC_RISCV_REG_X2,
	.flags = UC_RISCV_REG_SSTATUS,
	.argument = 10,
	.spin = { 0x6f, 0x00, 0x00, 0x00 },
	.boot = boot,
	.call = call,
	.memory_fault = memory_fault,
	.interrupt = interrupt,
	.invalid_insn = invalid_insn,
};
