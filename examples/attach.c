// SPDX-License-Identifier: MIT
/*
 * A small VMM with libucall's doorbells: raw KVM, its own memory and page tables, two vCPUs, its
 * own messages.
 *
 *	cc attach.c $(pkg-config --cflags --libs ucall) -o attach
 *	UCALL_BACKEND=mmio ./attach
 *
 * docs/ATTACH.md explains it part by part.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>
#include <ucall/attach.h>

/* ---- the guest: two pages of code, a stack for each vCPU ---- */

/* This program's messages; the guest keeps them on its stack, and rings with their address. */
struct report {
	uint64_t vcpu, step, value;
};

#define LAST_STEP 3

__attribute__((section("guest_code"))) UCALL_ATTACH_GUEST static void guest_main(uint64_t vcpu)
{
	volatile struct report report = { .vcpu = vcpu };

	for (report.step = 1;; report.step++) {
		report.value = (vcpu + 1) * report.step;
		ucall_bell_ring((uint64_t)(uintptr_t)&report);
	}
}

extern const char __start_guest_code[], __stop_guest_code[];

/* ---- the VM: memory, page tables, vCPUs ---- */

#define PAGE 4096ull
#ifndef MEMORY
#define MEMORY (1ull << 20)
#endif
#define VCPUS 2
#define CODE 0x400000ull /* guest-virtual */
#define STACKS 0x500000ull
#define STACK_SIZE (4 * PAGE)

struct vm {
	int kvm, fd;
	uint8_t *memory; /* guest-physical 0 */
	uint64_t used; /* bytes of memory */
	uint64_t root; /* of the page tables, which all vCPUs share */
};

struct vcpu {
	struct vm *vm;
	unsigned int number;
	int fd;
	struct kvm_run *run;
	size_t run_size;
	struct ucall_vcpu *bell;
};

static void die(const char *what)
{
	fprintf(stderr, "attach: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Takes zeroed pages of guest memory; returns their guest-physical address. */
static uint64_t take_pages(struct vm *vm, uint64_t size)
{
	uint64_t gpa = vm->used;

	size = (size + PAGE - 1) / PAGE * PAGE;
	if (size > MEMORY - gpa) {
		errno = ENOMEM;
		die("guest memory");
	}
	vm->used += size;
	return gpa;
}

/* Four levels of 512 entries, on both architectures. */
#if defined(__x86_64__)
#define TABLE 0x7ull /* present, writable, for user mode too */
#define LEAF 0x7ull
#define DEVICE_LEAF 0x7ull
#elif defined(__aarch64__)
#define TABLE 0x3ull
#define LEAF 0x703ull /* a page, accessed, inner shareable, memory type 0 */
#define DEVICE_LEAF 0x60000000000407ull /* memory type 1, not executable */
#else
#error "this example is for x86_64 and aarch64"
#endif
#define ADDRESS 0x0000fffffffff000ull

static uint64_t *entry(struct vm *vm, uint64_t table, uint64_t gva, int level)
{
	return (uint64_t *)(void *)(vm->memory + table) + (gva >> (12 + 9 * level) & 511);
}

static void map_page(struct vm *vm, uint64_t gva, uint64_t gpa, uint64_t leaf)
{
	uint64_t table = vm->root, *e;

	for (int level = 3; level > 0; level--) {
		e = entry(vm, table, gva, level);
		if (!*e)
			*e = take_pages(vm, PAGE) | TABLE;
		table = *e & ADDRESS;
	}
	*entry(vm, table, gva, 0) = gpa | leaf;
}

/* Maps new memory at a guest-virtual address; returns the host's view. */
static void *map_memory(struct vm *vm, uint64_t gva, uint64_t size)
{
	uint64_t gpa = take_pages(vm, size);

	for (uint64_t at = 0; at < size; at += PAGE)
		map_page(vm, gva + at, gpa + at, LEAF);
	return vm->memory + gpa;
}

/* Reads guest memory at [gva, gva + size).  The guest chose the address: it can be anything. */
static int read_guest(struct vm *vm, uint64_t gva, void *to, size_t size)
{
	for (size_t done = 0; done < size; done++) {
		uint64_t table = vm->root, e = 0;

		for (int level = 3; level >= 0; level--) {
			e = *entry(vm, table, gva + done, level);
			table = e & ADDRESS;
			if (!(e & 1) || table >= MEMORY)
				return -1;
		}
		((uint8_t *)to)[done] = vm->memory[table + (gva + done) % PAGE];
	}
	return 0;
}

static void create_vm(struct vm *vm)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY };

	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		die("/dev/kvm");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0ul);
	if (vm->fd < 0)
		die("KVM_CREATE_VM");
	vm->memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->memory == MAP_FAILED)
		die("mmap");
	region.userspace_addr = (uintptr_t)vm->memory;
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION");
	vm->used = PAGE; /* not page 0: an entry of 0 means none */
	vm->root = take_pages(vm, PAGE);
	memcpy(map_memory(vm, CODE, 2 * PAGE), __start_guest_code,
	       (size_t)(__stop_guest_code - __start_guest_code));
	map_memory(vm, STACKS, VCPUS * STACK_SIZE);
}

#if defined(__x86_64__)
/* The guest's CPU has what this one has.  Newer kernels refuse long mode without it. */
static void set_cpuid(const struct vcpu *v)
{
	const unsigned int most = 256;
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + most * sizeof(cpuid->entries[0]));

	if (!cpuid)
		die("memory");
	cpuid->nent = most;
	if (ioctl(v->vm->kvm, KVM_GET_SUPPORTED_CPUID, cpuid) ||
	    ioctl(v->fd, KVM_SET_CPUID2, cpuid))
		die("KVM_SET_CPUID2");
	free(cpuid);
}

static void set_registers(const struct vcpu *v, uint64_t pc, uint64_t sp, uint64_t argument)
{
	struct kvm_segment code = {
		.limit = ~0u, .selector = 8, .type = 11, .present = 1, .s = 1, .l = 1, .g = 1
	};
	struct kvm_segment data = {
		.limit = ~0u, .selector = 16, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1
	};
	struct kvm_regs regs = { .rip = pc, .rsp = sp - 8, .rdi = argument, .rflags = 2 };
	struct kvm_sregs sregs;

	set_cpuid(v);
	if (ioctl(v->fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x80010033; /* paging, write protection, protected mode */
	sregs.cr3 = v->vm->root;
	sregs.cr4 = 0x20; /* PAE */
	sregs.efer = 0x500; /* long mode */
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs) || ioctl(v->fd, KVM_SET_REGS, &regs))
		die("KVM_SET_SREGS");
}
#else
static void set_one(const struct vcpu *v, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { KVM_REG_ARM64 | KVM_REG_SIZE_U64 | id, (uintptr_t)&value };

	if (ioctl(v->fd, KVM_SET_ONE_REG, &reg))
		die("KVM_SET_ONE_REG");
}

#define CORE(field) (KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

static void set_registers(const struct vcpu *v, uint64_t pc, uint64_t sp, uint64_t argument)
{
	struct kvm_vcpu_init init;

	if (ioctl(v->vm->fd, KVM_ARM_PREFERRED_TARGET, &init) ||
	    ioctl(v->fd, KVM_ARM_VCPU_INIT, &init))
		die("KVM_ARM_VCPU_INIT");
	set_one(v, ARM64_SYS_REG(3, 0, 10, 2, 0), 0x04ff); /* MAIR_EL1: 0 memory, 1 device */
	/* TCR_EL1: TTBR0, 48 bits, 4 KiB pages, 40 bits out */
	set_one(v, ARM64_SYS_REG(3, 0, 2, 0, 2), 0x200803510);
	set_one(v, ARM64_SYS_REG(3, 0, 2, 0, 0), v->vm->root); /* TTBR0_EL1 */
	set_one(v, ARM64_SYS_REG(3, 0, 1, 0, 0), 0x30d01805); /* SCTLR_EL1: MMU and caches on */
	/* CPACR_EL1: compilers copy with SIMD registers */
	set_one(v, ARM64_SYS_REG(3, 0, 1, 0, 2), 3 << 20);
	set_one(v, CORE(regs.pstate), 0x3c5); /* EL1h, interrupts masked */
	set_one(v, CORE(regs.pc), pc);
	set_one(v, CORE(sp_el1), sp);
	set_one(v, CORE(regs.regs[0]), argument);
}
#endif

static void create_vcpu(struct vm *vm, unsigned int number, struct vcpu *v)
{
	uint64_t entry_point = CODE + (uint64_t)((const char *)guest_main - __start_guest_code);

	v->vm = vm;
	v->number = number;
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)number);
	if (v->fd < 0)
		die("KVM_CREATE_VCPU");
	v->run_size = (size_t)ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0ul);
	v->run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		die("mmap");
	set_registers(v, entry_point, STACKS + (number + 1) * STACK_SIZE, number);
}

/* ---- what libucall asks for ---- */

static void *give_memory(void *owner, uint64_t gva, size_t size, unsigned int prot)
{
	(void)prot; /* all memory of this guest is writable and executable */
	return map_memory(owner, gva, size);
}

static uint64_t give_device(void *owner, uint64_t gpa, size_t size)
{
	for (uint64_t at = gpa & ~(PAGE - 1); at < gpa + size; at += PAGE)
		map_page(owner, at, at, DEVICE_LEAF);
	return gpa;
}

/* ---- the test ---- */

/* Runs the vCPU until it rings, and reads its report. */
static struct report next_report(struct vcpu *v)
{
	struct report report;
	uint64_t where;

	if (ioctl(v->fd, KVM_RUN, 0ul))
		die("KVM_RUN");
	if (ucall_vcpu_rang(v->bell, &where) != 1) {
		fprintf(stderr,
			"attach: vCPU %u stopped with exit reason %u, which is not the doorbell's\n",
			v->number, v->run->exit_reason);
		exit(1);
	}
	if (read_guest(v->vm, where, &report, sizeof(report))) {
		fprintf(stderr, "attach: vCPU %u rang with 0x%llx, which is not in its memory\n",
			v->number, (unsigned long long)where);
		exit(1);
	}
	return report;
}

int main(void)
{
	struct vm vm = { .kvm = -1 };
	struct vcpu vcpus[VCPUS];
	struct ucall_attach_config config = {
		.via = UCALL_ATTACH_BY_ADDRESS,
		.device_gpa = 0xd0000000, /* an address without memory */
		.owner = &vm,
		.map = give_memory,
		.map_device = give_device,
	};
	struct ucall_vm *bell;

	create_vm(&vm);
	config.kvm_fd = vm.kvm;
	config.vm_fd = vm.fd;
	bell = ucall_vm_attach(&config);
	if (!bell) {
		fprintf(stderr, "attach: %s\n", ucall_error());
		return 1;
	}
	for (unsigned int i = 0; i < VCPUS; i++) {
		create_vcpu(&vm, i, &vcpus[i]);
		vcpus[i].bell = ucall_vcpu_attach(bell, &vcpus[i], i, vcpus[i].fd, vcpus[i].run,
						  vcpus[i].run_size);
		if (!vcpus[i].bell) {
			fprintf(stderr, "attach: %s\n", ucall_error());
			return 1;
		}
	}
	printf("backend %s\n", ucall_vm_backend(bell));
	for (unsigned int step = 1; step <= LAST_STEP; step++) {
		for (unsigned int i = 0; i < VCPUS; i++) {
			struct report r = next_report(&vcpus[i]);

			printf("vCPU %llu, step %llu: %llu\n", (unsigned long long)r.vcpu,
			       (unsigned long long)r.step, (unsigned long long)r.value);
		}
	}
	ucall_vm_free(bell);
	return 0;
}
