// SPDX-License-Identifier: MIT
/*
 * A message by port I/O and a register, the traditional way, and the three reasons why that fails
 * with encrypted memory; each next to what works there.
 *
 *	1. the message is in encrypted memory
 *	2. the page tables are encrypted, so its address cannot be translated
 *	3. registers are encrypted, and OUT raises #VC
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "confidential.h"

#define PORT 0x3f8
#define MAGIC 0x6d65737361676521

struct old_message {
	uint64_t magic, value, pad[2];
};

/* The old way: a message on the stack, its address in RDI, OUT. */
static UCALL_GUEST void old_ucall(struct old_message *m, uint64_t value)
{
	m->magic = MAGIC;
	m->value = value;
	__asm__ volatile("outl %%eax, %w0" : : "d"(PORT), "D"(m), "a"(0) : "memory");
}

static UCALL_GUEST void guest_old(struct old_message *shared)
{
	struct old_message message __attribute__((aligned(32)));

	old_ucall(&message, 1);
	old_ucall(shared, 2);
	GUEST_SYNC(3);
	GUEST_DONE();
}

static void next_out(struct ucall_vcpu *vcpu, struct ucall_frame *regs)
{
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_IO);
	CHECK_EQ(get_ucall(vcpu, NULL), UCALL_NONE);
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, regs));
}

/* 1. A register holds the message's address, but the host reads ciphertext there. */
static void host_memory(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t shared = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED);
	struct old_message m;
	struct ucall_frame regs;
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_old, 1, shared);
	CHECK_OK(shared && vcpu && !ucall_vm_launch(vm));
	next_out(vcpu, &regs);
	CHECK_OK(!ucall_vm_read(vm, regs.gpr[7], &m, sizeof(m)));
	CHECK(m.magic != MAGIC);
	CHECK(!ucall_vm_host_pointer(vm, regs.gpr[7], sizeof(m)));
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "gives no host pointers");
	/* In shared memory it is there. */
	next_out(vcpu, &regs);
	CHECK_EQ(regs.gpr[7], shared);
	CHECK_OK(!ucall_vm_read(vm, regs.gpr[7], &m, sizeof(m)));
	CHECK_EQ(m.magic, MAGIC);
	CHECK_EQ(m.value, 2);
	/* And ucall() needs none of this. */
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 3);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* The same with the library's own messages: one in private memory is refused, with the reason. */
static UCALL_GUEST void guest_message(struct ucall *private, struct ucall *shared)
{
	GUEST_SHARED_SYNC(private, 1);
	GUEST_SHARED_SYNC(shared, 2);
	GUEST_DONE();
}

static void host_message(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t private = ucall_vm_alloc(vm, sizeof(struct ucall), UCALL_MEM_PRIVATE);
	uint64_t shared = ucall_shared_alloc(vm, 1);
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_message, 2, private, shared);
	CHECK_OK(private && shared && vcpu && !ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, &uc), -1);
	CHECK_EQ(errno, EPROTO);
	CHECK_HAS(ucall_error(), "is in private memory, which the host of this");
	CHECK_HAS(ucall_error(), "sees encrypted; use shared memory (UCALL_MEM_SHARED");
}

static void host_shared_message(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t shared = ucall_shared_alloc(vm, 2);

	vcpu = ucall_vcpu_add(vm, guest_message, 2, shared, shared + sizeof(struct ucall));
	CHECK_OK(shared && vcpu && !ucall_vm_launch(vm));
	CHECK_SHARED_SYNC(vcpu, shared, 1);
	CHECK_SHARED_SYNC(vcpu, shared + sizeof(struct ucall), 2);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* 2. The page table walk from CR3 that finds a message's physical address. */
static bool walk(struct ucall_vm *vm, uint64_t cr3, uint64_t gva, uint64_t *gpa)
{
	uint64_t table = cr3 & 0xffffffffff000, entry;

	for (int shift = 39; shift >= 12; shift -= 9) {
		if (ucall_vm_read_physical(vm, table + (gva >> shift & 511) * 8, &entry, 8) ||
		    !(entry & 1))
			return false;
		table = entry & 0xffffffffff000;
	}
	*gpa = table;
	return true;
}

static void host_walk(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t shared = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED), found = 0, expected;
	struct kvm_sregs sregs;
	struct ucall_frame regs;

	vcpu = ucall_vcpu_add(vm, guest_old, 1, shared);
	CHECK_OK(shared && vcpu);
	CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_GET_SREGS, &sregs));
	CHECK_OK(!ucall_vm_translate(vm, shared, &expected));
	/* While the VM is being set up the tables can be read. */
	CHECK(walk(vm, sregs.cr3, shared, &found));
	CHECK_EQ(found, expected);
	CHECK_OK(!ucall_vm_launch(vm));
	next_out(vcpu, &regs);
	next_out(vcpu, &regs);
	/* The message is in shared memory, but the page tables that lead to it are not. */
	CHECK_EQ(regs.gpr[7], shared);
	found = 0;
	CHECK(!walk(vm, sregs.cr3, shared, &found) || found != expected);
	/* The library remembers what it mapped itself; it reads no table for that. */
	CHECK_OK(!ucall_vm_translate(vm, shared, &found));
	CHECK_EQ(found, expected);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* 3. OUT raises #VC, and registers cannot be read. */
static void host_registers(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t shared = ucall_vm_alloc(vm, 4096, UCALL_MEM_SHARED);
	struct ucall_frame regs;

	vcpu = ucall_vcpu_add(vm, guest_old, 1, shared);
	CHECK_OK(shared && vcpu);
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, &regs));
	CHECK_OK(!ucall_vcpu_set_regs(vcpu, &regs));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(ucall_vcpu_get_regs(vcpu, &regs), -1);
	CHECK_EQ(errno, EINVAL); /* as KVM_GET_REGS */
	CHECK_HAS(ucall_error(), "ucall_vcpu_get_regs: protection ");
	CHECK_EQ(ucall_vcpu_set_regs(vcpu, &regs), -1);
	CHECK_EQ(errno, EINVAL);

	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, 29);
	CHECK_EQ(ucall_fault(vcpu)->frame.code, UCALL_SVM_EXIT_IOIO);
	CHECK_HAS(ucall_error(), "#VC VMM communication (vector 29), error code 0x7b");
	CHECK_HAS(ucall_error(),
		  "(port I/O): with SEV-ES and SEV-SNP the guest must ask the host for it");
	if (ucall_fault(vcpu)->backtrace[0].file[0]) /* else built without -g */
		CHECK_HAS(ucall_error(), "t/confidential-old-ways.c:");
}

/* The same registers, through struct kvm_run. */
static UCALL_GUEST void guest_sync(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static void host_sync_regs(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);

	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_EQ(run->kvm_valid_regs, 0);
	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "KVM_RUN");
	run->kvm_valid_regs = 0;
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* A backend of that kind is refused before anything runs, and the message names others. */
static void once_refused(void)
{
	static const struct {
		const char *backend, *protect;
		enum ucall_via via;
		const char *says[3];
	} cases[] = {
		{ "pio",
		  "emulated-sev",
		  UCALL_VIA_ADDRESS,
		  { "UCALL_VIA_ADDRESS cannot work in an emulated-sev VM",
		    "can neither walk the guest's page tables nor read private memory;" } },
		{ "pio",
		  "emulated-sev-es",
		  0,
		  { "backend pio cannot serve an emulated-sev-es VM", "its doorbell raises #VC",
		    "halt, ring, sev-shared" } },
		{ "pio", "emulated-sev-snp", 0, { "raises #VC", "sev-shared", "guest_vc" } },
		{ "mmio",
		  "emulated-sev-es",
		  0,
		  { "backend mmio does not work in a VM with protection emulated-sev-es",
		    "these do: halt, ring, sev-shared" } },
		{ "sev-shared", NULL, 0, { "backend sev-shared is for confidential VMs only" } },
		{ "diag", "emulated-sev", 0, { "diag" } },
	};

	if (ucall_engine_check("kvm"))
		SKIP("%s", ucall_error());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ucall_vm_config config = { .backend = cases[i].backend,
						  .protect = cases[i].protect,
						  .via = cases[i].via };

		CHECK(!ucall_vm_create(&config));
		CHECK_EQ(errno, EOPNOTSUPP);
		for (int k = 0; k < 3 && cases[i].says[k]; k++)
			CHECK_HAS(ucall_error(), cases[i].says[k]);
	}
}

UCALL_TESTS(SEV("1. the message is ciphertext", .host = host_memory),
	    EACH_KIND("1. a message in private memory", .host = host_message,
		      .config.guest_vc = true),
	    EACH_KIND("1. a message in shared memory", .host = host_shared_message,
		      .config.guest_vc = true),
	    SEV("2. the page tables are ciphertext", .host = host_walk),
	    EACH_CLOSED("3. OUT raises #VC, registers are closed", .host = host_registers),
	    EACH_CLOSED("3. registers in struct kvm_run are closed", UCALL_TEST_GUEST(guest_sync),
			.host = host_sync_regs),
	    { "backends of the old way are refused", .once = once_refused });
