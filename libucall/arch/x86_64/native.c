// SPDX-License-Identifier: MIT
/* x86_64 guests on x86_64 hosts: descriptor tables, exception stubs, thread control block. */
#include <elf.h>
#include <string.h>

#include "base/handle.h"
#include "machine/memory.h"
#include <ucall/sev.h>

#include "protect/protect.h"
#include "exceptions.h"
#include "layout.h"
#include "exits.h"
#include "x86_64.h"

extern const uint8_t ucall_x86_64_vectors[] UCALL_HIDDEN;

_Static_assert(X86_NMI_STACK >= UCALL_HANDLER_STACK_TOP && X86_TABLES >= X86_NMI_STACK_TOP,
	       "layout.h");

/*
 * A gate to an interrupt handler on a stack of the TSS (AMD APM volume 2, 4.8.4).  `dpl`: from which
 * ring an instruction (INT3, INT) may use it.
 */
static void set_gate(uint64_t *gate, uint64_t target, uint64_t ist, uint64_t dpl)
{
	gate[0] = (target & 0xffff) | X86_KERNEL_CS << 16 | ist << 32 | (0x8e | dpl << 5) << 40 |
		  (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
}

static uint32_t stop_method(const struct ucall_machine *vm)
{
	if (!vm->irqchip && vm->protection->stop != X86_STOP_TDX)
		return X86_STOP_HLT;
	return vm->protection->stop ? vm->protection->stop : X86_STOP_OUT;
}

static int x86_64_vm_init(struct ucall_machine *vm)
{
	const uint64_t limit = X86_TSS_SIZE + X86_IOMAP_SIZE;
	struct ucall_stub_data *data;
	uint64_t *gdt, *idt;

	if (ucall_stubs_init(vm))
		return -1;
	data = ucall_memory_pointer(&vm->memory, vm->stub_data, sizeof(*data));
	data->stop = stop_method(vm);
	if (vm->guest_vc && vm->protection->exit_vector)
		data->exit_handler =
			ucall_stub_address((const void *)(vm->protection->exit_vector == VECTOR_VE
								  ? (uintptr_t)ucall_x86_64_ve
								  : (uintptr_t)ucall_x86_64_vc));

	vm->arch_gpa = ucall_memory_alloc_pages(&vm->memory, X86_TABLES_PAGES);
	if (!vm->arch_gpa)
		return -1;
	idt = ucall_memory_pointer(&vm->memory, vm->arch_gpa, X86_TABLES_PAGES * UCALL_PAGE_SIZE);
	for (unsigned int v = 0; v < 256; v++)
		set_gate(idt + (size_t)2 * v,
			 ucall_stub_address(ucall_x86_64_vectors) + (uint64_t)v * X86_STUB_SIZE,
			 v == VECTOR_NMI || v == VECTOR_MC ? 2 : 1,
			 v == VECTOR_BP || v == VECTOR_OF ? 3 : 0);

	gdt = idt + (X86_GDT - X86_IDT) / sizeof(*idt);
	/* AMD APM volume 2, 4.8: all are marked accessed, so that the CPU need not write here. */
	gdt[X86_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[X86_KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[X86_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[X86_USER_CS / 8] = 0x00affb000000ffff;
	gdt[X86_TR / 8] = (limit & 0xffff) | (X86_TSS & 0xffffff) << 16 | 0x8bull << 40 |
			  (limit >> 16 & 0xf) << 48 | (X86_TSS >> 24 & 0xff) << 56;
	gdt[X86_TR / 8 + 1] = X86_TSS >> 32;
	return 0;
}

/* Forgets exceptions under way: the next takes the top of the interrupt stack. */
static void x86_64_vcpu_reset(struct ucall_cpu *vcpu)
{
	const uint64_t top = STUB_STACK_TOP, nmi_top = X86_NMI_STACK_TOP;

	memcpy((uint8_t *)vcpu->arch_data + X86_TSS_IST1, &top, sizeof(top));
	memcpy((uint8_t *)vcpu->arch_data + X86_TSS_IST2, &nmi_top, sizeof(nmi_top));
	ucall_stubs_reset(vcpu);
}

static int x86_64_vcpu_init(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t root = vcpu->boot.root, gpa;
	uint16_t iomap = X86_TSS_SIZE;
	uint8_t *tss;

	gpa = ucall_memory_alloc_pages(&vm->memory, X86_TSS_PAGES);
	if (!gpa || ucall_stubs_map(vcpu) ||
	    ucall_cpu_map_handler_stack(vcpu, X86_NMI_STACK_TOP, X86_NMI_PARTS))
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

	return ucall_memory_map_in(vm, root, X86_TABLES, vm->arch_gpa,
				   X86_TABLES_PAGES * UCALL_PAGE_SIZE, UCALL_MAP_KERNEL) ||
			       ucall_memory_map_in(vm, root, X86_TSS, gpa,
						   X86_TSS_PAGES * UCALL_PAGE_SIZE,
						   UCALL_MAP_WRITE | UCALL_MAP_KERNEL)
		       ? -1
		       : 0;
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
	.return_address = ucall_stubs_return_address,
	.return_code = ucall_stubs_return_code,
	.jump = x86_64_jump,
	.glob_dat = R_X86_64_GLOB_DAT,
	.tcb_size = UCALL_PAGE_SIZE,
	.tcb_init = x86_64_tcb_init,
};
