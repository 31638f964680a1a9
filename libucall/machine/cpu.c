// SPDX-License-Identifier: MIT
/* vCPUs of a machine. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/process.h"
#include "image.h"
#include "memory.h"
#include "protect/guard.h"
#include "protect/protect.h"

#define MAX_VCPUS 512

/* A stack with unmapped memory below and above it. */
static int map_stack(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t gva = UCALL_STACK_ADDRESS + (uint64_t)vm->memory.stacks++ * UCALL_STACK_STRIDE;
	uint64_t gpa = ucall_memory_alloc_pages(&vm->memory, UCALL_STACK_SIZE / UCALL_PAGE_SIZE);

	if (!gpa || ucall_memory_map(vm, gva, gpa, UCALL_STACK_SIZE, UCALL_MAP_WRITE))
		return -1;
	vcpu->boot.sp = gva + UCALL_STACK_SIZE;
	return 0;
}

static int map_common(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;

	for (unsigned int i = 0; i < vm->common_count; i++) {
		const struct ucall_common *c = &vm->common[i];

		if (ucall_memory_map_in(vm, vcpu->boot.root, c->gva, c->gpa, c->size, c->prot))
			return -1;
	}
	return 0;
}

int ucall_cpu_map_memory(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;

	vcpu->number = vm->vcpu_count;
	if (vcpu->number >= MAX_VCPUS)
		return ucall_fail(ENOSPC, "a VM can have at most %d vCPUs", MAX_VCPUS);
	if (!ucall_memory_is_code(vm, vm->memory.root, vcpu->boot.entry))
		return ucall_fail(EINVAL,
				  "no guest code at 0x%" PRIx64 "; the guest function must be one "
				  "of the %s, not of a library",
				  vcpu->boot.entry, vm->image ? "guest ELF" : "program itself");
	/* The stack and TLS first: they are mapped for all vCPUs, so before the root is copied. */
	if (!vm->image) {
		vcpu->boot.tls = ucall_image_tls(vm);
		if (!vcpu->boot.tls)
			return -1;
	}
	if (map_stack(vcpu))
		return -1;
	vcpu->boot.root = ucall_memory_new_root(vm);
	return vcpu->boot.root ? map_common(vcpu) : -1;
}

void *ucall_cpu_map(struct ucall_cpu *vcpu, uint64_t gva, size_t size, unsigned int prot)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t gpa;

	size = ucall_page_align(size);
	gpa = ucall_memory_alloc_shared_pages(&vm->memory, size / UCALL_PAGE_SIZE);
	if (!gpa ||
	    ucall_memory_map_in(vm, vcpu->boot.root, gva, gpa, size, prot | UCALL_MAP_SHARED))
		return NULL;
	return ucall_memory_pointer(&vm->memory, gpa, size);
}

/* The page next to the mailbox that a vCPU shares with the host, for some protections. */
static int map_shared_page(struct ucall_cpu *vcpu)
{
	uint64_t gva = vcpu->vm->protection->vcpu_page;

	if (!gva)
		return 0;
	vcpu->shared_page = ucall_memory_alloc_shared_pages(&vcpu->vm->memory, 1);
	if (!vcpu->shared_page)
		return -1;
	return ucall_memory_map_in(vcpu->vm, vcpu->boot.root, gva, vcpu->shared_page,
				   UCALL_PAGE_SIZE, UCALL_MAP_WRITE | UCALL_MAP_SHARED);
}

int ucall_cpu_map_handler_stack(struct ucall_cpu *vcpu, uint64_t top, unsigned int parts)
{
	struct ucall_machine *vm = vcpu->vm;

	for (unsigned int i = 0; i < parts; i++) {
		const size_t size = UCALL_HANDLER_PART_SIZE;
		uint64_t gpa = ucall_memory_alloc_pages(&vm->memory, size / UCALL_PAGE_SIZE);

		if (!gpa ||
		    ucall_memory_map_in(vm, vcpu->boot.root,
					top - (uint64_t)i * UCALL_HANDLER_STRIDE - size, gpa, size,
					UCALL_MAP_WRITE | UCALL_MAP_KERNEL))
			return -1;
	}
	return 0;
}

static int map_handler_stack(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;

	if (!(vm->engine->can() & UCALL_CAN_HANDLERS))
		return 0;
	return ucall_cpu_map_handler_stack(vcpu, UCALL_HANDLER_STACK_TOP, UCALL_HANDLER_PARTS);
}

int ucall_cpu_create(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;

	if (map_shared_page(vcpu) || map_handler_stack(vcpu) ||
	    (!vm->flat && ucall_native.vcpu_init(vcpu)) || vm->engine->vcpu_init(vcpu))
		return -1;
	vcpu->next = vm->vcpus;
	vm->vcpus = vcpu;
	vm->vcpu_count++;
	return 0;
}

void ucall_cpu_fini(struct ucall_cpu *vcpu)
{
	vcpu->vm->engine->vcpu_fini(vcpu);
}

int ucall_cpu_check_run(struct ucall_cpu *vcpu)
{
	struct ucall_machine *vm = vcpu->vm;
	int r = 0;

	if (ucall_process_check(vm->process, "ucall_vcpu_run"))
		return -1;
	if (ucall_machine_is_launched(vm))
		return 0;
	if (vm->guard)
		return ucall_fail(EPERM,
				  "vCPU %u of a VM with protection %s cannot run before "
				  "ucall_vm_launch()",
				  vcpu->number, vm->protection->name);
	pthread_mutex_lock(&vm->lock);
	if (!ucall_machine_is_launched(vm)) /* by another vCPU's thread, meanwhile */
		r = ucall_machine_launch(vm);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

int ucall_cpu_restart(struct ucall_cpu *vcpu)
{
	if (vcpu->vm->engine->restart(vcpu))
		return -1;
	if (!vcpu->vm->flat)
		ucall_native.vcpu_reset(vcpu);
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	return 0;
}
