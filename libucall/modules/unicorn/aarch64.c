// SPDX-License-Identifier: MIT
/* aarch64 guests on Unicorn: EL1, MMU off. */
#include "arch/aarch64/exceptions.h"
#include "protect/protect.h"
#include "cpu.h"

/* Unicorn's exception numbers. */
#define UC_UDEF 1
#define UC_SVC 2
#define UC_DATA_ABORT 4
#define UC_BRK 7
#define UC_HVC 11
#define UC_SMC 13

#define LEVEL 3 /* what a guest with page tables would see */

static uc_err init(struct unicorn_vcpu *v)
{
	/* Makes HVC an exception of its own, instead of an undefined instruction. */
	uc_arm64_cp_reg scr = { .crn = 1, .crm = 1, .op0 = 3, .op1 = 6, .op2 = 0, .val = 0x501 };
	uc_arm64_cp_reg hcr = {
		.crn = 1, .crm = 1, .op0 = 3, .op1 = 4, .op2 = 0, .val = 1ull << 31
	};
	uc_err err = uc_reg_write(v->uc, UC_ARM64_REG_CP_REG, &scr);

	return err ? err : uc_reg_write(v->uc, UC_ARM64_REG_CP_REG, &hcr);
}

static uc_err boot(struct unicorn_vcpu *v, const struct ucall_boot *b, uint64_t return_address)
{
	uc_err err = unicorn_set(v, UC_ARM64_REG_SP, b->sp);

	for (int i = 0; !err && i < 6; i++)
		err = unicorn_set(v, UC_ARM64_REG_X0 + i, b->args[i]);
	if (!err)
		err = unicorn_set(v, UC_ARM64_REG_TPIDR_EL0, b->tls);
	return err ? err : unicorn_set(v, UC_ARM64_REG_X30, return_address);
}

static uc_err call(struct unicorn_vcpu *v, uint64_t frame, uint64_t return_address)
{
	uc_err err = unicorn_set(v, UC_ARM64_REG_SP, frame);

	if (!err)
		err = unicorn_set(v, UC_ARM64_REG_X0, frame);
	return err ? err : unicorn_set(v, UC_ARM64_REG_X30, return_address);
}

/* After SVC, HVC and SMC (Arm ARM, D1.3.1: the preferred return address). */
static uint64_t resume(struct unicorn_vcpu *v, const struct ucall_exit *exit)
{
	uint64_t ec = exit->u.exception.vector;

	return ec == EC_SVC || ec == EC_HVC || ec == EC_SMC ? v->pc + 4 : v->pc;
}

static void raise(struct ucall_exit *exit, uint64_t esr, uint64_t address, uint32_t unknown)
{
	unicorn_exception(exit, ESR_EC(esr), esr, address, unknown);
}

static void memory_fault(struct unicorn_vcpu *v, uc_mem_type type, uint64_t address,
			 struct ucall_exit *exit)
{
	uint64_t iss =
		unicorn_is_denied(type) ? STATUS_PERMISSION(LEVEL) : STATUS_TRANSLATION(LEVEL);

	if (unicorn_is_write(type))
		iss |= ISS_WRITE;
	raise(exit, ESR(unicorn_is_fetch(type) ? EC_FETCH : EC_DATA, iss), address, 0);
}

/* The immediate of SVC, HVC, SMC and BRK. */
static uint64_t immediate(struct unicorn_vcpu *v)
{
	uint32_t insn = 0;

	uc_mem_read(v->uc, v->pc, &insn, sizeof(insn));
	return insn >> 5 & 0xffff;
}

static void interrupt(struct unicorn_vcpu *v, uint32_t number, struct ucall_exit *exit)
{
	uint32_t unknown = 0;
	uint64_t esr = 0;

	switch (number) {
	case UC_UDEF:
		esr = ESR(EC_UNKNOWN, 0);
		break;
	case UC_SVC:
		esr = ESR(EC_SVC, immediate(v));
		break;
	case UC_HVC:
		esr = ESR(EC_HVC, immediate(v));
		break;
	case UC_SMC:
		esr = ESR(EC_SMC, immediate(v));
		break;
	case UC_BRK:
		esr = ESR(EC_BRK, immediate(v));
		break;
	case UC_DATA_ABORT: /* the others come as bad accesses */
		esr = ESR(EC_DATA, STATUS_ALIGNMENT);
		unknown = UCALL_UNKNOWN_ADDRESS;
		break;
	default:
		unknown = UCALL_UNKNOWN_VECTOR | UCALL_UNKNOWN_CODE | UCALL_UNKNOWN_ADDRESS;
	}
	raise(exit, esr, 0, unknown);
}

static void invalid_insn(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	interrupt(v, UC_UDEF, exit);
}

#define X(n) UC_ARM64_REG_X##n
static bool hypercall(struct unicorn_vcpu *v, uint32_t number)
{
	const struct ucall_emulation *emulation = v->vcpu->vm->protection->emulation;
	uint64_t args[4];

	if (number != UC_HVC || !emulation)
		return false;
	for (int i = 0; i < 4; i++)
		args[i] = unicorn_get(v, UC_ARM64_REG_X0 + i);
	unicorn_set(v, UC_ARM64_REG_X0, emulation->hypercall(v->vcpu, args));
	return true;
}

const struct unicorn_cpu unicorn_aarch64 = {
	.uc_arch = UC_ARCH_ARM64,
	.uc_mode = UC_MODE_ARM,
	.gpr = { X(0),	X(1),  X(2),  X(3),  X(4),  X(5),  X(6),  X(7),	 X(8),	X(9),  X(10),
		 X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20), X(21),
		 X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30) },
	.pc = UC_ARM64_REG_PC,
	.sp = UC_ARM64_REG_SP,
	.flags = UC_ARM64_REG_PSTATE,
	.init = init,
	.spin = { 0x00, 0x00, 0x00, 0x14 },
	.boot = boot,
	.call = call,
	.resume = resume,
	.memory_fault = memory_fault,
	.hypercall = hypercall,
	.interrupt = interrupt,
	.invalid_insn = invalid_insn,
};
