// SPDX-License-Identifier: MIT
/* Exception stubs in guests: the host's part. */
#include <errno.h>
#include <string.h>

#include "machine/memory.h"
#include "protect/protect.h"
#include "stubs.h"

_Static_assert(STUB_MAILBOX == UCALL_MAILBOX_ADDRESS, "stubs.h");
_Static_assert(STUB_MAILBOX + STUB_BELL_OFFSET == UCALL_BELL_ADDRESS, "stubs.h");
_Static_assert(STUB_CODE >= UCALL_CODE_ADDRESS + UCALL_CODE_SIZE + UCALL_PAGE_SIZE, "stubs.h");
_Static_assert(STUB_STACK == UCALL_HANDLER_STACK && STUB_STACK_TOP == UCALL_HANDLER_STACK_TOP &&
		       STUB_PART == UCALL_HANDLER_STRIDE,
	       "stubs.h");
_Static_assert(STUB_STOP_GPA >= UCALL_MEM_MAX, "stubs.h");
_Static_assert(STUB_FRAME_PC == offsetof(struct ucall_frame, pc), "stubs.h");
_Static_assert(STUB_FRAME_SP == offsetof(struct ucall_frame, sp), "stubs.h");
_Static_assert(STUB_FRAME_FLAGS == offsetof(struct ucall_frame, flags), "stubs.h");
_Static_assert(STUB_FRAME_VECTOR == offsetof(struct ucall_frame, vector), "stubs.h");
_Static_assert(STUB_FRAME_CODE == offsetof(struct ucall_frame, code), "stubs.h");
_Static_assert(STUB_FRAME_ADDRESS == offsetof(struct ucall_frame, address), "stubs.h");
_Static_assert(STUB_FRAME_UNKNOWN == offsetof(struct ucall_frame, unknown), "stubs.h");
_Static_assert(STUB_FRAME_EXTRA == offsetof(struct ucall_frame, extra), "stubs.h");
_Static_assert(STUB_FRAME_GPR == offsetof(struct ucall_frame, gpr), "stubs.h");
_Static_assert(STUB_FRAME_SIZE == (sizeof(struct ucall_frame) + 15) / 16 * 16, "stubs.h");
_Static_assert(STUB_CPU_DEPTH == offsetof(struct ucall_stub_cpu, depth), "stubs.h");
_Static_assert(STUB_CPU_SCRATCH == offsetof(struct ucall_stub_cpu, scratch), "stubs.h");
_Static_assert(STUB_CPU_STEPPED == offsetof(struct ucall_stub_cpu, stepped), "stubs.h");
_Static_assert(sizeof(struct ucall_stub_data) == 2 * UCALL_PAGE_SIZE, "stubs.h");

#define DATA_PAGES (sizeof(struct ucall_stub_data) / UCALL_PAGE_SIZE)

int ucall_stubs_init(struct ucall_machine *vm)
{
	size_t size = (size_t)(ucall_stubs_stop - ucall_stubs_start);
	size_t pages = ucall_page_align(size) / UCALL_PAGE_SIZE;
	struct ucall_stub_data *data;

	if (size > STUB_CODE_SIZE)
		return ucall_fail(E2BIG, "the exception stubs are too big: %zu bytes", size);
	vm->stub_code = ucall_memory_alloc_pages(&vm->memory, pages);
	vm->stub_data = ucall_memory_alloc_pages(&vm->memory, DATA_PAGES);
	if (!vm->stub_code || !vm->stub_data)
		return -1;
	memcpy(ucall_memory_pointer(&vm->memory, vm->stub_code, size), ucall_stubs_start, size);
	data = ucall_memory_pointer(&vm->memory, vm->stub_data, sizeof(*data));
	data->exit_vector = vm->protection->exit_vector;
	data->fixups = vm->fixups.start;
	data->fixups_end = vm->fixups.end;
	vm->handlers = data->handlers;
	return 0;
}

int ucall_stubs_map(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t root = vcpu->boot.root, gpa = ucall_memory_alloc_pages(&vm->memory, 1);
	size_t code = ucall_page_align((uint64_t)(ucall_stubs_stop - ucall_stubs_start));

	if (!gpa)
		return -1;
	vcpu->stub_cpu = ucall_memory_pointer(&vm->memory, gpa, sizeof(*vcpu->stub_cpu));
	if (ucall_memory_map_in(vm, root, STUB_CODE, vm->stub_code, code, UCALL_MAP_EXEC) ||
	    ucall_memory_map_in(vm, root, STUB_DATA, vm->stub_data, sizeof(struct ucall_stub_data),
				UCALL_MAP_KERNEL) ||
	    ucall_memory_map_in(vm, root, STUB_CPU, gpa, UCALL_PAGE_SIZE,
				UCALL_MAP_WRITE | UCALL_MAP_KERNEL))
		return -1;
	return ucall_memory_map_in(vm, root, STUB_STOP, STUB_STOP_GPA, UCALL_PAGE_SIZE,
				   UCALL_MAP_WRITE | UCALL_MAP_DEVICE | UCALL_MAP_KERNEL);
}

/* Forgets exceptions that were under way. */
void ucall_stubs_reset(struct ucall_cpu *vcpu)
{
	vcpu->stub_cpu->depth = 0;
}

uint64_t ucall_stubs_return_address(void)
{
	return ucall_stub_address(ucall_stubs_return);
}

const void *ucall_stubs_return_code(size_t *size)
{
	*size = (size_t)(ucall_stubs_return_end - ucall_stubs_return);
	return ucall_stubs_return;
}

void ucall_stubs_no_tcb(void *tcb, uint64_t gva)
{
}
