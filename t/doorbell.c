// SPDX-License-Identifier: MIT
/* Each backend rings with its own instruction: KVM's exit information says so. */
#include <string.h>

#include <linux/kvm.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
	GUEST_PRINTF("%d", 2);
	GUEST_DONE();
}

static void check_exits(const char *backend, const char *expected, uint64_t where,
			enum ucall_via via)
{
	struct ucall_vm_config config = { .backend = backend, .engine = "kvm", .via = via };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 0);
	const struct kvm_run *run;

	CHECK_OK(vcpu);
	run = ucall_vcpu_kvm_run(vcpu);
	for (int i = 0; i < 3; i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
#if defined(__riscv)
		if (!strcmp(expected, "sbi")) {
			CHECK_EQ(run->exit_reason, KVM_EXIT_RISCV_SBI);
			CHECK_EQ(run->riscv_sbi.extension_id, where);
		} else
#endif
			if (!strcmp(expected, "io")) {
			CHECK_EQ(run->exit_reason, KVM_EXIT_IO);
			CHECK_EQ(run->io.direction, KVM_EXIT_IO_OUT);
			CHECK_EQ(run->io.port, where);
			CHECK_EQ(run->io.size, 1);
			CHECK_EQ(run->io.count, 1);
		} else if (!strcmp(expected, "mmio")) {
			CHECK_EQ(run->exit_reason, KVM_EXIT_MMIO);
			CHECK(run->mmio.is_write);
			CHECK_EQ(run->mmio.phys_addr, where);
			CHECK_EQ(run->mmio.len, 8);
		} else {
			CHECK_EQ(run->exit_reason, KVM_EXIT_HLT);
		}
#if defined(__x86_64__)
		if (via == UCALL_VIA_ADDRESS && !strcmp(expected, "io"))
			CHECK_EQ(run->s.regs.regs.rdi, UCALL_MAILBOX_ADDRESS);
#endif
		if (via == UCALL_VIA_ADDRESS && !strcmp(expected, "mmio")) {
			uint64_t data;

			memcpy(&data, run->mmio.data, 8);
			CHECK_EQ(data, UCALL_MAILBOX_ADDRESS);
		}
		CHECK(get_ucall(vcpu, NULL) > 0);
	}
}

#if defined(__x86_64__)
static void once_pio(void)
{
	check_exits("pio", "io", 0x3f8, UCALL_VIA_MAILBOX);
	check_exits("pio", "io", 0x3f8, UCALL_VIA_ADDRESS);
	check_exits("pio,port=0xe9", "io", 0xe9, UCALL_VIA_MAILBOX);
	check_exits("pio,port=65535", "io", 65535, UCALL_VIA_MAILBOX);
}

static void once_halt(void)
{
	check_exits("halt", "hlt", 0, UCALL_VIA_MAILBOX);
}

/* Other exits, and the doorbell without a message, are passed on unchanged. */
static UCALL_GUEST void guest_other(void)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	__asm__ volatile("outw %%ax, %w0" : : "d"(0x3f8) : "memory");
	__asm__ volatile("outb %%al, %w0" : : "d"(0x3f9) : "memory");
	__asm__ volatile("inb %w0, %%al" : : "d"(0x3f8) : "rax", "memory");
	__asm__ volatile("hlt" : : : "memory");
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	((void (*)(struct ucall *, const struct ucall_bell *))bell->ring)(&m->uc, bell);
	GUEST_DONE();
}

static void host_other(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	static const uint16_t ports[] = { 0x3f8, 0x3f9, 0x3f8 };

	for (int i = 0; i < 3; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_HAS(ucall_error(), "does not recognise");
		CHECK_EQ(exit->reason, UCALL_EXIT_IO);
		CHECK_EQ(exit->u.io.port, ports[i]);
		CHECK_EQ(exit->u.io.is_write, i != 2);
	}
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), "a halt");
	CHECK_EQ(exit->reason, UCALL_EXIT_HALT);
	CHECK_OK(!ucall_vcpu_run(vcpu)); /* the doorbell, but no message */
	CHECK_EQ(get_ucall(vcpu, NULL), UCALL_NONE);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}
#elif defined(__riscv)
static void once_sbi(void)
{
	check_exits("sbi", "sbi", 0x08554341, UCALL_VIA_MAILBOX);
	check_exits("sbi,extension=0x08000007", "sbi", 0x08000007, UCALL_VIA_MAILBOX);
}
#endif

static void once_mmio(void)
{
	check_exits("mmio", "mmio", 0xd0000000, UCALL_VIA_MAILBOX);
	check_exits("mmio", "mmio", 0xd0000000, UCALL_VIA_ADDRESS);
	check_exits("mmio,gpa=0xd0000ff8", "mmio", 0xd0000ff8, UCALL_VIA_MAILBOX);
}

UCALL_TESTS({ "mmio exits by a store of 8 bytes to its address", .once = once_mmio },
#if defined(__x86_64__)
	    { "pio exits by OUT to its port", .once = once_pio },
	    { "halt exits by HLT", .once = once_halt },
	    { "exits that are not a ucall", UCALL_TEST_GUEST(guest_other), .host = host_other },
#elif defined(__riscv)
	    { "sbi exits by a call of its extension", .once = once_sbi },
#endif
);
