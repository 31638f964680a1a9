// SPDX-License-Identifier: MIT
/*
 * Private memory on KVM: memory slots at addresses with the C-bit.
 *
 * With SEV and SEV-ES every page exists twice.  With SEV-SNP a page is either private or shared, as
 * in the reverse map table: it has a slot at one of the two addresses, and an access by the other
 * exits.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "emulated.h"

int sev_set_memory(struct ucall_machine *vm, int fd)
{
	const struct ucall_memory *mem = &vm->memory;

	if (x86_set_slot(fd, 0, 0, mem->size, mem->base) ||
	    x86_set_slot(fd, 1, ucall_memory_entry(mem, 0, false), mem->size, mem->private_base))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

/* ---- SEV-SNP ---- */

bool sev_is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return ucall_private_has(&sev_vm(vm)->cpu.pages, &vm->memory, gpa);
}

int sev_split_memory(struct ucall_machine *vm)
{
	const struct ucall_memory *mem = &vm->memory;
	/* The two slots from sev_set_memory(). */
	const struct x86_slot slots[] = { { 0, mem->size, X86_SHARED },
					  { 0, mem->size, X86_PRIVATE } };

	if (ucall_private_track(&sev_vm(vm)->cpu.pages, mem) || x86_track_slots(vm, slots, 2))
		return -1;
	return x86_change_slots(vm, 0, mem->size, X86_ABSENT) ||
			       x86_change_slots(vm, 0, mem->next, X86_PRIVATE) ||
			       x86_change_slots(vm, mem->next, mem->size, X86_SHARED)
		       ? -1
		       : 0;
}

int sev_restore_pages(struct ucall_machine *vm, const uint32_t *private_bits)
{
	const uint64_t pages = vm->memory.size / UCALL_PAGE_SIZE;
	const uint32_t *now = sev_vm(vm)->cpu.pages.private_bits;

	for (uint64_t first = 0, end; first < pages; first = end) {
		bool was = ucall_private_is_set(private_bits, first);

		end = first + 1;
		if (ucall_private_is_set(now, first) == was)
			continue;
		while (end < pages && ucall_private_is_set(private_bits, end) == was &&
		       ucall_private_is_set(now, end) != was)
			end++;
		if (x86_change_slots(vm, first * UCALL_PAGE_SIZE, end * UCALL_PAGE_SIZE,
				     was ? X86_PRIVATE : X86_SHARED))
			return -1;
		ucall_private_mark(&sev_vm(vm)->cpu.pages, first * UCALL_PAGE_SIZE,
				   (end - first) * UCALL_PAGE_SIZE, was);
	}
	return 0;
}

int sev_set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	int r;

	x86_pause(vm);
	r = x86_change_slots(vm, gpa, gpa + size, is_private ? X86_PRIVATE : X86_SHARED);
	for (uint64_t at = gpa; !r && at < gpa + size; at += UCALL_PAGE_SIZE) {
		if (sev_is_private(vm, at) == is_private)
			continue;
		r = sev_convert_page(vm, at, is_private);
		if (!r)
			ucall_private_mark(&sev_vm(vm)->cpu.pages, at, UCALL_PAGE_SIZE, is_private);
	}
	x86_resume(x86_cpu(vm));
	return r;
}
