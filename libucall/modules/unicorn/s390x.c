// SPDX-License-Identifier: MIT
/* s390x guests on Unicorn: address translation off. */
#include "arch/s390x/s390x.h"
#include "cpu.h"

#define PSW_64BIT \
	0x0000000180000000ull /* EA BA: addresses of 64 bits (Principles of Operation, 4-5) */
#define PSW_WAIT 0x0002000000000000ull

#define UC_SVC 2
#define UC_PGM 3

static uc_err boot(struct unicorn_vcpu *v, const struct ucall_boot *b, uint64_t return_address)
{
	/* ELF ABI supplement: a register save area of 160 bytes, then what is not in registers. */
	uint64_t sp = b->sp - 176, sixth = __builtin_bswap64(b->args[5]);
	uc_err err =
		uc_mem_write(v->uc, sp + 160,
			     __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? &sixth : &b->args[5], 8);

	for (int i = 0; !err && i < 5; i++)
		err = unicorn_set(v, UC_S390X_REG_R2 + i, b->args[i]);
	if (!err)
		err = unicorn_set(v, UC_S390X_REG_R15, sp);
	if (!err)
		err = unicorn_set(v, UC_S390X_REG_R14, return_address);
	return err ? err : unicorn_set(v, UC_S390X_REG_PSWM, PSW_64BIT);
}

/* ELF ABI supplement: a callee's register save area lies below. */
static uc_err call(struct unicorn_vcpu *v, uint64_t frame, uint64_t return_address)
{
	uc_err err = unicorn_set(v, UC_S390X_REG_R15, frame - 160);

	if (!err)
		err = unicorn_set(v, UC_S390X_REG_R2, frame);
	if (!err)
		err = unicorn_set(v, UC_S390X_REG_PSWM, PSW_64BIT);
	return err ? err : unicorn_set(v, UC_S390X_REG_R14, return_address);
}

/*
 * After the instruction, whose first two bits give its length; v->pc if there is none (Principles
 * of Operation, 6-8).
 */
static uint64_t resume(struct unicorn_vcpu *v, const struct ucall_exit *exit)
{
	uint8_t insn = 0;

	if (uc_mem_read(v->uc, v->pc, &insn, 1))
		return v->pc;
	return v->pc + (insn < 0x40 ? 2 : insn < 0xc0 ? 4 : 6);
}

/* The previous instruction loaded a PSW: true if it waits, which is then the exit. */
static bool waits(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	uint64_t psw = unicorn_get(v, UC_S390X_REG_PSWM);

	v->psw_loaded = false;
	if (!(psw & PSW_WAIT))
		return false;
	unicorn_set(v, UC_S390X_REG_PSWM, psw & ~PSW_WAIT);
	exit->reason = UCALL_EXIT_HALT;
	return true;
}

/*
 * True for instructions whose length is in a register: Unicorn does up to 16 MiB (MVCL, CLCL) or
 * some KiB (the others) in one go.
 */
static bool takes_long(const uint8_t *code)
{
	switch (code[0]) {
	case 0x0e: /* MVCL */
	case 0x0f: /* CLCL */
	case 0xa8: /* MVCLE */
	case 0xa9: /* CLCLE */
		return true;
	case 0xb2: /* CKSM, MVST, CUSE, CLST, SRST, TRE, CU21, CU12 */
		return code[1] == 0x41 || (code[1] >= 0x55 && code[1] <= 0x5e) ||
		       (code[1] >= 0xa5 && code[1] <= 0xa7);
	case 0xb9: /* TRTT to TROO, CU14 to CU42, SRSTU, TRTRE, TRTE */
		return (code[1] >= 0x90 && code[1] <= 0x93) || (code[1] >= 0xb0 && code[1] <= 0xbf);
	default:
		return false;
	}
}

/* DIAG, which Unicorn skips; and a PSW that waits, with which it just goes on. */
static bool insn(struct unicorn_vcpu *v, const uint8_t *code, struct ucall_exit *exit)
{
	struct s390x_diag diag;

	if (v->psw_loaded && waits(v, exit))
		return true;
	v->psw_loaded = code[0] == 0x82 || (code[0] == 0xb2 && code[1] == 0xb2); /* LPSW, LPSWE */
	if (takes_long(code))
		v->budget = 0;
	if (!s390x_parse_diag((uint32_t)code[0] << 24 | code[1] << 16 | code[2] << 8 | code[3],
			      &diag))
		return false;
	s390x_diag_exit(&diag, unicorn_get(v, v->cpu->gpr[diag.base]),
			unicorn_get(v, v->cpu->gpr[diag.reg]), exit);
	return true;
}

static void memory_fault(struct unicorn_vcpu *v, uc_mem_type type, uint64_t address,
			 struct ucall_exit *exit)
{
	unicorn_exception(exit,
			  unicorn_is_denied(type) ? S390X_PGM_PROTECTION : S390X_PGM_ADDRESSING,
			  unicorn_is_write(type), address, 0);
}

static void interrupt(struct unicorn_vcpu *v, uint32_t number, struct ucall_exit *exit)
{
	uint64_t pc = unicorn_get(v, UC_S390X_REG_PC);
	uint8_t bytes[2];

	if (v->psw_loaded && waits(v, exit))
		return;
	if (number == UC_SVC) {
		if (uc_mem_read(v->uc, v->pc, bytes, 2))
			bytes[1] = 0;
		unicorn_exception(exit, UCALL_S390X_SVC, bytes[1], 0, 0);
	} else if (uc_mem_read(v->uc, pc, bytes, 2)) {
		/* A fetch from unmapped memory comes here, not as a bad access. */
		v->pc = pc;
		unicorn_exception(exit, S390X_PGM_ADDRESSING, 0, pc, 0);
	} else {
		unicorn_exception(exit, UCALL_S390X_PROGRAM, 0, 0,
				  UCALL_UNKNOWN_VECTOR | UCALL_UNKNOWN_CODE |
					  UCALL_UNKNOWN_ADDRESS);
	}
}

static void invalid_insn(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	unicorn_exception(exit, S390X_PGM_OPERATION, 0, 0, 0);
}

#define R(n) UC_S390X_REG_R##n
const struct unicorn_cpu unicorn_s390x = {
	.uc_arch = UC_ARCH_S390X,
	.uc_mode = UC_MODE_BIG_ENDIAN,
	.gpr = { R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12),
		 R(13), R(14), R(15) },
	.pc = UC_S390X_REG_PC,
	.sp = UC_S390X_REG_R15,
	.flags = UC_S390X_REG_PSWM,
	.argument = 2,
	.maybe_access = UC_PGM,
	.spin = { 0xa7, 0xf4, 0x00, 0x00 },
	.boot = boot,
	.call = call,
	.resume = resume,
	.insn = insn,
	.memory_fault = memory_fault,
	.interrupt = interrupt,
	.invalid_insn = invalid_insn,
};
