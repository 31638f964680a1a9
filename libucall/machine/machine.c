// SPDX-License-Identifier: MIT
/* Machines: from a configuration to a VM with memory and a guest in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/process.h"
#include "coverage.h"
#include "image.h"
#include "memory.h"
#include "protect/guard.h"
#include "protect/protect.h"
#include "snapshot.h"

/* ---- configuration ---- */

/* Chooses the guest's architecture and the engine. */
static int choose_engine(struct ucall_machine *vm, const struct ucall_vm_config *config)
{
	const char *name = config->engine, *reason;

	if (config->image || config->image_data) {
		vm->image = ucall_image_open(config->image, config->image_data, config->image_size);
		if (!vm->image)
			return -1;
	}
	vm->arch = vm->image ? vm->image->arch : ucall_arch_native;
	if (config->arch) {
		const struct ucall_arch *arch = ucall_arch_find(config->arch);

		if (!arch)
			return -1;
		if (vm->image && arch != vm->arch)
			return ucall_fail(EINVAL,
					  "%s is a guest for %s, but the VM configuration says %s",
					  vm->image->name, vm->arch->name, arch->name);
		if (arch != vm->arch)
			return ucall_fail(
				EINVAL,
				"a %s guest on this %s host must be a separate guest ELF; make "
				"one with `ucall cc --arch %s` and name it in the VM's "
				"configuration (image)",
				arch->name, vm->arch->name, arch->name);
	}
	/* What an engine emulates, no other has. */
	if (!name && vm->protection->emulation && !secure_getenv("UCALL_ENGINE"))
		name = vm->protection->engine;
	vm->engine = ucall_engine_choose(name, vm->arch, config->kvm_device, &reason);
	if (!vm->engine)
		return -1;
	vm->engine_reason = ucall_strdup(reason);
	vm->flat = !(vm->engine->can() & UCALL_CAN_PAGING);
	return vm->engine_reason ? 0 : -1;
}

static int check_protection(const struct ucall_machine *vm)
{
	const struct ucall_protection *p = vm->protection;

	if (!(p->archs & vm->arch->bit))
		return ucall_fail(
			EOPNOTSUPP,
			"guests of %s have no protection %s; those of %s have (`ucall cc --arch "
			"%s` compiles one)",
			vm->arch->name, p->name, ucall_arch_name(p->archs),
			ucall_arch_name(p->archs));
	if (p->engine && strcmp(p->engine, vm->engine->name) != 0)
		return ucall_fail(EOPNOTSUPP,
				  "engine %s does not support protection %s; engine %s does (%s)",
				  vm->engine->name, p->name, p->engine, vm->engine_reason);
	return 0;
}

/* Refuses what the engine cannot do, and says whether kvm can. */
static int check_engine(const struct ucall_machine *vm)
{
	const struct {
		bool wanted;
		uint32_t bit;
		const char *what;
	} wishes[] = {
		{ vm->irqchip, UCALL_CAN_IRQCHIP, "an in-kernel interrupt controller (irqchip)" },
		{ vm->ring != 0, UCALL_CAN_RING3, "guest functions in ring 3" },
	};

	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		bool kvm_can = (ucall_engine_kvm.can() & wishes[i].bit) &&
			       (ucall_engine_kvm.archs() & vm->arch->bit);

		if (wishes[i].wanted && !(vm->engine->can() & wishes[i].bit))
			return ucall_fail(EOPNOTSUPP,
					  "engine %s does not support %s for guests of %s%s (%s)",
					  vm->engine->name, wishes[i].what, vm->arch->name,
					  kvm_can ? "; engine kvm does" : "", vm->engine_reason);
	}
	return 0;
}

int ucall_machine_init(struct ucall_machine *vm, const struct ucall_engine *engine,
		       const struct ucall_arch *arch)
{
	vm->process = ucall_process_this();
	pthread_mutex_init(&vm->lock, NULL);
	vm->engine = engine;
	vm->arch = arch;
	vm->flat = engine && !(engine->can() & UCALL_CAN_PAGING);
	return ucall_protect_choose(vm, NULL);
}

int ucall_machine_choose(struct ucall_machine *vm, const struct ucall_vm_config *config)
{
	vm->irqchip = config->irqchip;
	vm->nested = config->nested;
	vm->ring = config->ring;
	vm->guest_vc = config->guest_vc;
	if (vm->ring != 0 && vm->ring != 3)
		return ucall_fail(EINVAL, "ring is %d; give 0 or 3", vm->ring);
	return ucall_protect_choose(vm, config->protect) || choose_engine(vm, config) ||
			       check_protection(vm) || check_engine(vm)
		       ? -1
		       : 0;
}

/* ---- what the core puts into the guest ---- */

/* Maps the code that guest functions return to, if no exception stubs contain it. */
static int map_return(struct ucall_machine *vm)
{
	size_t size;
	const void *code = ucall_native.return_code(&size);
	uint64_t gpa = ucall_memory_alloc_pages(&vm->memory, 1);

	if (!gpa)
		return -1;
	memcpy(ucall_memory_pointer(&vm->memory, gpa, size), code, size);
	vm->return_address = UCALL_RETURN_ADDRESS;
	return ucall_memory_map(vm, UCALL_RETURN_ADDRESS, gpa, UCALL_PAGE_SIZE, UCALL_MAP_EXEC);
}

static int load_guest(struct ucall_machine *vm)
{
	if (vm->image ? ucall_image_load(vm) : ucall_image_copy(vm))
		return -1;
	if (!vm->flat) {
		if (ucall_native.vm_init(vm))
			return -1;
		vm->return_address = ucall_native.return_address();
		return 0;
	}
	vm->handlers = ucall_calloc(UCALL_VECTORS, sizeof(vm->handlers[0]));
	if (!vm->handlers)
		return -1;
	return vm->image ? 0 : map_return(vm);
}

void *ucall_machine_map_common(struct ucall_machine *vm, uint64_t gva, size_t size,
			       unsigned int prot)
{
	struct ucall_common *c = &vm->common[vm->common_count];

	if (vm->common_count == UCALL_COMMON_MAX) {
		ucall_fail(ENOSPC, "a machine can have at most %d mappings common to its vCPUs",
			   UCALL_COMMON_MAX);
		return NULL;
	}
	c->gva = gva;
	c->size = ucall_page_align(size);
	c->prot = prot;
	c->gpa = ucall_memory_alloc_pages(&vm->memory, c->size / UCALL_PAGE_SIZE);
	if (!c->gpa)
		return NULL;
	vm->common_count++;
	return ucall_memory_pointer(&vm->memory, c->gpa, c->size);
}

/* ---- its life ---- */

int ucall_machine_build(struct ucall_machine *vm, const struct ucall_vm_config *config)
{
	if (vm->engine->vm_init(vm, config) || ucall_memory_init(vm, config->mem_size))
		return -1;
	return load_guest(vm);
}

/* The only place where a machine's phase changes. */
static void set_launched(struct ucall_machine *vm)
{
	__atomic_store_n(&vm->phase, UCALL_LAUNCHED, __ATOMIC_RELEASE);
}

void ucall_machine_finish(struct ucall_machine *vm)
{
	if (!vm->needs_launch)
		set_launched(vm);
}

int ucall_machine_launch(struct ucall_machine *vm)
{
	if (ucall_protection_closes(vm->protection))
		for (const struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
			if (vcpu->stepping)
				return ucall_fail(EINVAL,
						  "vCPU %u is being single-stepped, and its "
						  "registers will be encrypted; call "
						  "ucall_vcpu_set_stepping(vcpu, false) first",
						  vcpu->number);
	if (vm->guard ? vm->guard->launch(vm) : vm->engine->launch(vm))
		return -1;
	set_launched(vm);
	return 0;
}

void ucall_machine_fini(struct ucall_machine *vm)
{
	ucall_snapshot_free(vm);
	if (vm->flat)
		free(vm->handlers);
	if (vm->engine)
		vm->engine->vm_fini(vm);
	ucall_memory_fini(vm);
	ucall_coverage_end(vm);
	ucall_image_close(vm->image);
	ucall_args_free(vm->protection_options);
	free(vm->engine_reason);
	if (!vm->inherited)
		pthread_mutex_destroy(&vm->lock);
}
