// SPDX-License-Identifier: MIT
/* How a trust domain starts: see abi.h. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "arch/stubs.h"
#include "arch/x86_64/layout.h"
#include "base/clock.h"
#include "base/error.h"
#include "tdx.h"

extern const uint8_t ucall_tdx_start[] UCALL_HIDDEN;

#define OFFSET(field, offset) _Static_assert(offsetof(struct tdx_start, field) == (offset), "abi.h")
OFFSET(root, TDX_START_ROOT);
OFFSET(reset_root, TDX_START_RESET_ROOT);
OFFSET(next, TDX_START_NEXT);
OFFSET(emulated, TDX_START_EMULATED);
OFFSET(stack, TDX_START_STACK);
OFFSET(stack_pages, TDX_START_STACK_PAGES);
OFFSET(share, TDX_START_SHARE);
OFFSET(share_size, TDX_START_SHARE_SIZE);
OFFSET(return_address, TDX_START_RETURN);
OFFSET(tls, TDX_START_TLS);
OFFSET(rip, TDX_START_RIP);
OFFSET(rsp, TDX_START_RSP);
OFFSET(ss, TDX_START_SS);
OFFSET(args, TDX_START_ARGS);
OFFSET(data_segment, TDX_START_DATA_SEGMENT);
OFFSET(gdtr, TDX_START_GDTR);
OFFSET(idtr, TDX_START_IDTR);
OFFSET(later_gdtr, TDX_START_LATER_GDTR);
OFFSET(gdt, TDX_START_GDT);
_Static_assert(offsetof(struct tdx_table, limit) == 6, "abi.h");
_Static_assert(UCALL_TDX_PORT == 0x7c && UCALL_TDX_SHOW_R10_TO_R15 == 0xfc00, "start-vcpu.S");
_Static_assert(TDX_RESET_PAGE >= UCALL_MEM_MAX, "abi.h");

uint64_t tdx_stack(const struct ucall_cpu *vcpu)
{
	struct ucall_memory *mem = &vcpu->vm->memory;
	unsigned int prot;
	uint64_t gpa;

	return vcpu->vm->arch->walk(mem, vcpu->boot.root, vcpu->boot.sp - UCALL_STACK_SIZE, &gpa,
				    &prot)
		       ? 0
		       : gpa;
}

/* Page tables in which the reset page has its physical address, and the stubs have theirs. */
static int make_reset_root(struct ucall_machine *vm, uint64_t *reset_root)
{
	struct ucall_memory *mem = &vm->memory;
	const size_t size = (size_t)(ucall_stubs_stop - ucall_stubs_start);
	uint64_t root = vm->arch->new_root(mem);

	if (!root || vm->arch->map(mem, root, TDX_RESET_PAGE, TDX_RESET_PAGE, UCALL_MAP_EXEC))
		return -1;
	for (uint64_t at = 0; at < size; at += UCALL_PAGE_SIZE)
		if (vm->arch->map(mem, root, STUB_CODE + at, vm->stub_code + at, UCALL_MAP_EXEC))
			return -1;
	*reset_root = root;
	return 0;
}

static void fill_tables(struct ucall_machine *vm, struct tdx_start *start)
{
	const uint64_t *idt = ucall_memory_pointer(&vm->memory, vm->arch_gpa, UCALL_PAGE_SIZE);
	const uint64_t *gdt = idt + (X86_GDT - X86_IDT) / sizeof(*idt);
	const uint16_t size = X86_TR + 16;

	memcpy(start->gdt, gdt, size);
	start->gdt[X86_TR / 8] &= ~(2ull << 40); /* not busy */
	start->gdtr.limit = start->later_gdtr.limit = size - 1;
	start->gdtr.base = X86_TDX_START + TDX_START_GDT;
	start->later_gdtr.base = X86_GDT;
	start->idtr.limit = 256 * 16 - 1;
	start->idtr.base = X86_IDT;
}

int tdx_make_start(struct ucall_cpu *vcpu, uint64_t *reset_root)
{
	struct ucall_machine *vm = vcpu->vm;
	struct ucall_memory *mem = &vm->memory;
	const struct ucall_boot *boot = &vcpu->boot;
	const bool user = vm->ring == 3;
	uint64_t gpa = ucall_memory_alloc_pages(mem, 1), *root;
	struct tdx_start *start;

	if (!gpa || (!*reset_root && make_reset_root(vm, reset_root)) ||
	    ucall_memory_map_in(vm, boot->root, X86_TDX_START, gpa, UCALL_PAGE_SIZE,
				UCALL_MAP_WRITE | UCALL_MAP_KERNEL))
		return -1;
	/* Present, writable, ring 0: the tables of this root, as memory. */
	root = ucall_memory_pointer(mem, boot->root, UCALL_PAGE_SIZE);
	root[TDX_TABLES_SLOT] = boot->root | 3;

	start = ucall_memory_pointer(mem, gpa, sizeof(*start));
	*start = (struct tdx_start){
		.root = boot->root,
		.reset_root = *reset_root,
		.next = ucall_stub_address(ucall_tdx_start),
		.emulated = ucall_protection_is_emulated(vm->protection),
		.stack = tdx_stack(vcpu),
		.stack_pages = UCALL_STACK_SIZE / UCALL_PAGE_SIZE,
		.return_address = vm->return_address,
		.tls = boot->tls,
		.rip = boot->entry,
		.cs = user ? X86_USER_CS : X86_KERNEL_CS,
		.rflags = 2,
		.rsp = boot->sp - 8,
		.ss = user ? X86_USER_DS : X86_KERNEL_DS,
		.data_segment = user ? X86_USER_DS : X86_KERNEL_DS,
	};
	memcpy(start->args, boot->args, sizeof(start->args));
	fill_tables(vm, start);
	vcpu->boot.start_arg = gpa;
	return 0;
}

struct ucall_cpu *tdx_first_vcpu(const struct ucall_machine *vm)
{
	struct ucall_cpu *first = vm->vcpus;

	while (first->next)
		first = first->next;
	return first;
}

void tdx_share_by_first(struct ucall_machine *vm)
{
	struct tdx_start *start = ucall_memory_pointer(
		&vm->memory, tdx_first_vcpu(vm)->boot.start_arg, sizeof(*start));

	start->share = vm->memory.end;
	start->share_size = vm->memory.size - vm->memory.end;
}

#define LIMIT 10000000000 /* ns: a guest starts in some milliseconds */

/* Runs the vCPU up to the next exit.  A kick is for the first run after the launch. */
static int run(struct ucall_cpu *vcpu)
{
	const struct ucall_engine *engine = vcpu->vm->engine;
	const int64_t deadline = ucall_now_ns() + LIMIT;
	bool kicked = false;
	enum ucall_run_end end;

	while ((end = engine->run(vcpu, deadline)) == UCALL_RUN_KICK)
		kicked = true;
	if (kicked)
		engine->kick(vcpu);
	if (end == UCALL_RUN_TIMEOUT)
		return ucall_fail(ETIMEDOUT, "the guest did not start within %lld s",
				  (long long)(LIMIT / 1000000000));
	return end == UCALL_RUN_EXIT ? 0 : -1;
}

int tdx_run_start(struct ucall_machine *vm)
{
	struct ucall_cpu *first = tdx_first_vcpu(vm);
	const struct ucall_exit *exit = &first->exit;

	if (run(first))
		return -1;
	if (exit->reason == UCALL_EXIT_IO && exit->u.io.port == TDX_STARTED_PORT)
		return 0;
	if (exit->reason == UCALL_EXIT_FATAL)
		return ucall_fail(
			EIO,
			"the guest could not accept its stack or share its mailbox: TDCALL "
			"returned 0x%" PRIx64 ", the host answered 0x%" PRIx64,
			exit->u.fatal.code, exit->u.fatal.address);
	return ucall_fail(EIO, "the guest did not start: %s", ucall_kvm_exit_name(exit->native));
}

int tdx_told(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	return 0;
}

int tdx_refuse_irqchip(void)
{
	return ucall_fail(
		EOPNOTSUPP,
		"a trust domain has no interrupt controller of KVM's but its local APICs; "
		"leave irqchip out");
}

int tdx_refuse_launch(void)
{
	return ucall_fail(EPERM, "the launch of this VM has failed before; create another VM");
}
