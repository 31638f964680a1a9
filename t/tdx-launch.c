// SPDX-License-Identifier: MIT
/*
 * Launches of trust domains against a stand-in for KVM and the TDX module: the library's code for
 * them (libucall/protect/tdx/real) calls this program's ioctl().  The stand-in checks the order and
 * the arguments of each call against Documentation/virt/kvm/x86/intel-tdx.rst and KVM's own checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <ucall/test.h>

#include "arch/x86_64/layout.h"
#include "machine/regions.h"
#include "arch/x86_64/x86_64.h"
#include "protect/tdx/real/launch.h"
#include "protect/tdx/real/machine.h"
#include "protect/tdx/tdx.h"
#include "bare-machine.h"
#include "resources.h"

#define PAGE UCALL_PAGE_SIZE
#define MEMORY (4ul << 20)
#define PRIVATE_END 0x80000
#define VCPUS 2
#define STATUS 0xc000010000000041 /* TDX_OPERAND_INVALID, XFAM */

/* ---- the stand-in ---- */

static struct {
	int fail_at; /* the call that fails; -1: none */
	bool partly; /* KVM_TDX_INIT_MEM_REGION does a page at a time */

	int calls;
	char problem[256];
	int kvm_fd, vm_fd, memfd, vcpu_fd[VCPUS];
	bool split, hypercalls, has_vm, slots[2], is_private[2], final;
	unsigned int vcpus; /* with KVM_TDX_INIT_VCPU */
	uint64_t attributes, starts[VCPUS], pages, next;
	uint32_t width, leaf_1;
	const void *shared_base;
} kvm;

static int wrong(int error, const char *what)
{
	if (!kvm.problem[0])
		snprintf(kvm.problem, sizeof(kvm.problem), "call %d: %s", kvm.calls, what);
	errno = error;
	return -1;
}

#define WANT(cond, error) \
	do { \
		if (!(cond)) \
			return wrong(error, #cond); \
	} while (0)

static int new_fd(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC);
}

static int enable_cap(const struct kvm_enable_cap *cap)
{
	WANT(!cap->flags && !kvm.has_vm, EINVAL);
	if (cap->cap == KVM_CAP_SPLIT_IRQCHIP) {
		WANT(cap->args[0] && cap->args[0] <= 4096, EINVAL);
		kvm.split = true;
		return 0;
	}
	WANT(cap->cap == X86_CAP_EXIT_HYPERCALL && cap->args[0] == 1 << 12, EINVAL);
	kvm.hypercalls = true;
	return 0;
}

static int get_capabilities(struct tdx_capabilities *c)
{
	WANT(c->cpuid.nent >= 3, E2BIG);
	c->supported_attrs = 1u << 28;
	c->supported_xfam = 0x2e7;
	c->cpuid.nent = 3;
	memset(c->cpuid.entries, 0, 3 * sizeof(c->cpuid.entries[0]));
	c->cpuid.entries[0] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 0xff, .edx = 0x10 };
	c->cpuid.entries[1] = (struct kvm_cpuid_entry2){ .function = 7,
							 .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
							 .ebx = 0xffffffff };
	c->cpuid.entries[2] = (struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = 0xff0000 };
	return 0;
}

static int init_vm(const struct tdx_init_vm *v)
{
	WANT(kvm.split, EINVAL);
	WANT(!kvm.has_vm && !kvm.vcpus, EINVAL);
	WANT(!(v->attributes & ~(1ull << 28)) && !v->xfam, EINVAL);
	for (int i = 0; i < 12; i++)
		WANT(!v->reserved[i], EINVAL);
	WANT(!v->cpuid.padding && v->cpuid.nent <= 256, EINVAL);
	for (uint32_t i = 0; i < v->cpuid.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &v->cpuid.entries[i];

		WANT(e->function == 1 || e->function == 0x80000008, EINVAL);
		if (e->function == 1)
			kvm.leaf_1 = e->ecx;
		else
			kvm.width = e->eax >> 16 & 0xff;
	}
	WANT(kvm.width == 48 || kvm.width == 52, EINVAL);
	kvm.attributes = v->attributes;
	kvm.has_vm = true;
	return 0;
}

static int init_vcpu(int fd, uint64_t rcx)
{
	WANT(kvm.has_vm && !kvm.final, EINVAL);
	for (unsigned int i = 0; i < VCPUS; i++)
		if (kvm.vcpu_fd[i] == fd) {
			WANT(!kvm.starts[i] && rcx, EINVAL);
			kvm.starts[i] = rcx;
			kvm.vcpus++;
			return 0;
		}
	return wrong(EINVAL, "not a vCPU");
}

static int init_region(int fd, uint32_t flags, struct tdx_region *r)
{
	const uint64_t size = r->nr_pages * PAGE;

	WANT(fd == kvm.vcpu_fd[0] && kvm.starts[0] && !kvm.final, EINVAL);
	WANT(!(flags & ~1u), EINVAL);
	WANT(r->source_addr && r->source_addr % PAGE == 0 && r->gpa % PAGE == 0, EINVAL);
	WANT(r->nr_pages && r->gpa + size > r->gpa, EINVAL);
	if (r->gpa == TDX_RESET_PAGE) {
		WANT(r->nr_pages == 1 && kvm.is_private[1] && kvm.slots[1], EINVAL);
		/* JMP back from the first instruction. */
		WANT(((const uint8_t *)(uintptr_t)r->source_addr)[TDX_RESET_OFFSET] == 0xeb ||
			     ((const uint8_t *)(uintptr_t)r->source_addr)[TDX_RESET_OFFSET] == 0xe9,
		     EINVAL);
	} else {
		WANT(kvm.is_private[0] && kvm.slots[0] && r->gpa + size <= MEMORY, EINVAL);
		WANT(r->gpa >= kvm.next, EINVAL);
		kvm.next = r->gpa + (kvm.partly ? PAGE : size);
	}
	if (kvm.partly) {
		r->source_addr += PAGE;
		r->gpa += PAGE;
		r->nr_pages--;
		kvm.pages++;
		return 0;
	}
	kvm.pages += r->nr_pages;
	r->gpa += size;
	r->source_addr += size;
	r->nr_pages = 0;
	return 0;
}

static int encrypt_op(int fd, struct tdx_command *c)
{
	WANT(!c->hw_error, EINVAL);
	WANT(c->id == TDX_INIT_MEM_REGION || !c->flags, EINVAL);
	switch (c->id) {
	case TDX_CAPABILITIES:
		WANT(fd == kvm.vm_fd, EINVAL);
		return get_capabilities((struct tdx_capabilities *)(uintptr_t)c->data);
	case TDX_INIT_VM:
		WANT(fd == kvm.vm_fd, EINVAL);
		return init_vm((const struct tdx_init_vm *)(uintptr_t)c->data);
	case TDX_INIT_VCPU:
		return init_vcpu(fd, c->data);
	case TDX_INIT_MEM_REGION:
		return init_region(fd, c->flags, (struct tdx_region *)(uintptr_t)c->data);
	case TDX_FINALIZE_VM:
		WANT(fd == kvm.vm_fd && kvm.pages && !kvm.final, EINVAL);
		kvm.final = true;
		return 0;
	default:
		return wrong(EINVAL, "an unknown command");
	}
}

static int set_memory(const struct x86_memory_region *r)
{
	WANT(r->slot < 2 && r->flags == X86_MEM_GUEST_MEMFD && (int)r->guest_memfd == kvm.memfd,
	     EINVAL);
	WANT(r->userspace_addr % PAGE == 0 && r->userspace_addr, EINVAL);
	WANT(r->slot ? r->guest_phys_addr == TDX_RESET_PAGE && r->memory_size == PAGE &&
			       r->guest_memfd_offset == MEMORY
		     : !r->guest_phys_addr && r->memory_size == MEMORY && !r->guest_memfd_offset,
	     EINVAL);
	kvm.slots[r->slot] = true;
	return 0;
}

static int set_attributes(const struct x86_attributes *a)
{
	const bool reset = a->address == TDX_RESET_PAGE;

	WANT(!a->flags && a->attributes == X86_ATTRIBUTE_PRIVATE, EINVAL);
	WANT(a->size == (reset ? PAGE : MEMORY) && (reset || !a->address), EINVAL);
	kvm.is_private[reset] = true;
	return 0;
}

static int call_kvm(int fd, unsigned long request, void *arg)
{
	if (request == KVM_CREATE_VM) {
		WANT(fd == kvm.kvm_fd && (uintptr_t)arg == TDX_VM_TYPE, EINVAL);
		return kvm.vm_fd = new_fd();
	}
	if (request == X86_IOCTL_ENCRYPT_OP)
		return encrypt_op(fd, arg);
	WANT(fd == kvm.vm_fd, EBADF);
	if (request == KVM_ENABLE_CAP)
		return enable_cap(arg);
	if (request == X86_IOCTL_CREATE_MEMFD) {
		WANT(((struct x86_memfd *)arg)->size == MEMORY + PAGE, EINVAL);
		return kvm.memfd = new_fd();
	}
	if (request == X86_IOCTL_SET_MEMORY)
		return set_memory(arg);
	if (request == X86_IOCTL_SET_ATTRIBUTES)
		return set_attributes(arg);
	return wrong(ENOTTY, "an unknown call");
}

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == KVM_SET_CPUID2)
		return 0;
	if (kvm.calls++ == kvm.fail_at) {
		if (request == X86_IOCTL_ENCRYPT_OP)
			((struct tdx_command *)arg)->hw_error = STATUS;
		errno = EIO;
		return -1;
	}
	return call_kvm(fd, request, arg);
}

void tdx_probe(struct tdx_machine *m, int kvm_fd)
{
	*m = (struct tdx_machine){ .has_kvm_intel = true, .parameter = 1, .vm_types = 1 << 5 };
}

/* It has leaf 1 and 0x80000008, but not 7. */
const struct kvm_cpuid2 *ucall_x86_64_cpuid(const struct ucall_machine *vm, int kvm_fd)
{
	static union {
		struct kvm_cpuid2 head;
		uint8_t bytes[sizeof(struct kvm_cpuid2) + 2 * sizeof(struct kvm_cpuid_entry2)];
	} cpuid;

	cpuid.head.nent = 2;
	cpuid.head.entries[0] = (struct kvm_cpuid_entry2){ .function = 1, .ecx = 0xf3 };
	cpuid.head.entries[1] = (struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = 0x3034 };
	return &cpuid.head;
}

/* The first vCPU runs only after KVM_TDX_FINALIZE_VM, and then has shared. */
static enum ucall_run_end run_vcpu(struct ucall_cpu *vcpu, int64_t deadline)
{
	if (!kvm.final || vcpu->number)
		return UCALL_RUN_FAILED;
	vcpu->exit.reason = UCALL_EXIT_IO;
	vcpu->exit.u.io.port = TDX_STARTED_PORT;
	return UCALL_RUN_EXIT;
}

int ucall_engine_check_protection(const struct ucall_protection *protection)
{
	return 0;
}

/* ---- a VM ---- */

static int vcpu_fd(const struct ucall_cpu *vcpu)
{
	return kvm.vcpu_fd[vcpu->number];
}

/* What the core does for a vCPU, as far as its start needs it. */
static int add_vcpu(struct ucall_machine *vm, struct ucall_cpu *vcpu, unsigned int number)
{
	struct ucall_memory *mem = &vm->memory;
	uint64_t stack = ucall_memory_alloc_pages(mem, UCALL_STACK_SIZE / PAGE);
	struct kvm_run run = { .kvm_valid_regs = 1 };

	vcpu->vm = vm;
	vcpu->number = number;
	vcpu->boot.sp = UCALL_STACK_ADDRESS + UCALL_STACK_SIZE;
	vcpu->boot.root = vm->arch->new_root(mem);
	for (uint64_t at = 0; at < UCALL_STACK_SIZE; at += PAGE)
		CHECK_OK(!vm->arch->map(mem, vcpu->boot.root, UCALL_STACK_ADDRESS + at, stack + at,
					UCALL_MAP_WRITE));
	kvm.vcpu_fd[number] = new_fd();
	if (tdx_real.vcpu_init(vcpu, kvm.vcpu_fd[number], &run) ||
	    tdx_real.boot(vcpu, kvm.vcpu_fd[number], &run))
		return -1;
	CHECK_EQ(run.kvm_valid_regs, 0);
	vcpu->next = vm->vcpus;
	vm->vcpus = vcpu;
	vm->vcpu_count++;
	return 0;
}

static int build(struct ucall_machine *vm, struct ucall_cpu *vcpus, int kvm_fd)
{
	int fd = tdx_real.create_vm(vm, kvm_fd);

	if (fd < 0 || tdx_real.vm_init(vm, kvm_fd, fd) || tdx_real.set_memory(vm, fd))
		return -1;
	vm->stub_code = ucall_memory_alloc_pages(&vm->memory, STUB_CODE_SIZE / PAGE);
	vm->arch_gpa = ucall_memory_alloc_pages(&vm->memory, X86_TABLES_PAGES);
	for (unsigned int i = 0; i < VCPUS; i++)
		if (add_vcpu(vm, &vcpus[i], i))
			return -1;
	vm->memory.next = PRIVATE_END;
	return tdx_real.guard.launch(vm);
}

/* The whole life of a VM; returns the launch's result. */
static int live(const char *kind)
{
	struct ucall_engine engine = bare_paging;
	struct ucall_cpu vcpus[VCPUS] = { { 0 } };
	struct ucall_machine vm;
	int r;

	engine.vcpu_fd = vcpu_fd;
	engine.run = run_vcpu;
	kvm.kvm_fd = new_fd();
	memset(&vm, 0, sizeof(vm));
	CHECK_OK(!ucall_machine_init(&vm, &engine, &ucall_arch_x86_64));
	CHECK_OK(!ucall_protect_choose(&vm, kind));
	CHECK_OK(!tdx_real.check(kvm.kvm_fd, vm.protection));
	CHECK_OK(!ucall_pages_init(&vm.memory, MEMORY, tdx_real.guard.private_memory));
	CHECK_OK(!ucall_regions_init(&vm.memory));
	vm.memory.private_base[PAGE] = 0x5a;
	r = build(&vm, vcpus, kvm.kvm_fd);
	if (!r) {
		CHECK_EQ(vm.memory.shared_bits, 1ull << 47);
		CHECK_EQ(vm.memory.private_base[PAGE], 0); /* what was copied into the guest */
	}
	tdx_real.vm_fini(&vm);
	if (kvm.vm_fd >= 0)
		close(kvm.vm_fd);
	for (int i = 0; i < VCPUS; i++)
		if (kvm.vcpu_fd[i] >= 0)
			close(kvm.vcpu_fd[i]);
	close(kvm.kvm_fd);
	ucall_memory_fini(&vm);
	ucall_machine_fini(&vm);
	return r;
}

static void start(int fail_at)
{
	memset(&kvm, 0, sizeof(kvm));
	kvm.fail_at = fail_at;
	kvm.vm_fd = kvm.memfd = kvm.vcpu_fd[0] = kvm.vcpu_fd[1] = -1;
}

#define CALLS 17 /* 5, 5, 2 vCPUs, 3 pieces of memory and the reset page, FINALIZE */

static void check_launched(void)
{
	if (kvm.problem[0])
		FAIL("%s", kvm.problem);
	CHECK(kvm.final && kvm.hypercalls && kvm.vcpus == VCPUS);
	/* All private pages but the first, which is never used, and the stacks; and the reset page. */
	CHECK_EQ(kvm.pages, PRIVATE_END / PAGE - 1 - VCPUS * UCALL_STACK_SIZE / PAGE + 1);
	CHECK_EQ(kvm.width, 48);
	CHECK_EQ(kvm.leaf_1, 0xf3);
}

static void once_launch(void)
{
	start(-1);
	CHECK_OK(!live("tdx"));
	check_launched();
	CHECK_EQ(kvm.calls, CALLS);
	CHECK_EQ(kvm.attributes, 1ull << 28);
	start(-1);
	CHECK_OK(!live("tdx,attributes=0"));
	CHECK_EQ(kvm.attributes, 0);
}

/* KVM may stop in a piece. */
static void once_partly(void)
{
	start(-1);
	kvm.partly = true;
	CHECK_OK(!live("tdx"));
	check_launched();
}

/* Each call fails: the error names it and the module's status, and nothing is left behind. */
static void once_failures(void)
{
	int fds, maps;

	start(-1);
	live("tdx");
	fds = entries("/proc/self/fd");
	maps = mappings();
	for (int at = 0; at < CALLS; at++) {
		start(at);
		CHECK_EQ(live("tdx"), -1);
		CHECK_EQ(errno, EIO);
		CHECK_HAS(ucall_error(), "KVM_");
		CHECK_HAS(ucall_error(), ": Input/output error");
		if (strstr(ucall_error(), "KVM_TDX_"))
			CHECK_HAS(ucall_error(), "the TDX module says 0xc000010000000041");
		if (kvm.problem[0])
			FAIL("%s", kvm.problem);
		CHECK_EQ(kvm.calls, at + 1);
		CHECK_EQ(entries("/proc/self/fd"), fds);
		CHECK(mappings() <= maps + MAPPINGS_SLACK);
	}
}

static void once_attributes(void)
{
	start(-1);
	CHECK_EQ(live("tdx,attributes=1"), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "attributes=0x1: KVM supports 0x10000000");
}

/* The stand-in itself detects errors. */
static void once_stand_in(void)
{
	struct tdx_init_vm init = { .attributes = 0 };
	struct tdx_command command = { .id = TDX_INIT_VM, .data = (uintptr_t)&init };

	start(-1);
	kvm.vm_fd = new_fd();
	CHECK_EQ(call_kvm(kvm.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1); /* no split irqchip */
	CHECK_HAS(kvm.problem, "kvm.split");
	kvm.split = true;
	kvm.problem[0] = 0;
	CHECK_EQ(call_kvm(kvm.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1); /* no 0x80000008 */
	CHECK_HAS(kvm.problem, "width");
	command = (struct tdx_command){ .id = TDX_FINALIZE_VM };
	kvm.problem[0] = 0;
	CHECK_EQ(call_kvm(kvm.vm_fd, X86_IOCTL_ENCRYPT_OP, &command), -1); /* no memory */
	CHECK_HAS(kvm.problem, "kvm.pages");
	close(kvm.vm_fd);
}

static void once_machine(void)
{
	const struct tdx_machine good = { true, 1, 1 << 5 };
	struct tdx_machine m = good;

	CHECK_OK(!tdx_check_machine(&m));
#define MISSING(change, text) \
	do { \
		m = (struct tdx_machine){ true, 1, 0 }; \
		change; \
		CHECK_EQ(tdx_check_machine(&m), -1); \
		CHECK_EQ(errno, EOPNOTSUPP); \
		CHECK_HAS(ucall_error(), text); \
	} while (0)
	MISSING(m.has_kvm_intel = false, "it needs an Intel CPU with TDX turned on");
	MISSING(m.parameter = -1, "Linux 6.16 or later");
	MISSING(m.parameter = 0, "load the module with tdx=1");
	MISSING(, "KVM offers no trust domains");
}

UCALL_TESTS({ "a launch", .once = once_launch }, { "a launch in parts", .once = once_partly },
	    { "each call fails", .once = once_failures },
	    { "attributes that KVM does not have", .once = once_attributes },
	    { "the stand-in", .once = once_stand_in },
	    { "what a machine lacks", .once = once_machine });
