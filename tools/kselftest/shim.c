// SPDX-License-Identifier: MIT
/*
 * Takes the place of lib/ARCH/ucall.c in a copy of the kernel's KVM selftests: $UCALL_BACKEND chooses
 * how a guest calls its host.  The tests and the rest of their library stay as they are.
 *
 * The doorbell carries the address of the message, so that upstream's own pool of messages is used.
 * Each VM is attached when its ucalls are set up, and each vCPU at its first KVM_RUN, which this file
 * sees because the program's ioctl() is here.  Many tests expect the exit of the architecture's own
 * doorbell (UCALL_EXIT_REASON), so every doorbell's exit is shown as that one.
 *
 * All state is on the heap: what is in .data and .bss is loaded into each guest.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm_util.h"
#include "ucall_common.h"

/* Of <ucall/ucall.h>, whose struct ucall is not the kernel's. */
void ucall_vm_free(struct ucall_vm *vm);
const char *ucall_error(void);

/* Guest addresses after the shared area. */
#define DEVICE_ADDRESS (SHIM_ADDRESS + 0x10000000ull)

struct shim_vcpu {
	struct shim_vcpu *next;
	struct kvm_vcpu *vcpu;
	struct ucall_vcpu *bell;
	bool rang; /* since the last KVM_RUN */
	uint64_t where;
};

struct shim_vm {
	struct shim_vm *next;
	struct kvm_vm *vm;
	struct ucall_vm *bell;
	size_t run_size; /* of a struct kvm_run, mapped */
	uint64_t device, device_size; /* guest-physical pages that exit; size 0: none */
	struct shim_vcpu *vcpus;
};

struct shim {
	pthread_mutex_t lock;
	struct shim_vm *vms;
};

static struct shim *shim;

static void *map(void *owner, uint64_t gva, size_t size, unsigned int prot)
{
	struct kvm_vm *vm = ((struct shim_vm *)owner)->vm;
	size_t pages = (size + vm->page_size - 1) / vm->page_size;
	uint64_t gpa = vm_phy_pages_alloc(vm, pages, 2 * vm->page_size, vm->memslots[MEM_REGION_DATA]);

	virt_map(vm, gva, gpa, pages);
	return memset(addr_gpa2hva(vm, gpa), 0, pages * vm->page_size);
}

static uint64_t map_device(void *owner, uint64_t gpa, size_t size)
{
	struct shim_vm *s = owner;
	uint64_t page_size = s->vm->page_size, inside = gpa % page_size;

	s->device = gpa - inside;
	s->device_size = (inside + size + page_size - 1) / page_size * page_size;
	virt_map(s->vm, DEVICE_ADDRESS, s->device, s->device_size / page_size);
	return DEVICE_ADDRESS + inside;
}

static void forget_vcpus(struct shim_vm *s)
{
	while (s->vcpus) {
		struct shim_vcpu *vcpu = s->vcpus;

		s->vcpus = vcpu->next;
		ucall_vcpu_detach(vcpu->bell);
		free(vcpu);
	}
}

/* `whole`: the VM's memory goes, too. */
static void forget(struct kvm_vm *vm, bool whole)
{
	if (!shim)
		return;
	pthread_mutex_lock(&shim->lock);
	for (struct shim_vm **at = &shim->vms; *at; at = &(*at)->next) {
		struct shim_vm *s = *at;

		if (s->vm != vm)
			continue;
		forget_vcpus(s);
		if (whole) {
			*at = s->next;
			ucall_vm_free(s->bell);
			free(s);
		}
		break;
	}
	pthread_mutex_unlock(&shim->lock);
}

void ucall_arch_init(struct kvm_vm *vm, uint64_t mmio_gpa)
{
	struct ucall_attach_config config = {
		.kvm_fd = vm->kvm_fd,
		.vm_fd = vm->fd,
		.device_gpa = mmio_gpa,
		.page_size = vm->page_size,
		.address = SHIM_ADDRESS,
		.map = map,
		.map_device = map_device,
#if defined(__x86_64__)
		.irqchip = true, /* the library makes one afterwards */
#endif
	};
	struct shim_vm *s;

	forget(vm, true);
	s = calloc(1, sizeof(*s));
	if (!shim) {
		shim = calloc(1, sizeof(*shim));
		TEST_ASSERT(shim, "no memory");
		pthread_mutex_init(&shim->lock, NULL);
	}
	TEST_ASSERT(s, "no memory");
	s->vm = vm;
	config.owner = s;
	s->run_size = (size_t)ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	s->bell = ucall_vm_attach(&config);
	TEST_ASSERT(s->bell, "libucall: %s", ucall_error());
	pthread_mutex_lock(&shim->lock);
	s->next = shim->vms;
	shim->vms = s;
	pthread_mutex_unlock(&shim->lock);
}

/*
 * Finds the vCPU with that descriptor, and attaches it the first time.  NULL if the descriptor is not a
 * vCPU's, or its VM makes no ucalls.
 */
static struct shim_vcpu *find_vcpu(int fd)
{
	struct shim_vcpu *found = NULL;
	struct kvm_vcpu *vcpu;

	if (!shim)
		return NULL;
	pthread_mutex_lock(&shim->lock);
	for (struct shim_vm *s = shim->vms; s && !found; s = s->next) {
		for (found = s->vcpus; found; found = found->next)
			if (found->vcpu->fd == fd)
				break;
		if (found)
			break;
		list_for_each_entry(vcpu, &s->vm->vcpus, list) {
			if (vcpu->fd != fd)
				continue;
			found = calloc(1, sizeof(*found));
			TEST_ASSERT(found, "no memory");
			found->vcpu = vcpu;
			found->bell = ucall_vcpu_attach(s->bell, vcpu, vcpu->id, fd, vcpu->run,
							s->run_size);
			TEST_ASSERT(found->bell, "libucall: %s", ucall_error());
			found->next = s->vcpus;
			s->vcpus = found;
			break;
		}
	}
	pthread_mutex_unlock(&shim->lock);
	return found;
}

/* The program's, and that of its libraries. */
int ioctl(int fd, unsigned long request, ...)
{
	struct shim_vcpu *s;
	bool completes;
	va_list ap;
	void *arg;
	int r;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request != KVM_RUN || !(s = find_vcpu(fd)))
		return (int)syscall(SYS_ioctl, fd, request, arg);
	/* It completes the last exit's instruction, and the exit is asked for again. */
	completes = s->vcpu->run->immediate_exit;
	r = (int)syscall(SYS_ioctl, fd, request, arg);
	if (completes && r < 0 && errno == EINTR)
		return r;
	s->rang = !r && ucall_vcpu_rang(s->bell, &s->where) > 0;
	if (s->rang)
		s->vcpu->run->exit_reason = UCALL_EXIT_REASON;
	return r;
}

void *ucall_arch_get_ucall(struct kvm_vcpu *vcpu)
{
	struct shim_vcpu *s = find_vcpu(vcpu->fd);

#if defined(__riscv)
	/* The library's trap handler reports what no test expects by a call of its own. */
	if (vcpu->run->exit_reason == KVM_EXIT_RISCV_SBI && (!s || !s->rang) &&
	    vcpu->run->riscv_sbi.extension_id == KVM_RISCV_SELFTESTS_SBI_EXT &&
	    vcpu->run->riscv_sbi.function_id == KVM_RISCV_SELFTESTS_SBI_UNEXP) {
		vcpu_dump(stderr, vcpu, 2);
		TEST_FAIL("a trap that the guest does not expect");
	}
#endif
	return s && s->rang ? (void *)(uintptr_t)s->where : NULL;
}

/* ---- the end of a VM, by -Wl,--wrap ---- */

void __real_kvm_vm_free(struct kvm_vm *vm);
void __real_kvm_vm_release(struct kvm_vm *vm);

void __wrap_kvm_vm_free(struct kvm_vm *vm)
{
	if (vm)
		forget(vm, true);
	__real_kvm_vm_free(vm);
}

void __wrap_kvm_vm_release(struct kvm_vm *vm)
{
	forget(vm, false);
	__real_kvm_vm_release(vm);
}

/* ---- guests of guests: tables of their own for guest-physical memory ---- */

#if defined(__x86_64__)
/* Not in every version. */
__attribute__((weak)) void tdp_map(struct kvm_vm *vm, uint64_t nested_gpa, uint64_t gpa, uint64_t size);
__attribute__((weak)) void __real_tdp_identity_map_default_memslots(struct kvm_vm *vm);

/* They have the memory slots; a doorbell that is an address is in none. */
void __wrap_tdp_identity_map_default_memslots(struct kvm_vm *vm)
{
	__real_tdp_identity_map_default_memslots(vm);
	for (struct shim_vm *s = shim ? shim->vms : NULL; s; s = s->next)
		for (uint64_t at = 0; s->vm == vm && at < s->device_size; at += vm->page_size)
			tdp_map(vm, s->device + at, s->device + at, vm->page_size);
}
#endif
