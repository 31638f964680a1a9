// SPDX-License-Identifier: MIT
/*
 * A host that injects #VC where no instruction raised it, or with another exit's code, gains
 * nothing: the core's handler looks at the instruction first, and ends the guest.  Also: which MSRs
 * a guest can ask the host for.
 */
#include <errno.h>
#include <stddef.h>

#include "confidential.h"

#define RAX 0x1111111122222222
#define RCX 0x3333333344444444
#define RDX 0x5555555566666666
#define RBX 0x7777777788888888

/* The address in the #VC gate of the CPU's IDT. */
static UCALL_GUEST uint64_t __attribute__((noinline)) find_handler(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} idt;
	const uint64_t *gate;

	__asm__ volatile("sidt %0" : "=m"(idt));
	gate = (const uint64_t *)(idt.base + 29 * 16);
	return (gate[0] & 0xffff) | (gate[0] >> 48) << 16 | gate[1] << 32;
}

/*
 * What the CPU does when the host injects the exception at 1:, and the instruction there.  The host
 * cannot write the frame to private memory, so the guest pushes it and jumps to the handler.
 */
#define INJECT(vc, insn) INJECT_WITH(RCX, vc, insn)
#define INJECT_WITH(rcx, vc, insn) \
	__asm__ volatile("mov %%rsp, %%r10\n" \
			 "and $-16, %%rsp\n" \
			 "mov %%ss, %%r9\n" \
			 "push %%r9\n" \
			 "push %%r10\n" \
			 "pushfq\n" \
			 "mov %%cs, %%r9\n" \
			 "push %%r9\n" \
			 "lea 1f(%%rip), %%r9\n" \
			 "push %%r9\n" \
			 "push %[code]\n" \
			 "jmp *%[handler]\n" \
			 "1: " insn "\n" \
			 : \
			 : [handler] "r"(handler), [code] "r"((uint64_t)(vc)), "a"(RAX), "c"(rcx), \
			   "d"(RDX), "b"(RBX) \
			 : "r9", "r10", "memory", "cc")

#define CASES 12

static UCALL_GUEST void guest_injected(uint64_t n)
{
	const uint64_t handler = find_handler();

	switch (n) {
	case 0:
		INJECT(UCALL_SVM_EXIT_CPUID, "nop; nop");
		break;
	case 1:
		INJECT(UCALL_SVM_EXIT_MSR, "nop; nop");
		break;
	case 2:
		INJECT(UCALL_SVM_EXIT_IOIO, "nop; nop");
		break;
	case 3:
		INJECT(UCALL_SVM_EXIT_CPUID, "mov %%rax, (%%rbx)");
		break;
	case 4:
		INJECT(UCALL_SVM_EXIT_MSR, "mov %%rax, (%%rbx)");
		break;
	case 5:
		INJECT(UCALL_SVM_EXIT_MSR, "cpuid");
		break;
	case 6:
		INJECT(UCALL_SVM_EXIT_CPUID, "rdmsr");
		break;
	case 7:
		INJECT(UCALL_SVM_EXIT_CPUID, "wrmsr");
		break;
	case 8:
		INJECT(UCALL_SVM_EXIT_IOIO, "rdmsr");
		break;
	case 9:
		INJECT(UCALL_SVM_EXIT_CPUID, "outb %%al, %%dx");
		break;
	case 10:
		INJECT(UCALL_SVM_EXIT_MSR, "inb %%dx, %%al");
		break;
	case 11:
		INJECT(UCALL_SVM_EXIT_MSR, "syscall");
		break;
	}
	/* Reached only if the handler accepts the wrong instruction. */
	GUEST_DONE();
}

/* The host was not asked for anything, and saw no register. */
static void check_not_asked(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_ghcb ghcb;

	CHECK_OK(!ucall_vm_read_physical(vm, ucall_vcpu_mailbox(vcpu)->ghcb, &ghcb, sizeof(ghcb)));
	CHECK_EQ(ghcb.sw_exit_code, 0);
	CHECK_EQ(ghcb.rax, 0);
	CHECK_EQ(ghcb.rcx, 0);
	CHECK_EQ(ghcb.rdx, 0);
}

/* The instruction matches, but the hardware handles these MSRs without the host: refused, too. */
#define MSRS 10

static UCALL_GUEST void guest_invented(uint64_t n)
{
	const uint32_t msrs[MSRS / 2] = { 0x174, 0x277, 0xc0000080, 0xc0000102,
					  UCALL_MSR_SEV_STATUS };
	const uint64_t handler = find_handler(), msr = msrs[n / 2];

	if (n % 2)
		INJECT_WITH(msr, UCALL_SVM_EXIT_MSR, "wrmsr");
	else
		INJECT_WITH(msr, UCALL_SVM_EXIT_MSR, "rdmsr");
	GUEST_DONE();
}

static void host_invented(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[MSRS];

	for (uint64_t n = 0; n < MSRS; n++)
		CHECK_OK(vcpus[n] = ucall_vcpu_add(vm, guest_invented, 1, n));
	CHECK_OK(!ucall_vm_launch(vm));
	for (uint64_t n = 0; n < MSRS; n++) {
		CHECK_EQ(ucall_next(vcpus[n], NULL), -1);
		CHECK_EQ(ucall_fault(vcpus[n])->frame.vector, 29);
		check_not_asked(vm, vcpus[n]);
	}
}

static void host_injected(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[CASES];

	for (uint64_t n = 0; n < CASES; n++)
		CHECK_OK(vcpus[n] = ucall_vcpu_add(vm, guest_injected, 1, n));
	CHECK_OK(!ucall_vm_launch(vm));
	for (uint64_t n = 0; n < CASES; n++) {
		const struct ucall_fault_info *fault = ucall_fault(vcpus[n]);

		CHECK_EQ(ucall_next(vcpus[n], NULL), -1);
		CHECK_EQ(errno, EFAULT);
		CHECK_EQ(fault->frame.vector, 29);
		/* They are unchanged. */
		CHECK_EQ(fault->frame.gpr[0], RAX);
		CHECK_EQ(fault->frame.gpr[1], RCX);
		CHECK_EQ(fault->frame.gpr[2], RDX);
		CHECK_EQ(fault->frame.gpr[3], RBX);
		check_not_asked(vm, vcpus[n]);
	}
}

/* ---- MSRs by the GHCB ---- */

static UCALL_GUEST void guest_reads(uint64_t msr)
{
	GUEST_SYNC(ucall_rdmsr((uint32_t)msr) != 0);
	GUEST_DONE();
}

static UCALL_GUEST void guest_writes(uint64_t msr)
{
	ucall_wrmsr((uint32_t)msr, 0);
	GUEST_DONE();
}

static void host_msrs(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static const uint32_t good[] = { 0x10, 0x250, 0xc0000103 };
	/* KVM gives these to its host, but to a guest not at all, or as zero. */
	static const uint32_t bad[] = { 0x10a, 0xc0011029, 0x345, 0xc0010117, 0x4b564d00 };
	static const uint32_t only_read[] = { 0x8b, 0xfe };
	struct ucall_vcpu *reads[8], *writes[8];
	unsigned int n = 0;

	for (unsigned int i = 0; i < 3; i++) {
		CHECK_OK(reads[n] = ucall_vcpu_add(vm, guest_reads, 1, good[i]));
		CHECK_OK(writes[n++] = ucall_vcpu_add(vm, guest_writes, 1, good[i]));
	}
	for (unsigned int i = 0; i < 5; i++) {
		CHECK_OK(reads[n] = ucall_vcpu_add(vm, guest_reads, 1, bad[i]));
		CHECK_OK(writes[n++] = ucall_vcpu_add(vm, guest_writes, 1,
						      i < 2 ? only_read[i] : bad[i]));
	}
	CHECK_OK(!ucall_vm_launch(vm));
	for (n = 0; n < 3; n++) {
		CHECK_NEXT(reads[n], NULL, UCALL_SYNC);
		CHECK_NEXT(writes[n], NULL, UCALL_DONE);
	}
	for (; n < 8; n++) {
		CHECK_EQ(ucall_next(reads[n], NULL), -1);
		CHECK_EQ(ucall_fault(reads[n])->frame.vector, 13);
		CHECK_EQ(ucall_next(writes[n], NULL), -1);
		CHECK_EQ(ucall_fault(writes[n])->frame.vector, 13);
	}
}

UCALL_TESTS(EMULATED_CLOSED("#VC that no instruction raised", .host = host_injected,
			    .config.guest_vc = true),
	    EMULATED_CLOSED("#VC for an MSR that is the processor's own", .host = host_invented,
			    .config.guest_vc = true),
	    EMULATED_CLOSED("MSRs that a guest may ask for", .host = host_msrs,
			    .config.guest_vc = true));
