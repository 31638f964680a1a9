// SPDX-License-Identifier: MIT
/* Exception stubs that fit a page. */
#include <string.h>

#include "machine/memory.h"
#include "stub-page.h"

_Static_assert(STUB_MAILBOX == UCALL_MAILBOX_ADDRESS, "stub-page.h");
_Static_assert(STUB_MAILBOX + STUB_BELL_OFFSET == UCALL_BELL_ADDRESS, "stub-page.h");
_Static_assert(STUB_PAGE >= UCALL_CODE_ADDRESS + UCALL_CODE_SIZE + UCALL_PAGE_SIZE, "stub-page.h");
_Static_assert(STUB_STOP_GPA >= UCALL_MEM_MAX, "stub-page.h");
_Static_assert(STUB_FAULT == offsetof(struct ucall_mailbox, fault), "stub-page.h");
_Static_assert(STUB_FAULT_VECTOR == offsetof(struct ucall_fault_area, vector), "stub-page.h");
_Static_assert(STUB_FAULT_CODE == offsetof(struct ucall_fault_area, code), "stub-page.h");
_Static_assert(STUB_FAULT_ADDRESS == offsetof(struct ucall_fault_area, address), "stub-page.h");
_Static_assert(STUB_FAULT_PC == offsetof(struct ucall_fault_area, pc), "stub-page.h");
_Static_assert(STUB_FAULT_SP == offsetof(struct ucall_fault_area, sp), "stub-page.h");
_Static_assert(STUB_FAULT_FLAGS == offsetof(struct ucall_fault_area, flags), "stub-page.h");
_Static_assert(STUB_FAULT_GPR == offsetof(struct ucall_fault_area, gpr), "stub-page.h");

int ucall_stub_page_init(struct ucall_machine *vm)
{
	size_t size = (size_t)(ucall_stubs_end - ucall_stubs);

	vm->arch_gpa = ucall_memory_pages(&vm->memory, 1);
	if (!vm->arch_gpa)
		return -1;
	memcpy(ucall_memory_pointer(&vm->memory, vm->arch_gpa, size), ucall_stubs, size);
	return 0;
}

int ucall_stub_page_map(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;

	if (ucall_memory_map_in(vm, vcpu->boot.root, STUB_PAGE, vm->arch_gpa, UCALL_PAGE_SIZE,
				UCALL_MAP_EXEC))
		return -1;
	return ucall_memory_map_in(vm, vcpu->boot.root, STUB_STOP, STUB_STOP_GPA, UCALL_PAGE_SIZE,
				   UCALL_MAP_WRITE | UCALL_MAP_DEVICE);
}

/* They keep nothing. */
void ucall_stub_page_reset(struct ucall_cpu *vcpu)
{
}

uint64_t ucall_stub_return_address(void)
{
	return STUB_PAGE + (uint64_t)(ucall_stubs_return - ucall_stubs);
}

const void *ucall_stub_return_code(size_t *size)
{
	*size = (size_t)(ucall_stubs_end - ucall_stubs_return);
	return ucall_stubs_return;
}

/* Where the control block is the C library's alone. */
void ucall_stub_no_tcb(void *tcb, uint64_t gva)
{
}
