// SPDX-License-Identifier: MIT
/*
 * The machine's own TDX, by KVM (Documentation/virt/kvm/x86/intel-tdx.rst).  launch.c has the calls and
 * their order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/options.h"
#include "launch.h"
#include "machine.h"
#include "arch/x86_64/x86_64.h"
#include "protect/tdx/tdx.h"
#include "protect/x86/guest-memfd.h"

#define SHARED_BIT (1ull << 47) /* addresses have 48 bits: KVM_TDX_INIT_VM */

struct real_vm {
	struct tdx_launch launch;
	struct ucall_private_pages pages;
	uint64_t reset_root;
	void *reset; /* a page that KVM asks for beside the private reset page; it is not used */
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
	struct tdx_machine machine;

	tdx_probe(&machine, kvm_fd);
	return tdx_check_machine(&machine);
}

static int create_vm(struct ucall_machine *vm, int kvm_fd)
{
	struct real_vm *tdx = ucall_calloc(1, sizeof(*tdx));

	if (!tdx)
		return -1;
	vm->guard_data = tdx;
	tdx->reset = MAP_FAILED;
	tdx->launch = (struct tdx_launch){
		.attributes = ucall_args_uint(vm->protection_options, "attributes"),
		.kvm_fd = kvm_fd,
		.call = call_kvm,
		.vm_fd = -1,
		.memfd = -1,
	};
	if (vm->irqchip)
		return tdx_refuse_irqchip();
	vm->memory.has_private = true;
	vm->memory.shared_bits = SHARED_BIT;
	return tdx_launch(&tdx->launch, TDX_PART_CREATE) ? -1 : tdx->launch.vm_fd;
}

static int vm_init(struct ucall_machine *vm, int kvm_fd, int fd)
{
	struct tdx_launch *l = &real_vm(vm)->launch;

	l->supported = ucall_x86_64_cpuid(vm, kvm_fd);
	return l->supported ? tdx_launch(l, TDX_PART_INIT) : -1;
}

/* The engine closes the VM's own descriptor. */
static void vm_fini(struct ucall_machine *vm)
{
	struct real_vm *tdx = real_vm(vm);

	if (!tdx)
		return;
	if (tdx->launch.memfd >= 0)
		close(tdx->launch.memfd);
	if (tdx->reset != MAP_FAILED)
		munmap(tdx->reset, UCALL_PAGE_SIZE);
	ucall_private_free(&tdx->pages);
	free(tdx->launch.capabilities);
	free(tdx->launch.init_vm);
	free(tdx->launch.contents);
	free(tdx);
	vm->guard_data = NULL;
}

static int set_memory(struct ucall_machine *vm, int fd)
{
	struct real_vm *tdx = real_vm(vm);
	struct tdx_launch *l = &tdx->launch;

	tdx->reset = mmap(NULL, UCALL_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tdx->reset == MAP_FAILED)
		return ucall_fail_call("mmap");
	l->memory = vm->memory.base;
	l->memory_size = vm->memory.size;
	l->reset_memory = tdx->reset;
	return tdx_launch(l, TDX_PART_MEMORY);
}

/* CPUID before KVM_TDX_INIT_VCPU, which fails if it has no x2APIC. */
static int vcpu_init(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	struct real_vm *tdx = real_vm(vcpu->vm);
	struct tdx_launch *l = &tdx->launch;

	run->kvm_valid_regs = 0;
	if (ioctl(fd, KVM_SET_CPUID2, l->supported))
		return ucall_fail_call("KVM_SET_CPUID2");
	if (tdx_make_start(vcpu, &tdx->reset_root))
		return -1;
	l->vcpu_fd = fd;
	l->start = vcpu->boot.start_arg;
	return tdx_launch(l, TDX_PART_VCPU);
}

static void vcpu_fini(struct ucall_cpu *vcpu)
{
}

/* No register can be set. */
static int boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	return 0;
}

/* ---- the launch ---- */

static int by_address(const void *a, const void *b)
{
	const struct tdx_contents *x = a, *y = b;

	return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/*
 * The pieces of private memory that have contents: all that was allocated but the vCPUs' stacks, and the
 * reset page.
 */
static int describe_contents(const struct ucall_machine *vm, struct tdx_launch *l)
{
	const struct ucall_memory *mem = &vm->memory;
	struct tdx_contents *pieces = ucall_calloc((size_t)vm->vcpu_count * 2 + 2, sizeof(*pieces));
	uint64_t at = UCALL_PAGE_SIZE; /* the first page is never allocated */
	size_t stacks = 0, n = 0;

	if (!pieces)
		return -1;
	/* First the stacks, in the second half. */
	for (const struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
		pieces[vm->vcpu_count + 1 + stacks++].gpa = tdx_stack(vcpu);
	qsort(pieces + vm->vcpu_count + 1, stacks, sizeof(*pieces), by_address);
	for (size_t i = 0; i <= stacks; i++) {
		const uint64_t end = i < stacks ? pieces[vm->vcpu_count + 1 + i].gpa : mem->next;

		if (end > at)
			pieces[n++] = (struct tdx_contents){ at, end - at, mem->private_base + at };
		at = end + UCALL_STACK_SIZE;
	}
	pieces[n++] = (struct tdx_contents){ TDX_RESET_PAGE, UCALL_PAGE_SIZE, tdx_reset_page };
	l->contents = pieces;
	l->content_count = n;
	l->content = 0;
	return 0;
}

static int launch(struct ucall_machine *vm)
{
	struct real_vm *tdx = real_vm(vm);
	struct tdx_launch *l = &tdx->launch;

	if (l->contents)
		return tdx_refuse_launch();
	tdx_share_by_first(vm);
	if (describe_contents(vm, l) || ucall_private_track(&tdx->pages, &vm->memory))
		return -1;
	ucall_private_mark(&tdx->pages, 0, vm->memory.size, true);
	l->vcpu_fd = vm->engine->vcpu_fd(tdx_first_vcpu(vm));
	if (tdx_launch(l, TDX_PART_LAUNCH))
		return -1;
	/* The launch has copied the contents. */
	if (madvise(vm->memory.private_base, vm->memory.size, MADV_DONTNEED))
		return ucall_fail_call("madvise");
	return tdx_run_start(vm);
}

char *tdx_real_launch_list(const struct ucall_machine *vm,
			   const struct ucall_protection *protection, const struct ucall_args *args)
{
	struct tdx_launch l = {
		.attributes = ucall_args_uint(args, "attributes"),
		.memory = vm->memory.base,
		.memory_size = vm->memory.size,
	};
	uint64_t *starts = ucall_calloc((size_t)vm->vcpu_count + 1, sizeof(*starts));
	char *text = NULL;

	for (const struct ucall_cpu *vcpu = vm->vcpus; starts && vcpu; vcpu = vcpu->next)
		starts[vcpu->number] = vcpu->boot.start_arg;
	if (starts && !describe_contents(vm, &l))
		text = tdx_launch_list(&l, starts, vm->vcpu_count);
	free(l.contents);
	free(l.capabilities);
	free(l.init_vm);
	free(starts);
	return text;
}

/* ---- launched ---- */

static int set_private(struct ucall_machine *vm, uint64_t gpa, size_t size, bool is_private)
{
	return x86_memfd_set_private(real_vm(vm)->launch.vm_fd, &real_vm(vm)->pages, gpa, size,
				     is_private);
}

static bool is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	return gpa < vm->memory.size && ucall_private_has(&real_vm(vm)->pages, &vm->memory, gpa);
}

const struct ucall_kvm_guard tdx_real = {
	.guard = { .launch = launch,
		   .set_private = set_private,
		   .told = tdx_told,
		   .is_private = is_private,
		   .copy = ucall_protection_refuse_copy,
		   .private_memory = UCALL_PRIVATE_APART },
	.check = check,
	.create_vm = create_vm,
	.vm_init = vm_init,
	.vm_fini = vm_fini,
	.set_memory = set_memory,
	.vcpu_init = vcpu_init,
	.vcpu_fini = vcpu_fini,
	.boot = boot,
	.run = x86_memfd_run,
};
