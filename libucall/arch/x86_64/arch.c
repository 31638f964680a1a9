// SPDX-License-Identifier: MIT
/* x86_64: descriptor tables, exception stubs, thread control block, names of exceptions. */
#include <elf.h>
#include <string.h>

#include "../../memory.h"
#include "../../text.h"
#include "layout.h"
#include "x86_64.h"

extern const uint8_t ucall_x86_64_stubs[], ucall_x86_64_stubs_end[], ucall_x86_64_stubs_return[];

_Static_assert(X86_MAILBOX == UCALL_MAILBOX_ADDRESS, "layout.h");
_Static_assert(X86_BELL == UCALL_BELL_ADDRESS, "layout.h");
_Static_assert(X86_TABLES >= UCALL_CODE_ADDRESS + UCALL_CODE_SIZE + UCALL_PAGE_SIZE, "layout.h");
_Static_assert(X86_FAULT == offsetof(struct ucall_mailbox, fault), "layout.h");
_Static_assert(X86_SHARED == offsetof(struct ucall_mailbox, shared), "layout.h");
_Static_assert(X86_NEST_QWORDS * 8 == UCALL_NEST_SIZE, "layout.h");
_Static_assert(X86_REGS_VECTOR == offsetof(struct ucall_ex_regs, vector), "layout.h");

#define INVALID_OPCODE 6
#define NO_FPU 7
#define PAGE_FAULT 14
/* AMD APM volume 2, 8.4.2: the page fault's error code. */
#define PF_PRESENT 0x01
#define PF_WRITE 0x02
#define PF_USER 0x04
#define PF_RESERVED 0x08
#define PF_FETCH 0x10

#define VM_WIDE(vm, address) ((uint8_t *)(vm)->arch_data + ((address)-X86_TABLES))

/* A gate to an interrupt handler on IST 1 (AMD APM volume 2, 4.8.4). */
static void set_gate(uint64_t *gate, uint64_t target)
{
	gate[0] = (target & 0xffff) | X86_KERNEL_CS << 16 | 1ull << 32 | 0x8eull << 40 |
		  (target >> 16 & 0xffff) << 48;
	gate[1] = target >> 32;
}

static int x86_64_vm_init(struct ucall_vm *vm)
{
	size_t stubs = (size_t)(ucall_x86_64_stubs_end - ucall_x86_64_stubs);
	const uint64_t limit = X86_TSS_SIZE + X86_IOMAP_SIZE;
	uint64_t *gdt, *idt;

	vm->arch_gpa = ucall_memory_pages(vm, X86_VM_PAGES);
	if (!vm->arch_gpa)
		return -1;
	vm->arch_data = ucall_memory_pointer(vm, vm->arch_gpa, X86_VM_PAGES * UCALL_PAGE_SIZE);

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

	*(uint32_t *)VM_WIDE(vm, X86_IRQCHIP) = vm->irqchip;
	return 0;
}

/* No exception is under way: the next takes the top of the interrupt stack. */
static void x86_64_vcpu_reset(struct ucall_vcpu *vcpu)
{
	const uint64_t top = X86_IST_TOP;

	memcpy((uint8_t *)vcpu->arch_data + X86_TSS_IST1, &top, sizeof(top));
}

static int x86_64_vcpu_init(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;
	uint64_t root = vcpu->boot.root, gpa;
	uint16_t iomap = X86_TSS_SIZE;
	uint8_t *tss;

	gpa = ucall_memory_pages(vm, X86_TSS_PAGES + X86_IST_PAGES);
	if (!gpa)
		return -1;
	tss = ucall_memory_pointer(vm, gpa, (size_t)X86_TSS_PAGES * UCALL_PAGE_SIZE);
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
	return 0;
}

static uint64_t x86_64_return_address(void)
{
	return X86_STUBS + (uint64_t)(ucall_x86_64_stubs_return - ucall_x86_64_stubs);
}

int ucall_vm_set_handler(struct ucall_vm *vm, unsigned int vector,
			 void (*handler)(struct ucall_ex_regs *regs))
{
	uint64_t gva = (uint64_t)(uintptr_t)handler;

	if (vector > 255)
		return ucall_fail(EINVAL, "ucall_vm_set_handler: vector %u; 0 to 255 exist", vector);
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

static void describe_fault(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[32] = {
		"#DE divide error",
		"#DB debug",
		"NMI",
		"#BP breakpoint",
		"#OF overflow",
		"#BR bound range",
		"#UD invalid opcode",
		"#NM no floating-point unit",
		"#DF double fault",
		NULL,
		"#TS invalid TSS",
		"#NP segment not present",
		"#SS stack segment",
		"#GP general protection",
		"#PF page fault",
		NULL,
		"#MF x87 floating point",
		"#AC alignment check",
		"#MC machine check",
		"#XF SIMD floating point",
		NULL,
		"#CP control protection",
		NULL,
		NULL,
		NULL,
		NULL,
		NULL,
		NULL,
		"#HV hypervisor injection",
		"#VC VMM communication",
		"#SX security",
		NULL,
	};
	const char *name = fault->vector < 32 ? names[fault->vector] : NULL;

	ucall_text_add(text, "guest exception %s (vector %llu), error code 0x%llx, at RIP 0x%llx",
		       name		    ? name
		       : fault->vector < 32 ? "reserved"
					    : "interrupt",
		       (unsigned long long)fault->vector, (unsigned long long)fault->code,
		       (unsigned long long)fault->pc);
	if (fault->vector == PAGE_FAULT)
		ucall_text_add(text, ", CR2 0x%llx: %s %s%s", (unsigned long long)fault->address,
			       fault->code & PF_FETCH	? "fetch from"
			       : fault->code & PF_WRITE ? "write to"
							: "read of",
			       fault->code & PF_RESERVED ? "an address whose page table entry is wrong"
			       : fault->code & PF_PRESENT	  ? "memory that does not permit it"
			       : fault->address < UCALL_PAGE_SIZE ? "the null page"
								  : "memory that is not mapped",
			       fault->code & PF_USER ? ", from ring 3" : "");
	else if (fault->code && fault->vector >= 10 && fault->vector <= 13)
		ucall_text_add(text, ": selector 0x%llx", (unsigned long long)(fault->code & 0xfffc));
}

static void describe_regs(const struct ucall_fault_info *fault, struct ucall_text *text)
{
	static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
					       "rsi", "rdi", "r8",  "r9",  "r10", "r11",
					       "r12", "r13", "r14", "r15" };

	ucall_text_add(text, "  rip %016llx  rflags %08llx\n", (unsigned long long)fault->pc,
		       (unsigned long long)fault->flags);
	for (int i = 0; i < 16; i++)
		ucall_text_add(text, "  %-3s %016llx%s", names[i],
			       (unsigned long long)fault->gpr[i], i % 4 == 3 ? "\n" : "");
}

static bool is_fetch(const struct ucall_fault_info *fault)
{
	return fault->vector == PAGE_FAULT && (fault->code & PF_FETCH);
}

/* SSE, AVX and AVX-512 (AMD APM volume 3, appendix A): told by prefixes and opcode map. */
static bool is_vector_insn(const uint8_t *code, size_t size)
{
	size_t i = 0;

	while (i < size && (code[i] == 0x66 || code[i] == 0xf2 || code[i] == 0xf3))
		i++;
	if (i < size && (code[i] & 0xf0) == 0x40)
		i++;
	if (i + 1 >= size)
		return false;
	if (code[i] == 0xc4 || code[i] == 0xc5 || code[i] == 0x62)
		return true;
	if (code[i] != 0x0f)
		return false;
	i++;
	return (code[i] >= 0x10 && code[i] <= 0x17) || (code[i] >= 0x28 && code[i] <= 0x2f) ||
	       (code[i] >= 0x50 && code[i] <= 0x7f) || code[i] == 0xc2 ||
	       (code[i] >= 0xc4 && code[i] <= 0xc6) || (code[i] >= 0xd0 && code[i] <= 0xfe);
}

static bool is_vector_fault(const struct ucall_fault_info *fault)
{
	return (fault->vector == INVALID_OPCODE || fault->vector == NO_FPU) &&
	       is_vector_insn(fault->bytes, fault->byte_count);
}

/* System V ABI, x86_64, figure 3.36: rax rdx rcx rbx rsi rdi rbp rsp r8..r15, return address. */
static unsigned int dwarf_regs(const struct ucall_fault_info *fault, uint64_t *regs)
{
	static const uint8_t order[8] = { 0, 2, 1, 3, 6, 7, 5, 4 };

	for (unsigned int i = 0; i < 16; i++)
		regs[i] = fault->gpr[i < 8 ? order[i] : i];
	regs[7] = fault->sp;
	regs[16] = fault->pc;
	return 17;
}

const struct ucall_arch ucall_arch_native = {
	.name = "x86_64",
	.bit = UCALL_ARCH_X86_64,
	.machine = EM_X86_64,
	.map = ucall_x86_64_map,
	.share = ucall_x86_64_share,
	.walk = ucall_x86_64_walk,
	.vm_init = x86_64_vm_init,
	.vcpu_init = x86_64_vcpu_init,
	.vcpu_reset = x86_64_vcpu_reset,
	.return_address = x86_64_return_address,
	.tcb_init = x86_64_tcb_init,
	.describe_fault = describe_fault,
	.describe_regs = describe_regs,
	.is_fetch = is_fetch,
	.is_vector_fault = is_vector_fault,
	.is_vector_insn = is_vector_insn,
	.dwarf_regs = dwarf_regs,
	.find_escape = ucall_x86_64_find_escape,
	.plt_slot = ucall_x86_64_plt_slot,
};
