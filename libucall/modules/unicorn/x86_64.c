// SPDX-License-Identifier: MIT
/* x86_64 guests on Unicorn. */
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/insn.h"
#include "cpu.h"

static void port(struct unicorn_vcpu *v, uint32_t number, int size, uint32_t value, bool is_write)
{
	struct ucall_exit *exit = &v->vcpu->exit;

	exit->reason = UCALL_EXIT_IO;
	exit->u.io.data = value;
	exit->u.io.count = 1;
	exit->u.io.port = (uint16_t)number;
	exit->u.io.size = (uint8_t)size;
	exit->u.io.is_write = is_write;
	unicorn_exit(v);
}

static void on_out(uc_engine *uc, uint32_t number, int size, uint32_t value, void *data)
{
	port(data, number, size, value, true);
}

/* No device answers: the guest reads 0. */
static uint32_t on_in(uc_engine *uc, uint32_t number, int size, void *data)
{
	port(data, number, size, 0, false);
	return 0;
}

static uc_err init(struct unicorn_vcpu *v)
{
	uc_hook hook;
	uc_err err;

	err = uc_hook_add(v->uc, &hook, UC_HOOK_INSN, (void *)(uintptr_t)on_out, v, 1, 0,
			  UC_X86_INS_OUT);
	if (err)
		return err;
	return uc_hook_add(v->uc, &hook, UC_HOOK_INSN, (void *)(uintptr_t)on_in, v, 1, 0,
			   UC_X86_INS_IN);
}

/* System V ABI: at a function's first instruction the return address is at RSP. */
static uc_err boot(struct unicorn_vcpu *v, const struct ucall_boot *b, uint64_t return_address)
{
	static const int args[6] = { UC_X86_REG_RDI, UC_X86_REG_RSI, UC_X86_REG_RDX,
				     UC_X86_REG_RCX, UC_X86_REG_R8,  UC_X86_REG_R9 };
	uint64_t sp = b->sp - 8;
	uc_err err = uc_mem_write(v->uc, sp, &return_address, 8);

	for (int i = 0; !err && i < 6; i++)
		err = unicorn_set(v, args[i], b->args[i]);
	if (!err)
		err = unicorn_set(v, UC_X86_REG_RSP, sp);
	if (!err)
		err = unicorn_set(v, UC_X86_REG_EFLAGS, 2);
	return err ? err : unicorn_set(v, UC_X86_REG_FS_BASE, b->tls);
}

/* The frame is aligned, as a stack is before a call. */
static uc_err call(struct unicorn_vcpu *v, uint64_t frame, uint64_t return_address)
{
	uc_err err = uc_mem_write(v->uc, frame - 8, &return_address, 8);

	if (!err)
		err = unicorn_set(v, UC_X86_REG_RSP, frame - 8);
	if (!err)
		err = unicorn_set(v, UC_X86_REG_RDI, frame);
	return err ? err : unicorn_set(v, UC_X86_REG_EFLAGS, 2);
}

/* After INT3, INTO, INT, and a step (AMD APM volume 2, 8.2: traps). */
static uint64_t resume(struct unicorn_vcpu *v, const struct ucall_exit *exit)
{
	uint8_t insn = 0;

	if (exit->u.exception.vector == VECTOR_DB)
		return unicorn_get(v, UC_X86_REG_RIP);
	if (exit->u.exception.vector == VECTOR_PF || uc_mem_read(v->uc, v->pc, &insn, 1))
		return v->pc;
	return insn == 0xcc || insn == 0xce ? v->pc + 1 : insn == 0xcd ? v->pc + 2 : v->pc;
}

static void memory_fault(struct unicorn_vcpu *v, uc_mem_type type, uint64_t address,
			 struct ucall_exit *exit)
{
	/* Unicorn does not check for canonical addresses; the architecture does. */
	if ((int64_t)(address << 16) >> 16 != (int64_t)address)
		unicorn_exception(exit, VECTOR_GP, 0, 0, 0);
	else
		unicorn_exception(exit, VECTOR_PF,
				  (unicorn_is_denied(type) ? PF_PRESENT : 0) |
					  (unicorn_is_write(type) ? PF_WRITE : 0) |
					  (unicorn_is_fetch(type) ? PF_FETCH : 0),
				  address, 0);
}

static size_t read_code(struct unicorn_vcpu *v, uint8_t *code, size_t size)
{
	size_t n = 0;

	while (n < size && !uc_mem_read(v->uc, v->pc + n, &code[n], 1))
		n++;
	return n;
}

/*
 * True if it is DIV or IDIV (AMD APM volume 3, appendix A: F6 and F7 with /6 and /7, after
 * prefixes).
 */
static bool is_division(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size && (code[i] == 0x66 || code[i] == 0x67 || (code[i] & 0xf0) == 0x40))
		i++;
	return i + 1 < size && (code[i] & 0xfe) == 0xf6 && (code[i + 1] & 0x30) == 0x30;
}

/*
 * Unicorn considers an exception handled only if it has called the guest's own handler, which it
 * cannot.  So it turns a second #DE or #GP into #DF, and halts from the third on: the instruction
 * tells which one it was.
 */
static uint32_t original_vector(struct unicorn_vcpu *v)
{
	uint8_t code[UCALL_X86_64_INSN];
	size_t n = read_code(v, code, sizeof(code));

	return is_division(code, n) ? VECTOR_DE : VECTOR_GP;
}

static void interrupt(struct unicorn_vcpu *v, uint32_t number, struct ucall_exit *exit)
{
	/* Exceptions with an error code, which Unicorn does not report. */
	bool has_code = number == VECTOR_DF || (number >= VECTOR_TS && number <= VECTOR_PF) ||
			number == VECTOR_AC;

	unicorn_exception(exit, number == VECTOR_DF ? original_vector(v) : number, 0, 0,
			  has_code ? UCALL_UNKNOWN_CODE : 0);
}

static bool halts_by_exception(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	uint8_t code[UCALL_X86_64_INSN];
	size_t n = read_code(v, code, sizeof(code));

	if (!n || ucall_x86_64_halt(code, n))
		return false;
	interrupt(v, VECTOR_DF, exit);
	return true;
}

static void invalid_insn(struct unicorn_vcpu *v, struct ucall_exit *exit)
{
	unicorn_exception(exit, VECTOR_UD, 0, 0, 0);
}

const struct unicorn_cpu unicorn_x86_64 = {
	.uc_arch = UC_ARCH_X86,
	.uc_mode = UC_MODE_64,
	.gpr = { UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX, UC_X86_REG_RSP,
		 UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI, UC_X86_REG_R8, UC_X86_REG_R9,
		 UC_X86_REG_R10, UC_X86_REG_R11, UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14,
		 UC_X86_REG_R15 },
	.pc = UC_X86_REG_RIP,
	.sp = UC_X86_REG_RSP,
	.flags = UC_X86_REG_EFLAGS,
	.argument = 7,
	.init = init,
	.spin = { 0xeb, 0xfe, 0xeb, 0xfe },
	.boot = boot,
	.call = call,
	.resume = resume,
	.memory_fault = memory_fault,
	.interrupt = interrupt,
	.halts_by_exception = halts_by_exception,
	.invalid_insn = invalid_insn,
};
