// SPDX-License-Identifier: MIT
/* x86_64 in guests of its own: descriptor tables, exception stubs, thread control block. */
#include <elf.h>
#include <string.h>

#include "base/handle.h"
#include "machine/memory.h"
#include <ucall/sev.h>

#include "protect/protect.h"
#include "exceptions.h"
#include "layout.h"
#include "vc.h"
#include "x86_64.h"

extern const uint8_t ucall_x86_64_stubs[], ucall_x86_64_stubs_end[], ucall_x86_64_stubs_return[];

_Static_assert(X86_MAILBOX == UCALL_MAILBOX_ADDRESS, "layout.h");
_Static_assert(X86_BELL == UCALL_BELL_ADDRESS, "layout.h");
_Static_assert(X86_TABLES >= UCALL_CODE_ADDRESS + UCALL_CODE_SIZE + UCALL_PAGE_SIZE, "layout.h");
_Static_assert(X86_FAULT == offsetof(struct ucall_mailbox, fault), "layout.h");
_Static_assert(X86_SHARED == offsetof(struct ucall_mailbox, shared), "layout.h");
_Static_assert(X86_NEST_QWORDS * 8 == UCALL_NEST_SIZE, "layout.h");
_Static_assert(X86_MSR_GHCB == UCALL_MSR_GHCB && X86_MSR_VMGEXIT == UCALL_MSR_VMGEXIT, "layout.h");
_Static_assert(X86_GHCB_TERMINATE == UCALL_GHCB_TERMINATE, "layout.h");
_Static_assert(X86_REGS_VECTOR == offsetof(struct ucall_ex_regs, vector), "layout.h");

#define VM_WIDE(vm, address) ((uint8_t *)(vm)->arch_data + ((address)-X86_TABLES))

/* A gate to an interrupt handler on IST 1 (AMD APM volume 2, 4.8.4). */
static void set_gate(uint64_t *gate, uint64_t target)
{
	gate[0] = (target & 0xffff) | X86_KERNEL_CS << 16 | 1ull << 32 | 0x8eull << 40 |
		  (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
}

static uint32_t how_to_stop(const struct ucall_machine *vm)
{
	if (!vm->irqchip)
		return X86_STOP_HLT;
	return vm->protection->stop ? vm->protection->stop : X86_STOP_OUT;
}

/* The core's #VC handler, if the VM wants it. */
static int install_vc(struct ucall_machine *vm)
{
	size_t size = (size_t)(ucall_vc_end - ucall_vc_start);
	uint64_t gpa, entry = X86_VC + (uint64_t)((const uint8_t *)(uintptr_t)ucall_x86_64_vc -
						  ucall_vc_start);

	if (!vm->guest_vc || vm->protection->exit_vector != VECTOR_VC)
		return 0;
	if (size > (size_t)X86_VC_PAGES * UCALL_PAGE_SIZE)
		return ucall_fail(E2BIG, "the #VC handler has %zu bytes", size);
	gpa = ucall_memory_pages(&vm->memory, X86_VC_PAGES);
	if (!gpa)
		return -1;
	memcpy(ucall_memory_pointer(&vm->memory, gpa, size), ucall_vc_start, size);
	memcpy(VM_WIDE(vm, X86_HAS_VC), &entry, sizeof(entry));
	vm->vc_gpa = gpa;
	return 0;
}

static int x86_64_vm_init(struct ucall_machine *vm)
{
	size_t stubs = (size_t)(ucall_x86_64_stubs_end - ucall_x86_64_stubs);
	const uint64_t limit = X86_TSS_SIZE + X86_IOMAP_SIZE;
	uint64_t *gdt, *idt;

	vm->arch_gpa = ucall_memory_pages(&vm->memory, X86_VM_PAGES);
	if (!vm->arch_gpa)
		return -1;
	vm->arch_data = ucall_memory_pointer(&vm->memory, vm->arch_gpa, X86_VM_PAGES * UCALL_PAGE_SIZE);

	memcpy(VM_WIDE(vm, X86_STUBS), ucall_x86_64_stubs, stubs);
	idt = (uint64_t *)VM_WIDE(vm, X86_IDT);
	for (unsigned int v = 0; v < 256; v++)
		set_gate(idt + (size_t)2 * v, X86_STUBS + (uint64_t)v * X86_STUB_SIZE);

	/* AMD APM volume 2, 4.8: all of them accessed, so that the CPU need not write here. */
	gdt = (uint64_t *)VM_WIDE(vm, X86_GDT);
	gdt[X86_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[X86_KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[X86_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[X86_USER_CS / 8] = 0x00affb000000ffff;
	gdt[X86_TR / 8] = (limit & 0xffff) | (X86_TSS & 0xffffff) << 16 | 0x8bull << 40 |
			  (limit >> 16 & 0xf) << 48 | (X86_TSS >> 24 & 0xff) << 56;
	gdt[X86_TR / 8 + 1] = X86_TSS >> 32;

	*(uint32_t *)VM_WIDE(vm, X86_STOP) = how_to_stop(vm);
	return install_vc(vm);
}

/* No exception is under way: the next takes the top of the interrupt stack. */
static void x86_64_vcpu_reset(struct ucall_cpu *vcpu)
{
	const uint64_t top = X86_IST_TOP;

	memcpy((uint8_t *)vcpu->arch_data + X86_TSS_IST1, &top, sizeof(top));
}

static int x86_64_vcpu_init(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t root = vcpu->boot.root, gpa;
	uint16_t iomap = X86_TSS_SIZE;
	uint8_t *tss;

	gpa = ucall_memory_pages(&vm->memory, X86_TSS_PAGES + X86_IST_PAGES);
	if (!gpa)
		return -1;
	tss = ucall_memory_pointer(&vm->memory, gpa, (size_t)X86_TSS_PAGES * UCALL_PAGE_SIZE);
	vcpu->arch_data = tss;
	x86_64_vcpu_reset(vcpu);
	/*
	 * The I/O permission bitmap is all zero: ring 3 may use every port.  It ends in a byte of
	 * ones (AMD APM volume 2, 12.2.4).
	 */
	memcpy(tss + X86_TSS_IOMAP, &iomap, sizeof(iomap));
	tss[X86_TSS_SIZE + X86_IOMAP_SIZE] = 0xff;

	if (ucall_memory_map_in(vm, root, X86_IDT, vm->arch_gpa, 2 * UCALL_PAGE_SIZE,
				UCALL_MAP_KERNEL) ||
	    ucall_memory_map_in(vm, root, X86_STUBS, vm->arch_gpa + 2 * UCALL_PAGE_SIZE,
				X86_STUBS_PAGES * UCALL_PAGE_SIZE, UCALL_MAP_EXEC) ||
	    ucall_memory_map_in(vm, root, X86_TSS, gpa, X86_TSS_PAGES * UCALL_PAGE_SIZE,
				UCALL_MAP_WRITE | UCALL_MAP_KERNEL) ||
	    ucall_memory_map_in(vm, root, X86_IST, gpa + X86_TSS_PAGES * UCALL_PAGE_SIZE,
				X86_IST_PAGES * UCALL_PAGE_SIZE, UCALL_MAP_WRITE | UCALL_MAP_KERNEL))
		return -1;
	if (vm->vc_gpa && ucall_memory_map_in(vm, root, X86_VC, vm->vc_gpa,
					      X86_VC_PAGES * UCALL_PAGE_SIZE, UCALL_MAP_EXEC))
		return -1;
	return 0;
}

static uint64_t x86_64_return_address(void)
{
	return X86_STUBS + (uint64_t)(ucall_x86_64_stubs_return - ucall_x86_64_stubs);
}

static const void *x86_64_return_code(size_t *size)
{
	*size = (size_t)(ucall_x86_64_stubs_end - ucall_x86_64_stubs_return);
	return ucall_x86_64_stubs_return;
}

int ucall_vm_set_handler(struct ucall_vm *handle, unsigned int vector,
			 void (*handler)(struct ucall_ex_regs *regs))
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_set_handler");
	uint64_t gva = (uint64_t)(uintptr_t)handler;

	if (!vm)
		return -1;
	if (ucall_memory_set_up(vm, "ucall_vm_set_handler"))
		return -1;
	if (vector > 255)
		return ucall_fail(EINVAL, "ucall_vm_set_handler: vector %u; 0 to 255 exist", vector);
	if (vm->arch != ucall_arch_native || !(vm->engine->can() & UCALL_CAN_HANDLERS))
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vm_set_handler: engine %s runs no exception handlers in "
				  "%s guests; engine kvm does, in those of the host's architecture",
				  vm->engine->name, vm->arch->name);
	if (handler && !ucall_memory_is_code(vm, vm->memory.root, gva))
		return ucall_fail(EINVAL,
				  "ucall_vm_set_handler: no guest code at 0x%llx; the handler must "
				  "be a function of the program itself, not of a library",
				  (unsigned long long)gva);
	__atomic_store_n((uint64_t *)VM_WIDE(vm, X86_HANDLERS) + vector, gva, __ATOMIC_RELEASE);
	return 0;
}

/* System V ABI, x86_64: %fs:0 points to itself, %fs:0x28 is the stack protector's canary. */
static void x86_64_tcb_init(void *tcb, uint64_t gva)
{
	uint64_t *words = tcb;

	words[0] = gva;
	words[2] = gva;
	words[5] = 0x9e3779b97f4a7c00;
}

static size_t x86_64_jump(uint8_t *code, uint64_t from, uint64_t to)
{
	const int32_t offset = (int32_t)(to - (from + 5));

	code[0] = 0xe9; /* JMP rel32 */
	memcpy(code + 1, &offset, sizeof(offset));
	return 5;
}

const struct ucall_arch *const ucall_arch_native = &ucall_arch_x86_64;

const struct ucall_native ucall_native = {
	.vm_init = x86_64_vm_init,
	.vcpu_init = x86_64_vcpu_init,
	.vcpu_reset = x86_64_vcpu_reset,
	.return_address = x86_64_return_address,
	.return_code = x86_64_return_code,
	.jump = x86_64_jump,
	.glob_dat = R_X86_64_GLOB_DAT,
	.tcb_size = UCALL_PAGE_SIZE,
	.tcb_init = x86_64_tcb_init,
};
