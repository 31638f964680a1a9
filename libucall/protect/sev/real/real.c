// SPDX-License-Identifier: MIT
/*
 * The machine's own SEV, SEV-ES and SEV-SNP, by KVM (KVM API document, "Secure Encrypted
 * Virtualization (SEV)").  launch.c has the calls and their order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/x86_64/x86_64.h"
#include "base/error.h"
#include "machine.h"
#include "base/options.h"
#include "launch.h"
#include "protect/sev/sev.h"
#include "protect/x86/guest-memfd.h"

struct real_vm {
	struct sev_launch launch;
	struct kvm_cpuid2 *cpuid; /* of its vCPUs */
	struct ucall_private_pages pages; /* SNP only */
};

static struct real_vm *real_vm(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

static int call_kvm(void *data, int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg);
}

static int check(int kvm_fd, const struct ucall_protection *protection)
{
	struct sev_machine machine;

	sev_probe(&machine, kvm_fd);
	return sev_check_machine(&machine, protection->bit);
}

/* By the options; api=auto goes by the machine. */
static void set_up_launch(const struct ucall_machine *vm, const struct sev_machine *machine,
			  struct sev_launch *l)
{
	uint64_t api = ucall_args_uint(vm->protection_options, "api"); /* auto|old|new */

	l->bit = vm->protection->bit;
	l->policy = ucall_args_uint(vm->protection_options, "policy");
	l->old_api = api ? api == 1 : sev_needs_old_api(machine, l->bit);
	l->call = call_kvm;
	l->vm_fd = l->memfd = l->sev_fd = -1;
}

static int create_vm(struct ucall_machine *vm, int kvm_fd)
{
	struct real_vm *sev = ucall_calloc(1, sizeof(*sev));
	struct sev_machine machine;

	if (!sev)
		return -1;
	vm->guard_data = sev;
	sev_probe(&machine, kvm_fd);
	set_up_launch(vm, &machine, &sev->launch);
	sev->launch.kvm_fd = kvm_fd;
	sev->launch.sev_fd = sev_open_device();
	if (sev->launch.sev_fd < 0)
		return ucall_fail_call("/dev/sev");
	sev_set_c_bit(&vm->memory, 1ull << machine.c_bit);
	if (sev_launch(&sev->launch, SEV_PART_CREATE))
		return -1;
	return sev->launch.vm_fd;
}

static int vm_init(struct ucall_machine *vm, int kvm_fd, int fd)
{
	const struct kvm_cpuid2 *supported = ucall_x86_64_cpuid(vm, kvm_fd);
	struct real_vm *sev = real_vm(vm);

	if (!supported || sev_launch(&sev->launch, SEV_PART_INIT))
		return -1;
	sev->cpuid = sev_make_cpuid(vm, supported);
	return sev->cpuid ? 0 : -1;
}

/* The engine closes the VM's own descriptor. */
static void vm_fini(struct ucall_machine *vm)
{
	struct real_vm *sev = real_vm(vm);

	if (!sev)
		return;
	if (sev->launch.memfd >= 0)
		close(sev->launch.memfd);
	if (sev->launch.sev_fd >= 0)
		close(sev->launch.sev_fd);
	ucall_private_free(&sev->pages);
	free(sev->cpuid);
	free(sev);
	vm->guard_data = NULL;
}

static void describe_memory(const struct ucall_machine *vm, struct sev_launch *l)
{
	const struct ucall_memory *mem = &vm->memory;

	l->memory = mem->base;
	l->memory_size = mem->size;
	l->source = mem->private_base;
	l->private_start = UCALL_PAGE_SIZE; /* the first page is never allocated */
	l->private_end = mem->next;
}

char *sev_real_launch_list(const struct ucall_machine *vm,
			   const struct ucall_protection *protection, const struct ucall_args *args)
{
	struct sev_launch l = {
		.bit = protection->bit,
		.policy = ucall_args_uint(args, "policy"),
		.old_api = ucall_args_uint(args, "api") == 1,
	};

	describe_memory(vm, &l);
	return sev_launch_list(&l, vm->vcpu_count);
}

static int set_memory(struct ucall_machine *vm, int fd)
{
	describe_memory(vm, &real_vm(vm)->launch);
	return sev_launch(&real_vm(vm)->launch, SEV_PART_MEMORY);
}

static int vcpu_init(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	if (ioctl(fd, KVM_SET_CPUID2, real_vm(vcpu->vm)->cpuid))
		return ucall_fail_call("KVM_SET_CPUID2");
	if (ucall_protection_closes(vcpu->vm->protection))
		run->kvm_valid_regs = 0; /* KVM_RUN would fail with EINVAL */
	return 0;
}

static void vcpu_fini(struct ucall_cpu *vcpu)
{
}

static int launch(struct ucall_machine *vm)
{
	struct sev_launch *l = &real_vm(vm)->launch;

	describe_memory(vm, l);
	l->measurement = vm->measurement;
	l->measurement_room = sizeof(vm->measurement);
	if (sev_launch(l, SEV_PART_LAUNCH))
		return -1;
	vm->measurement_size = (int)l->measurement_size;
	return 0;
}

/* The launch has copied the initial contents of private pages: frees them. */
static int launch_snp(struct ucall_machine *vm)
{
	if (ucall_private_track(&real_vm(vm)->pages, &vm->memory) || launch(vm))
		return -1;
	if (madvise(vm->memory.private_base, vm->memory.size, MADV_DONTNEED))
		return ucall_fail_call("madvise");
	return 0;
}

static int set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	return x86_memfd_set_private(real_vm(vm)->launch.vm_fd, &real_vm(vm)->pages, gpa, size,
				     is_private);
}

static bool is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return ucall_private_has(&real_vm(vm)->pages, &vm->memory, gpa);
}

#define COMMON \
	.check = check, .create_vm = create_vm, .vm_init = vm_init, .vm_fini = vm_fini, \
	.set_memory = set_memory, .vcpu_init = vcpu_init, .vcpu_fini = vcpu_fini, .run = x86_memfd_run

const struct ucall_kvm_guard sev_real = {
	.guard = { .launch = launch },
	COMMON,
};

const struct ucall_kvm_guard sev_real_snp = {
	.guard = { .launch = launch_snp,
		   .private_memory = UCALL_PRIVATE_APART,
		   .set_private = set_private,
		   .is_private = is_private },
	COMMON,
};
