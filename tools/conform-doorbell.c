// SPDX-License-Identifier: MIT
/* `ucall conform`: a doorbell's exits, and what it must leave alone. */
#include <stdio.h>
#include <string.h>

#include "conform-file.h"
#include "conform.h"

/* ---- exits that are not its own ---- */

void each_declines(void)
{
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	/* With TDX, HLT does not exit. */
	bool halts = !ucall_vm_has_irqchip(vm) &&
		     ucall_vm_protection_bit(vm) != UCALL_PROTECT_TDX;
	struct ucall_vcpu *vcpu = ADD(vm, conform_other_exits, 1, halts, 0);
	struct ucall uc;
	int others = 0, cmd;

	CHECK_OK(!ucall_vm_launch(vm));
	do {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
		others += cmd == UCALL_NONE;
		CHECK(cmd >= 0);
	} while (cmd == UCALL_NONE && others < 10);
	CHECK_EQ(cmd, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	if (!strcmp(ucall_test_arch(), "x86_64"))
		CHECK_EQ(others, 2 + halts);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

static const char *name_exit(const struct ucall_exit *exit)
{
	static const char *const names[] = {
		"none (the vCPU has not run)",
		"port I/O",
		"MMIO",
		"a halt",
		"a DIAG",
		"an SBI call",
		"an MSR access",
		"a shutdown",
		"a guest exception",
		"a timeout",
		"a kick",
		"an unknown exit",
		"a memory fault",
		"a termination",
		"a step",
		"a fatal error",
	};
	static char text[128];
	const char *name = exit->reason < sizeof(names) / sizeof(names[0])
				   ? names[exit->reason]
				   : "an invalid exit reason";

	if (exit->reason == UCALL_EXIT_IO)
		snprintf(text, sizeof(text), "%s port 0x%x",
			 exit->u.io.is_write ? "OUT to" : "IN from", exit->u.io.port);
	else if (exit->reason == UCALL_EXIT_MMIO)
		snprintf(text, sizeof(text), "%s 0x%llx",
			 exit->u.mmio.is_write ? "a store to" : "a load from",
			 (unsigned long long)exit->u.mmio.gpa);
	else if (exit->reason == UCALL_EXIT_MSR)
		snprintf(text, sizeof(text), "%s 0x%llx",
			 exit->u.msr.is_write ? "WRMSR of" : "RDMSR of",
			 (unsigned long long)exit->u.msr.index);
	else
		snprintf(text, sizeof(text), "%s", name);
	return text;
}

/* True if either recv function claims the exit. */
static bool claims(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	const struct ucall_ops *ops = conform_ops();
	const struct ucall_vm *vm = ucall_vcpu_vm(vcpu);
	uint64_t where;

	CHECK_OK(ops);
	return (ops->recv_cmd && ucall_vm_protection_bit(vm) == UCALL_PROTECT_NONE &&
		ops->recv_cmd(vcpu, exit, &where)) ||
	       (ops->recv_cmd_shared && ops->recv_cmd_shared(vcpu, exit));
}

/* Turns the doorbell's exit into one from another device.  False if its kind names no device. */
static bool change_device(struct ucall_exit *exit, unsigned int which)
{
	switch (exit->reason) {
	case UCALL_EXIT_IO:
		exit->u.io.port ^= which ? 0x4000 : 0x100;
		return true;
	case UCALL_EXIT_MMIO:
		exit->u.mmio.gpa ^= which ? 1ull << 32 : 0x10000;
		return true;
	case UCALL_EXIT_MSR:
		exit->u.msr.index ^= which ? 0x1000 : 0x10;
		return true;
	case UCALL_EXIT_DIAG:
		exit->u.diag.code ^= which ? 0x400 : 0x10;
		return true;
	case UCALL_EXIT_SBI:
		exit->u.sbi.extension ^= which ? 0x1000000 : 0x100;
		return true;
	default:
		return false;
	}
}

/* recv functions see every exit: these belong to no backend, the last ones to other devices. */
void each_made_up(void)
{
	const struct ucall_exit exits[] = {
		{ .reason = UCALL_EXIT_NONE },
		{ .reason = UCALL_EXIT_SHUTDOWN },
		{ .reason = UCALL_EXIT_EXCEPTION, .u.exception = { .vector = 6 } },
		{ .reason = UCALL_EXIT_TIMEOUT },
		{ .reason = UCALL_EXIT_KICK },
		{ .reason = UCALL_EXIT_OTHER, .native = 0xffffffff },
		{ .reason = UCALL_EXIT_MEMORY, .u.memory = { .gpa = 0x1000 } },
		{ .reason = UCALL_EXIT_TERMINATE },
		{ .reason = UCALL_EXIT_FATAL },
		{ .reason = UCALL_EXIT_IO, .u.io = { .port = 0x7a5, .size = 4, .count = 3 } },
		{ .reason = UCALL_EXIT_MMIO, .u.mmio = { .gpa = 0xfedcba987000, .size = 3 } },
		{ .reason = UCALL_EXIT_MSR, .u.msr = { .index = 0xdeadbeef } },
		{ .reason = UCALL_EXIT_DIAG, .u.diag = { .code = 0x44 } },
		{ .reason = UCALL_EXIT_SBI, .u.sbi = { .extension = 0x10, .function = 9 } },
		{ .reason = 0x7fffffff },
	};
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 1);

	CHECK_OK(!ucall_vm_launch(vm));
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++)
		if (claims(vcpu, &exits[i]))
			FAIL("it claims an exit that is not its own: %s; compare reason, "
			     "direction, size and address "
			     "with those of the doorbell",
			     name_exit(&exits[i]));
	CHECK_OK(!ucall_vcpu_run(vcpu));
	for (unsigned int i = 0; i < 2; i++) {
		struct ucall_exit other = *ucall_vcpu_exit(vcpu);

		if (change_device(&other, i) && claims(vcpu, &other))
			FAIL("it claims an exit that is not its own: %s; compare reason, "
			     "direction, size and address "
			     "with those of the doorbell",
			     name_exit(&other));
	}
	if (ucall_vcpu_exit(vcpu)->reason != UCALL_EXIT_HALT &&
	    claims(vcpu, &(struct ucall_exit){ .reason = UCALL_EXIT_HALT }))
		FAIL("it claims every halt, but its doorbell is %s: a guest's own halt would be "
		     "taken for a ucall; do not claim UCALL_EXIT_HALT",
		     name_exit(ucall_vcpu_exit(vcpu)));
	CHECK_EQ(get_ucall(vcpu, NULL), UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* A read needs an answer from the host; KVM would give the guest whatever was there. */
static bool is_read(const struct ucall_exit *exit)
{
	return (exit->reason == UCALL_EXIT_IO && !exit->u.io.is_write) ||
	       (exit->reason == UCALL_EXIT_MMIO && !exit->u.mmio.is_write) ||
	       (exit->reason == UCALL_EXIT_MSR && !exit->u.msr.is_write);
}

void each_writes(void)
{
	struct ucall_vm *vm = conform_vm(UCALL_VIA_DEFAULT);
	struct ucall_vcpu *vcpu = ADD(vm, conform_count, 2, 1, 3);
	struct ucall_exit exit;
	struct ucall uc;
	int cmd;

	CHECK_OK(!ucall_vm_launch(vm));
	do {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		exit = *ucall_vcpu_exit(vcpu);
		cmd = get_ucall(vcpu, &uc);
		CHECK_OK(cmd > 0);
		if (is_read(&exit))
			FAIL("the doorbell is %s: a read needs an answer, which this host does "
			     "not give; use OUT, a store or WRMSR, and check is_write",
			     name_exit(&exit));
	} while (cmd != UCALL_DONE);
	/* The last exit, as if it had been a read. */
	exit.u.io.is_write = exit.reason == UCALL_EXIT_IO ? 0 : exit.u.io.is_write;
	if (exit.reason == UCALL_EXIT_MMIO)
		exit.u.mmio.is_write = 0;
	if (exit.reason == UCALL_EXIT_MSR)
		exit.u.msr.is_write = 0;
	if (is_read(&exit) && claims(vcpu, &exit))
		FAIL("it also claims a read, %s: check is_write", name_exit(&exit));
}

/* ---- what a doorbell must leave alone ---- */

/* In the order of conform-ring.S. */
static const struct {
	const char *arch, *names[16];
} registers[] = {
	{ "x86_64", { "rbx", "rbp", "r12", "r13", "r14", "r15", "rsp", "DF" } },
	{ "aarch64",
	  { "x19", "x20", "x21", "x22", "x23", "x24", "x25", "x26", "x27", "x28", "x29", "sp" } },
	{ "s390x", { "r6", "r7", "r8", "r9", "r10", "r11", "r12", "r13", "r15" } },
	{ "riscv64",
	  { "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "gp", "tp",
	    "sp" } },
};

static const char *name_register(uint64_t n)
{
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if (!strcmp(registers[i].arch, ucall_test_arch()) && n < 16 &&
		    registers[i].names[n])
			return registers[i].names[n];
	return "a register";
}

/* A doorbell that changes these causes a fault elsewhere, or none yet. */
void check_registers(enum ucall_via via)
{
	struct ucall_vm *vm = conform_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_registers, 0, 0, 0);
	struct ucall uc;
	int cmd;

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, CONFORM_USER);
	cmd = ucall_next(vcpu, &uc);
	CHECK_OK(cmd > 0);
	if (cmd == CONFORM_CHANGED && !strcmp(name_register(uc.args[0]), "DF"))
		FAIL("the doorbell leaves the direction flag (DF) set, which a C function must "
		     "find clear: end "
		     "with cld");
	if (cmd == CONFORM_CHANGED)
		FAIL("the doorbell changes %s, which a C function must keep (it was 0x%llx, and is "
		     "0x%llx): name it "
		     "among the clobbers of its asm, or use another register",
		     name_register(uc.args[0]), (unsigned long long)uc.args[1],
		     (unsigned long long)uc.args[2]);
	CHECK_EQ(cmd, CONFORM_KEPT);
}

void check_mailbox(enum ucall_via via)
{
	static const struct {
		size_t from;
		const char *name;
	} parts[] = {
		{ offsetof(struct ucall_mailbox, fault), "the fault area" },
		{ offsetof(struct ucall_mailbox, reserved1), "a reserved field" },
		{ offsetof(struct ucall_mailbox, ghcb), "ghcb" },
		{ offsetof(struct ucall_mailbox, vcpu), "vcpu, the vCPU's number" },
		{ offsetof(struct ucall, text), "the message's text" },
		{ 0, "the message's arguments" },
	};
	struct ucall_vm *vm = conform_vm(via);
	struct ucall_vcpu *vcpu = ADD(vm, conform_mailbox, 0, 0, 0);
	struct ucall uc;
	size_t i = 0;
	int cmd;

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, CONFORM_USER);
	cmd = ucall_next(vcpu, &uc);
	CHECK_OK(cmd > 0);
	if (cmd == CONFORM_CHANGED) {
		while (uc.args[0] < parts[i].from)
			i++;
		FAIL("the doorbell writes to the mailbox at offset %llu, %s (it was 0x%llx, and is "
		     "0x%llx): it may write only the message's head, to acknowledge a message",
		     (unsigned long long)uc.args[0], parts[i].name, (unsigned long long)uc.args[1],
		     (unsigned long long)uc.args[2]);
	}
	CHECK_EQ(cmd, CONFORM_KEPT);
}
