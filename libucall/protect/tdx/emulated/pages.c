// SPDX-License-Identifier: MIT
/*
 * Pages of an emulated trust domain.  A shared page is in a memory slot whose address has the
 * shared bit.  A private page is in a slot without that bit once the guest has accepted it; before
 * that it is in no slot, so that an access exits.
 */
#include <string.h>

#include "base/error.h"
#include "emulated.h"

/* Which [start, end) from `start` on is accepted, or is not. */
static uint64_t end_of_run(const struct ucall_machine *vm, uint64_t start, uint64_t limit)
{
	uint64_t end = start + UCALL_PAGE_SIZE;

	while (end < limit && tdx_is_accepted(vm, end) == tdx_is_accepted(vm, start))
		end += UCALL_PAGE_SIZE;
	return end;
}

int tdx_track_memory(struct ucall_machine *vm)
{
	struct tdx_vm *tdx = tdx_vm(vm);
	const struct ucall_memory *mem = &vm->memory;
	/* The slot of vm_init(). */
	const struct x86_slot reset = { TDX_RESET_PAGE, UCALL_PAGE_SIZE, X86_PRIVATE };

	if (ucall_private_track(&tdx->cpu.pages, mem) || ucall_private_track(&tdx->accepted, mem) ||
	    ucall_private_track(&tdx->poisoned, mem) || x86_track_slots(vm, &reset, 1))
		return -1;
	/* All memory begins as private.  What has contents is the guest's from the start. */
	ucall_private_mark(&tdx->cpu.pages, 0, mem->size, true);
	ucall_private_mark(&tdx->poisoned, 0, mem->size, false);
	ucall_private_mark(&tdx->accepted, 0, UCALL_PAGE_SIZE, false); /* it is never allocated */
	for (const struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		ucall_private_mark(&tdx->accepted, tdx_stack(vcpu), UCALL_STACK_SIZE, false);
	for (uint64_t at = UCALL_PAGE_SIZE, end; at < mem->next; at = end) {
		end = end_of_run(vm, at, mem->next);
		if (tdx_is_accepted(vm, at) && x86_change_slots(vm, at, end, X86_PRIVATE))
			return -1;
	}
	return 0;
}

void tdx_free_memory(struct ucall_machine *vm)
{
	ucall_private_free(&tdx_vm(vm)->accepted);
	ucall_private_free(&tdx_vm(vm)->poisoned);
	x86_fini(&tdx_vm(vm)->cpu, vm->inherited);
}

bool tdx_is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return gpa < vm->memory.size && ucall_private_has(&tdx_vm(vm)->cpu.pages, &vm->memory, gpa);
}

bool tdx_is_accepted(const struct ucall_machine *vm, uint64_t gpa)
{
	return gpa < vm->memory.size && ucall_private_has(&tdx_vm(vm)->accepted, &vm->memory, gpa);
}

bool tdx_is_poisoned(const struct ucall_machine *vm, uint64_t gpa)
{
	const uint32_t *bits = tdx_vm(vm)->poisoned.private_bits;

	return bits && gpa < vm->memory.size && ucall_private_is_set(bits, gpa / UCALL_PAGE_SIZE);
}

int tdx_set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	struct tdx_vm *tdx = tdx_vm(vm);
	int r = 0;

	x86_pause(vm);
	/* Pages that do not change keep their contents. */
	for (uint64_t at = gpa, end; !r && at < gpa + size; at = end) {
		end = at + UCALL_PAGE_SIZE;
		if (tdx_is_private(vm, at) == is_private)
			continue;
		while (end < gpa + size && tdx_is_private(vm, end) != is_private)
			end += UCALL_PAGE_SIZE;
		r = x86_change_slots(vm, at, end, is_private ? X86_ABSENT : X86_SHARED);
		if (r)
			break;
		ucall_private_mark(&tdx->cpu.pages, at, end - at, is_private);
		ucall_private_mark(&tdx->accepted, at, end - at, false);
		ucall_private_mark(&tdx->poisoned, at, end - at, false);
	}
	x86_resume(&tdx->cpu);
	return r;
}

/* Slots do not change meanwhile. */
static enum tdx_accept accept(struct ucall_machine *vm, uint64_t gpa, bool is_4k)
{
	if (gpa == TDX_RESET_PAGE || tdx_is_accepted(vm, gpa))
		return TDX_ACCEPTED_ALREADY;
	if (!tdx_is_private(vm, gpa))
		return TDX_ACCEPT_SHARED;
	if (!is_4k)
		return TDX_ACCEPT_LARGE;
	memset(ucall_memory_side(&vm->memory, gpa, UCALL_PAGE_SIZE, false), 0, UCALL_PAGE_SIZE);
	if (x86_change_slots(vm, gpa, gpa + UCALL_PAGE_SIZE, X86_PRIVATE))
		return TDX_ACCEPT_FAILED;
	ucall_private_mark(&tdx_vm(vm)->accepted, gpa, UCALL_PAGE_SIZE, true);
	return TDX_ACCEPTED;
}

enum tdx_accept tdx_accept(struct ucall_machine *vm, uint64_t gpa, bool is_4k)
{
	enum tdx_accept r;

	x86_pause(vm);
	r = accept(vm, gpa, is_4k);
	x86_resume(x86_cpu(vm));
	return r;
}

/*
 * A host that reads private memory fails.  One that writes it poisons it: the guest's next access
 * is its end (TDX Module Base specification, "Memory Integrity").  A page that was not accepted has
 * no contents.
 */
int tdx_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size)
{
	struct tdx_vm *tdx = tdx_vm(vm);
	const uint64_t page = gpa & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	int r = 0;

	if (to)
		return ucall_protection_refuse_copy(vm, gpa, to, from, size);
	x86_pause(vm);
	/* The guest may have changed the page since it was looked up. */
	if (!tdx_is_private(vm, page)) {
		memcpy(vm->memory.base + gpa, from, size);
	} else if (tdx_is_accepted(vm, page)) {
		r = x86_change_slots(vm, page, page + UCALL_PAGE_SIZE, X86_ABSENT);
		if (!r)
			ucall_private_mark(&tdx->poisoned, page, UCALL_PAGE_SIZE, true);
	}
	x86_resume(&tdx->cpu);
	return r;
}
