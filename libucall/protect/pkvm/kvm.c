// SPDX-License-Identifier: MIT
/*
 * Protected VMs of this machine's KVM (Documentation/virt/kvm/arm/pkvm.rst).  What the host writes
 * before the first KVM_RUN is the guest's first content of its memory.  A page becomes the guest's own
 * when the guest touches it.  The guest shares what lies above memory.end, before its first function
 * runs (arch/aarch64/stubs.S).
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"
#include "arch/stubs.h"
#include "base/error.h"
#include "emulated.h"
#include "machine/memory.h"
#include "pkvm.h"
#include "protect/private-pages.h"
#include "protect/revoked.h"

#define TYPE_PROTECTED (1ul << 31) /* KVM_VM_TYPE_ARM_PROTECTED */

extern const uint8_t ucall_stub_share[] UCALL_HIDDEN;

struct pkvm_vm {
	struct ucall_private_pages pages; /* what the guest says; it may lie */
	struct ucall_revocable *memory; /* after the launch */
	uint64_t start; /* guest address of struct pkvm_start; 0: no vCPU has been added */
};

static struct pkvm_vm *pkvm_vm(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

/* A descriptor, or -1 without a message. */
static int try_create(int kvm_fd)
{
	int fd;

	do
		fd = ioctl(kvm_fd, KVM_CREATE_VM, TYPE_PROTECTED);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static int fail_create(void)
{
	if (errno == EINVAL)
		return ucall_fail(EOPNOTSUPP,
				  "this KVM has no protected VMs; boot Linux 7.3 or later "
				  "with kvm-arm.mode=protected");
	return ucall_fail_call("KVM_CREATE_VM");
}

static int check(int kvm_fd, const struct ucall_protection *protection)
{
	int fd = try_create(kvm_fd);

	if (fd < 0)
		return fail_create();
	close(fd);
	return 0;
}

static int create_vm(struct ucall_machine *vm, int kvm_fd)
{
	struct pkvm_vm *pkvm = ucall_calloc(1, sizeof(*pkvm));
	int fd;

	if (!pkvm)
		return -1;
	vm->guard_data = pkvm;
	vm->memory.has_private = true;
	fd = try_create(kvm_fd);
	return fd < 0 ? fail_create() : fd;
}

static int vm_init(struct ucall_machine *vm, int kvm_fd, int fd)
{
	return 0;
}

static void vm_fini(struct ucall_machine *vm)
{
	struct pkvm_vm *pkvm = pkvm_vm(vm);

	if (!pkvm)
		return;
	ucall_revocable_remove(pkvm->memory);
	ucall_private_free(&pkvm->pages);
	free(pkvm);
	vm->guard_data = NULL;
}

/* A process with this capability may lock any amount of memory (capabilities(7)). */
static bool may_lock_memory(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	return !syscall(SYS_capget, &header, data) && data[0].effective >> CAP_IPC_LOCK & 1;
}

/* The guest's pages count against RLIMIT_MEMLOCK. */
static int raise_limit(size_t size)
{
	struct rlimit limit;

	if (may_lock_memory() || getrlimit(RLIMIT_MEMLOCK, &limit) || limit.rlim_cur >= size)
		return 0;
	if (limit.rlim_max < size)
		return ucall_fail(
			ENOMEM,
			"a protected guest of %zu bytes needs as much locked memory, and "
			"the limit is %llu; raise it (ulimit -l %zu) or set a smaller mem_size",
			size, (unsigned long long)limit.rlim_max, size / 1024);
	limit.rlim_cur = size;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? ucall_fail_call("setrlimit") : 0;
}

static int set_memory(struct ucall_machine *vm, int fd)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = vm->memory.size,
		.userspace_addr = (uint64_t)(uintptr_t)vm->memory.base,
	};

	if (raise_limit(vm->memory.size))
		return -1;
	/* fork() would copy the guest's own pages, for which the kernel takes them away from it. */
	if (madvise(vm->memory.base, vm->memory.size, MADV_DONTFORK))
		return ucall_fail_call("madvise");
	if (ioctl(fd, KVM_SET_USER_MEMORY_REGION, &region))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static int vcpu_init(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	struct pkvm_vm *pkvm = pkvm_vm(vcpu->vm);

	if (!pkvm->start)
		pkvm->start = ucall_memory_alloc(vcpu->vm, sizeof(struct pkvm_start), 0);
	if (!pkvm->start)
		return -1;
	vcpu->boot.start = ucall_stub_address(ucall_stub_share);
	vcpu->boot.start_arg = pkvm->start;
	return 0;
}

static void vcpu_fini(struct ucall_cpu *vcpu)
{
}

/* ---- launched ---- */

/* Runs a vCPU until it has shared what the host needs. */
static int share(struct ucall_cpu *vcpu)
{
	int fd = vcpu->vm->engine->vcpu_fd(vcpu);
	struct kvm_run *run = vcpu->vm->engine->vcpu_run(vcpu);

	do {
		int kicked = __atomic_exchange_n(&run->immediate_exit, 0, __ATOMIC_SEQ_CST);
		int r = ioctl(fd, KVM_RUN, 0);

		/* A kick is for the first run after the launch. */
		if (kicked)
			__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		if (r && errno != EINTR)
			return ucall_fail_call("KVM_RUN");
		if (r)
			run->exit_reason = KVM_EXIT_INTR;
	} while (run->exit_reason == KVM_EXIT_INTR);
	if (run->exit_reason == KVM_EXIT_MMIO &&
	    run->mmio.phys_addr == STUB_STOP_GPA + PKVM_STOP_DONE)
		return 0;
	if (run->exit_reason == KVM_EXIT_MMIO &&
	    run->mmio.phys_addr == STUB_STOP_GPA + PKVM_STOP_FAILED)
		return ucall_fail(
			EIO,
			"the guest could not share its mailbox with the host: the hypervisor "
			"answered %lld to MEM_SHARE, or has another granule than 4096",
			*(const long long *)(const void *)run->mmio.data);
	return ucall_fail(EIO, "the guest could not share its mailbox with the host: %s",
			  ucall_kvm_exit_name(run->exit_reason));
}

static int launch(struct ucall_machine *vm)
{
	struct pkvm_vm *pkvm = pkvm_vm(vm);
	struct pkvm_start *start = ucall_memory_view(vm, pkvm->start, sizeof(*start));
	struct ucall_cpu *first = vm->vcpus;

	while (first->next)
		first = first->next;
	if (!start || ucall_private_track(&pkvm->pages, &vm->memory))
		return -1;
	*start = (struct pkvm_start){ .gpa = vm->memory.end, .end = vm->memory.size };
	pkvm->memory = ucall_revocable_add(vm->memory.base, vm->memory.size);
	if (pkvm->memory && !share(first))
		return 0;
	ucall_revocable_remove(pkvm->memory);
	pkvm->memory = NULL;
	ucall_private_free(&pkvm->pages);
	return -1;
}

static int told(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	ucall_private_mark(&pkvm_vm(vm)->pages, gpa, size, is_private);
	return 0;
}

static bool is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return ucall_private_has(&pkvm_vm(vm)->pages, &vm->memory, gpa);
}

static bool is_lost(const struct ucall_machine *vm, const void *page)
{
	return pkvm_vm(vm)->memory && ucall_revocable_is_lost(pkvm_vm(vm)->memory, page);
}

static enum ucall_run_end run(struct ucall_cpu *vcpu, int fd, struct kvm_run *run, size_t run_size)
{
	enum ucall_run_end end = ucall_kvm_enter(vcpu, false);

	if (end == UCALL_RUN_FAILED && errno == EFAULT)
		ucall_fail(EFAULT,
			   "KVM_RUN: the guest touched a page of its own that the host has taken "
			   "away from it");
	return end;
}

static const struct ucall_kvm_guard guard = {
	.guard = { .launch = launch,
		   .told = told,
		   .is_private = is_private,
		   .is_lost = is_lost,
		   .copy = ucall_protection_refuse_copy },
	.check = check,
	.create_vm = create_vm,
	.vm_init = vm_init,
	.vm_fini = vm_fini,
	.set_memory = set_memory,
	.vcpu_init = vcpu_init,
	.vcpu_fini = vcpu_fini,
	.run = run,
};

static const struct ucall_kvm_guard *find(const struct ucall_protection *protection)
{
	return &guard;
}

const struct ucall_kvm_guards pkvm_guards = { .bits = UCALL_PROTECT_PKVM, .find = find };
