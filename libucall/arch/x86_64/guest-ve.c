// SPDX-License-Identifier: MIT
/*
 * The core's #VE handler, for VMs with `guest_vc`: port I/O, MMIO, CPUID, MSRs and HLT by TDG.VP.VMCALL
 * (GHCI, 3).  It is a part of the stubs (arch/stubs.h), and must be self-contained.
 *
 * What raised the exception is known from the TDX module, which the guest trusts.  The host's answers are
 * not trusted: only as many bytes as were asked for are taken, CPUID is the host's for the hypervisor's
 * own leaves only, and it is asked for no address that is the guest's own.
 */
#include <ucall/tdx.h>

#include "arch/stubs.h"
#include "exceptions.h"
#include "exits.h"

/* Intel SDM volume 3, table 28-5 */
#define IO_SIZE(q) (((unsigned int)(q)&7) + 1)
#define IO_IN(q) ((q) >> 3 & 1)
#define IO_STRING(q) ((q) >> 4 & 1)
#define IO_PORT(q) ((uint16_t)((q) >> 16))

UCALL_STUB_OWN uint64_t low_bytes(uint64_t value, unsigned int size)
{
	return size < 8 ? value & ((1ull << 8 * size) - 1) : value;
}

/* Puts `size` bytes into a register: 4 bytes clear its upper half, fewer leave the rest. */
UCALL_STUB_OWN void put(struct ucall_frame *frame, unsigned int reg, unsigned int size,
			uint64_t value)
{
	value = low_bytes(value, size);
	if (size < 4)
		value |= frame->gpr[reg] & ~low_bytes(~0ull, size);
	if (reg == UCALL_RSP)
		frame->sp = value;
	else
		frame->gpr[reg] = value;
}

UCALL_STUB_OWN int handle_io(struct ucall_frame *frame, const struct ucall_ve_info *info)
{
	const uint64_t q = info->qualification;
	const unsigned int size = IO_SIZE(q);
	uint64_t value = low_bytes(frame->gpr[UCALL_RAX], size);

	if (IO_STRING(q) || guest_td_io(IO_PORT(q), size, !IO_IN(q), &value))
		return 1;
	if (IO_IN(q))
		put(frame, UCALL_RAX, size, value);
	return 0;
}

UCALL_STUB_OWN int handle_cpuid(struct ucall_frame *frame)
{
	struct ucall_tdx_regs regs;

	regs.r12 = (uint32_t)frame->gpr[UCALL_RAX];
	regs.r13 = (uint32_t)frame->gpr[UCALL_RCX];
	regs.r14 = regs.r15 = 0;
	if (regs.r12 >> 28 != 4) /* a host could say anything about the CPU */
		regs.r12 = regs.r13 = 0;
	else if (guest_tdvmcall(UCALL_TDVMCALL_CPUID, &regs))
		return 1;
	frame->gpr[UCALL_RAX] = (uint32_t)regs.r12;
	frame->gpr[UCALL_RBX] = (uint32_t)regs.r13;
	frame->gpr[UCALL_RCX] = (uint32_t)regs.r14;
	frame->gpr[UCALL_RDX] = (uint32_t)regs.r15;
	return 0;
}

/* An MSR that the host does not have is a #GP, as elsewhere. */
UCALL_STUB_OWN int handle_msr(struct ucall_frame *frame, int is_write)
{
	struct ucall_tdx_regs regs;

	regs.r12 = (uint32_t)frame->gpr[UCALL_RCX];
	regs.r13 = is_write ? (uint32_t)frame->gpr[UCALL_RAX] | frame->gpr[UCALL_RDX] << 32 : 0;
	regs.r14 = regs.r15 = 0;
	if (guest_tdvmcall(is_write ? UCALL_TDVMCALL_WRMSR : UCALL_TDVMCALL_RDMSR, &regs)) {
		frame->vector = VECTOR_GP;
		return 1;
	}
	if (!is_write) {
		frame->gpr[UCALL_RAX] = (uint32_t)regs.r11;
		frame->gpr[UCALL_RDX] = regs.r11 >> 32;
	}
	return 0;
}

UCALL_STUB_OWN int handle_halt(struct ucall_frame *frame)
{
	struct ucall_tdx_regs regs;

	regs.r12 = !(frame->flags & 0x200); /* interrupts are off */
	regs.r13 = regs.r14 = regs.r15 = 0;
	return guest_tdvmcall(UCALL_TDVMCALL_HLT, &regs) != 0;
}

/* ---- MMIO ---- */

struct access {
	unsigned int size, reg, length; /* length: of the instruction */
	int is_write, has_immediate;
	uint64_t immediate;
	unsigned int extends_to; /* MOVZX: the size of the register; else 0 */
};

/* The bytes of a ModRM operand in memory, its ModRM byte included; 0: it is a register. */
UCALL_STUB_OWN unsigned int operand_length(const uint8_t *p)
{
	const unsigned int mod = p[0] >> 6, rm = p[0] & 7;
	unsigned int length = 1 + (rm == 4);

	if (mod == 3)
		return 0;
	if (mod == 1)
		return length + 1;
	if (mod == 2 || rm == 5 || (rm == 4 && (p[1] & 7) == 5))
		return length + 4;
	return length;
}

/* MOV and MOVZX, with operand-size and REX prefixes.  False: another instruction. */
UCALL_STUB_OWN int decode(const uint8_t *code, struct access *a)
{
	const uint8_t *p = code;
	unsigned int operand16 = 0, rex = 0, length, opcode;

	for (; *p == 0x66; p++)
		operand16 = 1;
	if ((*p & 0xf0) == 0x40)
		rex = *p++;
	opcode = *p++;
	a->has_immediate = 0;
	a->extends_to = 0;
	a->size = !(opcode & 1) ? 1 : rex & 8 ? 8 : operand16 ? 2 : 4;
	if (opcode == 0x0f && (*p & 0xfe) == 0xb6) { /* MOVZX */
		a->size = *p++ & 1 ? 2 : 1;
		a->extends_to = rex & 8 ? 8 : operand16 ? 2 : 4;
		a->is_write = 0;
	} else if ((opcode & 0xfe) == 0x88 || (opcode & 0xfe) == 0xc6) {
		a->is_write = 1;
	} else if ((opcode & 0xfe) == 0x8a) {
		a->is_write = 0;
	} else {
		return 0;
	}
	length = operand_length(p);
	if (!length)
		return 0;
	a->reg = (p[0] >> 3 & 7) | (rex & 4) << 1;
	/* Without REX these are AH, CH, DH and BH. */
	if (a->size == 1 && !a->extends_to && !rex && a->reg >= 4 && (opcode & 0xfe) != 0xc6)
		return 0;
	p += length;
	if ((opcode & 0xfe) == 0xc6) {
		const unsigned int bytes = a->size == 8 ? 4 : a->size;

		a->has_immediate = 1;
		a->immediate = 0;
		for (unsigned int i = 0; i < bytes; i++)
			a->immediate |= (uint64_t)p[i] << 8 * i;
		if (a->size == 8)
			a->immediate = (uint64_t)(int64_t)(int32_t)a->immediate;
		p += bytes;
	}
	a->length = (unsigned int)(p - code);
	return 1;
}

UCALL_STUB_OWN int handle_mmio(struct ucall_frame *frame, struct ucall_ve_info *info)
{
	uint64_t value = 0;
	struct access a;

	/* The guest's own memory: a page that was not accepted, or that the host took away. */
	if (!(info->gpa & guest_td_shared_bit()) || !decode((const uint8_t *)frame->pc, &a))
		return 1;
	/* In two pages it would be two accesses. */
	if ((info->gpa & (UCALL_PAGE_SIZE - 1)) + a.size > UCALL_PAGE_SIZE)
		return 1;
	if (a.is_write)
		value = low_bytes(a.has_immediate      ? a.immediate
				  : a.reg == UCALL_RSP ? frame->sp
						       : frame->gpr[a.reg],
				  a.size);
	if (guest_td_mmio(info->gpa, a.size, a.is_write, &value))
		return 1;
	if (!a.is_write)
		put(frame, a.reg, a.extends_to ? a.extends_to : a.size, low_bytes(value, a.size));
	info->length = a.length;
	return 0;
}

UCALL_STUB_OWN int handle(struct ucall_frame *frame, struct ucall_ve_info *info)
{
	if (info->reason == UCALL_TDVMCALL_IO)
		return handle_io(frame, info);
	if (info->reason == UCALL_TDVMCALL_MMIO)
		return handle_mmio(frame, info);
	if (info->reason == UCALL_TDVMCALL_CPUID)
		return handle_cpuid(frame);
	if (info->reason == UCALL_TDVMCALL_RDMSR || info->reason == UCALL_TDVMCALL_WRMSR)
		return handle_msr(frame, info->reason == UCALL_TDVMCALL_WRMSR);
	if (info->reason == UCALL_TDVMCALL_HLT)
		return handle_halt(frame);
	return 1;
}

UCALL_STUB int ucall_x86_64_ve(struct ucall_frame *frame)
{
	struct ucall_ve_info info;

	/* Asked for first: another #VE before that would be a double fault. */
	if (guest_td_ve_info(&info) || handle(frame, &info))
		return 1;
	frame->pc += info.length;
	return 0;
}
