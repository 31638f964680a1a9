// SPDX-License-Identifier: MIT
/*
 * Exceptions that a CPU raises for an instruction which would exit, such as #VC and #VE.  KVM cannot
 * inject them: it knows neither vector, and loses them at the next entry.  So this file does what the
 * CPU does for an exception.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "arch/x86_64/exceptions.h"
#include "arch/x86_64/layout.h"
#include "arch/x86_64/insn.h"
#include "arch/x86_64/x86_64.h"
#include "cpu.h"

#define FLAGS_CLEARED 0x34300 /* VM RF NT TF: by any gate; IF: by an interrupt gate */
#define FLAG_IF 0x200

/* ---- delivery: APM volume 2, 8.9 ---- */

/* No handler can run, nor one for the double fault that follows. */
static int shut_down(struct ucall_cpu *vcpu)
{
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	vcpu->exit.reason = UCALL_EXIT_SHUTDOWN;
	vcpu->exit.native = KVM_EXIT_SHUTDOWN;
	return 0;
}

/* The stack that the handler gets. */
static bool find_stack(struct ucall_machine *vm, const struct kvm_sregs *sregs, uint64_t rsp,
		       unsigned int ist, uint64_t *stack)
{
	*stack = rsp;
	if (ist)
		return ucall_memory_copy_as_cpu(
			vm, sregs->cr3, sregs->tr.base + X86_TSS_IST1 + (uint64_t)(ist - 1) * 8,
			stack, NULL, sizeof(*stack));
	if (sregs->cs.dpl) /* RSP0 */
		return ucall_memory_copy_as_cpu(vm, sregs->cr3, sregs->tr.base + 4, stack, NULL,
						sizeof(*stack));
	return true;
}

static void enter_ring0(struct kvm_sregs *sregs, uint16_t selector)
{
	bool was_user = sregs->cs.dpl;

	memset(&sregs->cs, 0, sizeof(sregs->cs));
	sregs->cs.selector = selector;
	sregs->cs.limit = 0xffffffff;
	sregs->cs.type = 0xb;
	sregs->cs.present = sregs->cs.s = sregs->cs.l = sregs->cs.g = 1;
	if (!was_user)
		return;
	/* A null selector; its descriptor does not matter in 64-bit mode. */
	sregs->ss.selector = 0;
	sregs->ss.dpl = 0;
}

/* #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX (APM volume 2, table 8-1). */
static bool has_error_code(unsigned int vector)
{
	return vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 ||
	       vector == 29 || vector == 30;
}

int x86_deliver(struct ucall_cpu *vcpu, int fd, const struct kvm_regs *regs, unsigned int vector,
		uint64_t code)
{
	struct ucall_machine *vm = vcpu->vm;
	struct kvm_regs new = *regs;
	struct kvm_sregs sregs;
	uint64_t gate[2], stack, frame[6];
	const size_t without = has_error_code(vector) ? 0 : 1; /* of the frame */

	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_SREGS");
	/* The gate must be present, for handlers (APM volume 2, 4.8.4), and enter ring 0. */
	if (vector * 16 + 15 > sregs.idt.limit ||
	    !ucall_memory_copy_as_cpu(vm, sregs.cr3, sregs.idt.base + vector * 16, gate, NULL,
				      sizeof(gate)) ||
	    !(gate[0] >> 47 & 1) || (gate[0] >> 41 & 0xf) != 7 || (gate[0] >> 16 & 3))
		return shut_down(vcpu);
	frame[0] = code;
	frame[1] = regs->rip;
	frame[2] = sregs.cs.selector;
	frame[3] = regs->rflags;
	frame[4] = regs->rsp;
	frame[5] = sregs.ss.selector;
	if (!find_stack(vm, &sregs, regs->rsp, gate[0] >> 32 & 7, &stack))
		return shut_down(vcpu);
	stack = (stack & ~15ull) - sizeof(frame) + without * sizeof(frame[0]);
	if (!ucall_memory_copy_as_cpu(vm, sregs.cr3, stack, NULL, frame + without,
				      sizeof(frame) - without * sizeof(frame[0])))
		return shut_down(vcpu);
	new.rip = (gate[0] & 0xffff) | (gate[0] >> 48) << 16 | gate[1] << 32;
	new.rsp = stack;
	new.rflags &= ~(uint64_t)FLAGS_CLEARED;
	if (gate[0] >> 40 & 1) /* a trap gate leaves interrupts on */
		new.rflags |= regs->rflags &FLAG_IF;
	enter_ring0(&sregs, (uint16_t)(gate[0] >> 16));
	if (ioctl(fd, KVM_SET_SREGS, &sregs) || ioctl(fd, KVM_SET_REGS, &new))
		return ucall_fail_call("KVM_SET_REGS");
	return 1;
}

/* ---- undoing an exit ---- */

struct target {
	struct ucall_machine *vm;
	uint64_t cr3, entry; /* entry: the accessed address, as in a page table */
};

static bool is_target(void *data, uint64_t gva)
{
	const struct target *t = data;
	unsigned int prot;
	uint64_t gpa;

	return !t->vm->arch->walk(&t->vm->memory, t->cr3, gva, &gpa, &prot) &&
	       ucall_memory_entry(&t->vm->memory, gpa, prot & UCALL_MAP_SHARED) == t->entry;
}

int x86_undo(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, unsigned int *size)
{
	struct kvm_regs at, after;
	struct kvm_sregs sregs;
	uint8_t code[2 * X86_BEFORE] = { 0 };
	struct target target = { .vm = vcpu->vm };
	struct x86_place place = {
		.code = code + X86_BEFORE,
		.regs = &at,
		.is_target = is_target,
		.data = &target,
	};

	if (ioctl(fd, KVM_GET_REGS, &at) || ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_REGS");
	if (ucall_kvm_complete(vcpu))
		return -1;
	if (ioctl(fd, KVM_GET_REGS, &after))
		return ucall_fail_call("KVM_GET_REGS");
	place.moves = at.rip != after.rip;
	target.cr3 = sregs.cr3;
	if (vcpu->exit.reason == UCALL_EXIT_MMIO)
		target.entry = vcpu->exit.u.mmio.gpa;
	/* Byte by byte: there may be a page boundary before or after any of them. */
	for (uint64_t i = 0; i < X86_BEFORE; i++)
		if (!ucall_memory_copy_as_cpu(vcpu->vm, sregs.cr3, at.rip - X86_BEFORE + i,
					      &code[i], NULL, 1))
			code[i] = 0;
	while (place.have < X86_BEFORE &&
	       ucall_memory_copy_as_cpu(vcpu->vm, sregs.cr3, at.rip + place.have,
					&code[X86_BEFORE + place.have], NULL, 1))
		place.have++;
	if (!x86_find_start(&place, &vcpu->exit, regs))
		return 0;
	if (size) {
		uint64_t length = after.rip - regs->rip;

		/* With REP it is not known. */
		*size = length <= UCALL_X86_64_INSN ? (unsigned int)length : 0;
	}
	if (ioctl(fd, KVM_SET_REGS, regs))
		return ucall_fail_call("KVM_SET_REGS");
	return 1;
}

int x86_report_mismatch(struct ucall_cpu *vcpu, int fd, uint64_t gpa, bool is_private)
{
	struct kvm_regs regs;

	if (x86_undo(vcpu, fd, &regs, NULL) < 0)
		return -1;
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	vcpu->exit.reason = UCALL_EXIT_MEMORY;
	vcpu->exit.native = UCALL_KVM_EXIT_MEMORY_FAULT;
	vcpu->exit.u.memory.is_private = is_private;
	vcpu->exit.u.memory.gpa = gpa & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	vcpu->exit.u.memory.size = UCALL_PAGE_SIZE;
	return 0;
}

/* ---- steps ---- */

int x86_check_steps(const struct ucall_machine *vm, const char *option)
{
	return vm->ring ? ucall_fail(EOPNOTSUPP,
				     "%s: KVM can single-step guests only in ring 0; this VM's "
				     "guest functions run in ring %d",
				     option, vm->ring)
			: 0;
}

int x86_look_ahead(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, uint8_t *code,
		   size_t size)
{
	if (ucall_x86_64_next_code(vcpu, fd, regs, code, size))
		return -1;
	/* ENDBR64 does nothing here (CR4.CET is clear): skip it, as KVM's interpreter may do. */
	for (int most = 16; most && ucall_x86_64_is_endbr(code); most--) {
		regs->rip += 4;
		if (ioctl(fd, KVM_SET_REGS, regs))
			return ucall_fail_call("KVM_SET_REGS");
		if (ucall_x86_64_next_code(vcpu, fd, regs, code, size))
			return -1;
	}
	return 0;
}
