// SPDX-License-Identifier: MIT
/*
 * Emulated protected KVM.  Guest memory is mapped twice: the engine's view has all of it, the host's
 * view only what the guest shares, so that a host that touches the guest's own memory gets SIGSEGV as
 * with the real one.  Unlike there, what the core shares (mailboxes, queues, UCALL_MEM_SHARED) is
 * shared from the start, without a call by the guest; and guests are flat: a guest-physical address is
 * the guest-virtual one.
 */
#include <errno.h>
#include <stdlib.h>

#include "abi.h"
#include "base/error.h"
#include "emulated.h"
#include "machine/regions.h"
#include "protect/guard.h"
#include "protect/private-pages.h"
#include "protect/revoked.h"

#define INVALID_PARAMETER ((uint64_t)-3) /* SMC Calling Convention, 7.1 */
#define NOT_SUPPORTED ((uint64_t)-1)

/*
 * How many pages can be in another state than they were allocated in: each can split the host's mapping,
 * and a process may have about 65,000 (vm.max_map_count).
 */
#define CHANGED_MAX 4096

struct emulated_vm {
	/* The guest's calls; not vm->lock, under which the host may wait for a vCPU to stop. */
	pthread_mutex_t lock;
	unsigned int changed;
	struct ucall_private_pages told; /* what the host was told */
	struct ucall_private_pages real; /* what is */
	struct ucall_revocable *memory;
};

static struct emulated_vm *emulated_vm(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

static void forget(struct emulated_vm *e)
{
	ucall_revocable_remove(e->memory);
	e->memory = NULL;
	ucall_private_free(&e->told);
	ucall_private_free(&e->real);
}

static int launch(struct ucall_machine *vm)
{
	struct emulated_vm *e = emulated_vm(vm);
	struct ucall_memory *mem = &vm->memory;

	if (!ucall_private_track(&e->told, mem) && !ucall_private_track(&e->real, mem)) {
		e->memory = ucall_revocable_add(mem->base, mem->size);
		if (e->memory && !ucall_pages_show(mem, 0, mem->end, false))
			return 0;
	}
	forget(e);
	return -1;
}

static int told(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	ucall_private_mark(&emulated_vm(vm)->told, gpa, size, is_private);
	return 0;
}

static bool is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return ucall_private_has(&emulated_vm(vm)->told, &vm->memory, gpa);
}

static bool is_lost(const struct ucall_machine *vm, const void *page)
{
	return emulated_vm(vm)->memory && ucall_revocable_is_lost(emulated_vm(vm)->memory, page);
}

static const struct ucall_guard guard = {
	.launch = launch,
	.told = told,
	.is_private = is_private,
	.is_lost = is_lost,
	.copy = ucall_protection_refuse_copy,
	.private_memory = UCALL_PRIVATE_ALIAS,
};

static int vm_init(struct ucall_machine *vm)
{
	struct emulated_vm *e = ucall_calloc(1, sizeof(*e));

	if (!e)
		return -1;
	pthread_mutex_init(&e->lock, NULL);
	vm->guard_data = e;
	vm->memory.has_private = true;
	vm->guard = &guard;
	return 0;
}

static void vm_fini(struct ucall_machine *vm)
{
	struct emulated_vm *e = emulated_vm(vm);

	if (!e)
		return;
	forget(e);
	if (!vm->inherited)
		pthread_mutex_destroy(&e->lock);
	free(e);
	vm->guard_data = NULL;
}

/* MEM_SHARE, MEM_UNSHARE */
static uint64_t change(struct ucall_cpu *vcpu, uint64_t address, bool share)
{
	struct ucall_machine *vm = vcpu->vm;
	struct emulated_vm *e = emulated_vm(vm);
	uint64_t gpa, answer = INVALID_PARAMETER;
	unsigned int prot;
	bool back;

	if (address % UCALL_PAGE_SIZE ||
	    ucall_regions_walk(&vm->memory, vcpu->boot.root, address, &gpa, &prot) ||
	    (prot & UCALL_MAP_DEVICE) || gpa >= vm->memory.size)
		return INVALID_PARAMETER;
	pthread_mutex_lock(&e->lock);
	/* True if it goes back to how it was allocated. */
	back = share == (gpa >= vm->memory.end);
	if (ucall_private_has(&e->real, &vm->memory, gpa) == share &&
	    (back || e->changed < CHANGED_MAX) &&
	    !ucall_pages_show(&vm->memory, gpa, UCALL_PAGE_SIZE, share)) {
		ucall_private_mark(&e->real, gpa, UCALL_PAGE_SIZE, !share);
		e->changed += back ? -1u : 1;
		answer = 0;
	}
	pthread_mutex_unlock(&e->lock);
	return answer;
}

static uint64_t hypercall(struct ucall_cpu *vcpu, const uint64_t args[4])
{
	const bool has_more = args[2] || args[3];

	switch ((uint32_t)args[0]) {
	case (uint32_t)PKVM_HYP_HIGH << 16 | PKVM_HYP_MEMINFO_LOW:
		return args[1] || has_more ? INVALID_PARAMETER : UCALL_PAGE_SIZE;
	case (uint32_t)PKVM_HYP_HIGH << 16 | PKVM_MEM_SHARE_LOW:
		return has_more ? INVALID_PARAMETER : change(vcpu, args[1], true);
	case (uint32_t)PKVM_HYP_HIGH << 16 | PKVM_MEM_UNSHARE_LOW:
		return has_more ? INVALID_PARAMETER : change(vcpu, args[1], false);
	default:
		return NOT_SUPPORTED;
	}
}

const struct ucall_emulation pkvm_emulation = {
	.vm_init = vm_init,
	.vm_fini = vm_fini,
	.hypercall = hypercall,
};
