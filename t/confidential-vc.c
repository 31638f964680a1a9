// SPDX-License-Identifier: MIT
/*
 * #VC: with SEV-ES and SEV-SNP the guest must handle an instruction that exits, with the exit's
 * code as the error code and RIP at the instruction.  The guest's own handler sees it; the core's
 * handler carries it out through the GHCB.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>

#include "confidential.h"

/* ---- the guest's own handler ---- */

static struct ucall_frame last;
static uint64_t count;
uint64_t vc_skip UCALL_HIDDEN __attribute__((used)); /* assembler names it */

/* Records what it saw, and skips the number of bytes in vc_skip. */
static UCALL_GUEST void on_vc(struct ucall_frame *frame)
{
	const uint64_t *from = (const uint64_t *)(const void *)frame;
	uint64_t *to = (uint64_t *)(void *)&last;

	for (unsigned int i = 0; i < sizeof(last) / 8; i++)
		to[i] = from[i];
	count++;
	frame->pc += vc_skip;
	frame->gpr[UCALL_RDX] = 0xd0d0;
}

/* The registers that the handler should have seen. */
struct seen {
	uint64_t code, start, rax, rdx, rcx, rsi, rdi;
};

static UCALL_GUEST void __attribute__((noinline)) check(const struct seen *seen, uint64_t rdx)
{
	GUEST_ASSERT_EQ(last.code, seen->code);
	GUEST_ASSERT_EQ(last.pc, seen->start);
	GUEST_ASSERT_EQ(last.gpr[UCALL_RAX], seen->rax);
	GUEST_ASSERT_EQ(last.gpr[UCALL_RDX], seen->rdx);
	GUEST_ASSERT_EQ(last.gpr[UCALL_RCX], seen->rcx);
	GUEST_ASSERT_EQ(last.gpr[UCALL_RSI], seen->rsi);
	GUEST_ASSERT_EQ(last.gpr[UCALL_RDI], seen->rdi);
	GUEST_ASSERT_EQ(rdx, 0xd0d0); /* the guest continues with the handler's value */
}

/* An instruction that raises #VC with that code, between two that do not; with these registers. */
#define RAISE_IN(before, insn, after, vc, a, d, c, s, t) \
	do { \
		struct seen seen_ = { (vc),	     0, \
				      (uint64_t)(a), (uint64_t)(d), \
				      (uint64_t)(c), (uint64_t)(s), \
				      (uint64_t)(t) }; \
		uint64_t a_ = seen_.rax, d_ = seen_.rdx, c_ = seen_.rcx, s_ = seen_.rsi; \
		uint64_t t_ = seen_.rdi, size_; \
		__asm__ volatile("lea 1f(%%rip), %[start]\n" \
				 "lea 2f(%%rip), %[size]\n" \
				 "sub %[start], %[size]\n" \
				 "mov %[size], vc_skip(%%rip)\n" before "\n" \
				 "1: " insn "\n" \
				 "2: " after "\n" \
				 : [start] "=&r"(seen_.start), [size] "=&r"(size_), "+d"(d_), \
				   "+c"(c_), "+S"(s_), "+D"(t_), "+a"(a_) \
				 : \
				 : "memory", "cc"); \
		check(&seen_, d_); \
	} while (0)
#define RAISE(insn, ...) RAISE_IN("nop", insn, "nop", __VA_ARGS__)

static UCALL_GUEST void guest_io(uint8_t *b)
{
	const uint64_t io = UCALL_SVM_EXIT_IOIO;

	RAISE("outb %%al, %%dx", io, 1, 0x99, 2, 3, 4);
	RAISE("outw %%ax, %%dx", io, 1, 0x99, 2, 3, 4);
	RAISE("outl %%eax, %%dx", io, 1, 0x99, 2, 3, 4);
	RAISE("outb %%al, $0x99", io, 1, 0x98, 2, 3, 4);
	RAISE("outl %%eax, $0xee", io, 1, 0xee, 2, 3, 4);
	RAISE("inb %%dx, %%al", io, 0x1234567890abcdef, 0x99, 2, 3, 4);
	RAISE("inw $0x98, %%ax", io, 0x1234567890abcdef, 0x99, 2, 3, 4);
	RAISE("inl %%dx, %%eax", io, 0x1234567890abcdef, 0x99, 2, 3, 4);
	RAISE("outsb", io, 1, 0x99, 5, b, 4);
	RAISE("rep outsb", io, 1, 0x99, 5, b, 4);
	RAISE("rep outsl", io, 1, 0x99, 5, b, 4);
	RAISE_IN("std", "rep outsw", "cld", io, 1, 0x99, 5, b + 64, 4);
	RAISE("rep insb", io, 1, 0x99, 5, 3, b);
	RAISE("insl", io, 1, 0x99, 5, 3, b);
	GUEST_SYNC(count);
	GUEST_DONE();
}

static UCALL_GUEST void guest_msr(void)
{
	const uint64_t msr = UCALL_SVM_EXIT_MSR;

	RAISE("rdmsr", msr, 1, 2, 0x10, 3, 4);
	RAISE("wrmsr", msr, 1, 2, 0x10, 3, 4);
	RAISE("rdmsr", msr, 1, 2, 0xfe, 3, 4);
	RAISE("rdmsr", msr, 1, 2, 0xc0000103, 3, 4);
	GUEST_SYNC(count);
	/* MSRs in the encrypted state, or for #VC handlers, do not raise it. */
	GUEST_ASSERT(ucall_rdmsr(0xc0000080) & 0x400);
	ucall_wrmsr(0xc0000102, 0x1234);
	GUEST_ASSERT_EQ(ucall_rdmsr(0xc0000102), 0x1234);
	GUEST_ASSERT_EQ(ucall_rdmsr(UCALL_MSR_GHCB) & 0xfff, UCALL_GHCB_SEV_INFO);
	GUEST_SYNC(count);
	GUEST_DONE();
}

static UCALL_GUEST void guest_mmio(uint64_t gva, uint64_t *words)
{
	const uint64_t npf = UCALL_SVM_EXIT_NPF;

	RAISE("mov (%%rdi), %%rax", npf, 7, 1, 2, 3, gva);
	RAISE("movzbl 5(%%rdi), %%eax", npf, 7, 1, 2, 3, gva);
	RAISE("addl $1, (%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("xchg %%rax, (%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("mov %%rax, (%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("mov %%ecx, 8(%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("mov %%ah, (%%rdi)", npf, 0x700, 1, 2, 3, gva);
	RAISE("mov %%sil, (%%rdi,%%rcx,4)", npf, 7, 1, 2, 3, gva);
	RAISE("movw $5, (%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("movq $-5, 0x100(%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("movnti %%rax, (%%rdi)", npf, 7, 1, 2, 3, gva);
	RAISE("stosl", npf, 7, 1, 2, 3, gva);
	RAISE("rep stosq", npf, 7, 1, 2, 3, gva);
	RAISE("movsb", npf, 7, 1, 2, words, gva);
	RAISE("rep movsl", npf, 7, 1, 2, words, gva);
	RAISE("rep movsl", npf, 7, 1, 2, gva, words);
	GUEST_SYNC(count);
	GUEST_DONE();
}

/* CPUID, HLT and others do not exit here; trap_cpuid=step makes CPUID raise #VC. */
static UCALL_GUEST void guest_cpuid(uint64_t raises)
{
	uint32_t a, b, c, d;

	if (raises) {
		RAISE("cpuid", UCALL_SVM_EXIT_CPUID, 0x80000000, 1, 0, 3, 4);
		RAISE_IN("xor %%eax, %%eax", "cpuid", "nop", UCALL_SVM_EXIT_CPUID, 0, 1, 0, 3, 4);
		/* The interpreter of some KVMs runs ENDBR64 and what follows in one step. */
		RAISE_IN("endbr64", "cpuid", "nop", UCALL_SVM_EXIT_CPUID, 0, 1, 0, 3, 4);
		RAISE_IN("endbr64\n\tendbr64", "cpuid", "nop", UCALL_SVM_EXIT_CPUID, 0, 1, 0, 3, 4);
	} else {
		__asm__ volatile("cpuid"
				 : "=a"(a), "=b"(b), "=c"(c), "=d"(d)
				 : "a"(0x80000000), "c"(0));
		GUEST_ASSERT(a >= 0x8000001f);
	}
	GUEST_SYNC(count);
	GUEST_DONE();
}

static void run(struct ucall_vm *vm, struct ucall_vcpu *vcpu, uint64_t expected, unsigned int syncs)
{
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vm_set_handler(vm, 29, on_vc));
	CHECK_OK(!ucall_vm_launch(vm));
	while (syncs--) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], expected);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void host_io(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t buffer = ucall_vm_alloc(vm, 4096, UCALL_MEM_PRIVATE);

	vcpu = ucall_vcpu_add(vm, guest_io, 1, buffer);
	run(vm, vcpu, 14, 1);
}

static void host_msr(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_msr, 0);
	run(vm, vcpu, 4, 2);
}

static void host_mmio(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t gva = ucall_vm_map_device(vm, 0xd0000000, 4096);
	uint64_t words = ucall_vm_alloc(vm, 4096, UCALL_MEM_PRIVATE);

	CHECK_OK(gva && words);
	vcpu = ucall_vcpu_add(vm, guest_mmio, 2, gva, words);
	run(vm, vcpu, 16, 1);
}

static void host_cpuid(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_cpuid, 1, 0);
	run(vm, vcpu, 0, 1);
}

static void host_step(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_cpuid, 1, 1);
	run(vm, vcpu, 4, 1);
}

static UCALL_GUEST void guest_halts(void)
{
	__asm__ volatile("hlt\n\tendbr64\n\thlt\n\tnop\n\tendbr64\n\thlt" : : : "memory");
	GUEST_DONE();
}

static void host_halts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_halts, 0);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	for (int i = 0; i < 3; i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		CHECK_EQ(ucall_vcpu_exit(vcpu)->reason, UCALL_EXIT_HALT);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* ---- the core's handler ---- */

static UCALL_GUEST void guest_served(void)
{
	uint64_t value = 0x1234567890abcdef;
	uint32_t a, b, c, d;

	__asm__ volatile("outl %%eax, %%dx" : : "d"(0x99), "a"(0x11223344) : "memory");
	__asm__ volatile("outw %%ax, $0x98" : : "a"(0x5566) : "memory");
	__asm__ volatile("inb %%dx, %%al" : "+a"(value) : "d"(0x99) : "memory");
	GUEST_SYNC(value);
	__asm__ volatile("inw %%dx, %%ax" : "+a"(value) : "d"(0x99) : "memory");
	GUEST_SYNC(value);
	__asm__ volatile("inl $0x97, %%eax" : "+a"(value) : : "memory");
	GUEST_SYNC(value);
	ucall_wrmsr(0x250, 0x0606060605050505); /* MTRRfix64K_00000 */
	GUEST_SYNC(ucall_rdmsr(0x250));
	__asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(0x8000001f), "c"(0));
	GUEST_SYNC_ARGS(a, b, c, d, 0);
	GUEST_DONE();
}

static void next_port(struct ucall_vcpu *vcpu, uint16_t port, uint8_t size, bool is_write,
		      uint64_t data)
{
	const struct ucall_exit *exit = ucall_vcpu_exit(vcpu);
	struct kvm_run *run = ucall_vcpu_kvm_run(vcpu);
	uint64_t answer = 0x8877665544332211;

	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(exit->reason, UCALL_EXIT_IO);
	CHECK_EQ(exit->u.io.port, port);
	CHECK_EQ(exit->u.io.size, size);
	CHECK_EQ(exit->u.io.is_write, is_write);
	CHECK_EQ(exit->u.io.data, data);
	CHECK_EQ(get_ucall(vcpu, NULL), UCALL_NONE);
	/* As with any other guest: KVM API document, 5, KVM_EXIT_IO. */
	if (!is_write)
		memcpy((uint8_t *)run + run->io.data_offset, &answer, size);
}

static void next_sync(struct ucall_vcpu *vcpu, uint64_t value, uint64_t arg)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], value);
	if (arg)
		CHECK_EQ(uc.args[2] & 0x3f, arg);
}

static void host_served(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint32_t status = expected_status(vm);
	uint64_t leaf = (status & 1) << 1 | (status & 2) << 2 | (status & 4) << 2;
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_served, 0);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	next_port(vcpu, 0x99, 4, true, 0x11223344);
	next_port(vcpu, 0x98, 2, true, 0x5566);
	next_port(vcpu, 0x99, 1, false, 0);
	next_sync(vcpu, 0x1234567890abcd11, 0);
	next_port(vcpu, 0x99, 2, false, 0);
	next_sync(vcpu, 0x1234567890ab2211, 0);
	next_port(vcpu, 0x97, 4, false, 0);
	next_sync(vcpu, 0x44332211, 0);
	next_sync(vcpu, 0x0606060605050505, 0);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], leaf);
	CHECK((uc.args[2] & 0x3f) >= 32);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* An MSR that does not exist: the host makes the guest raise #GP at the instruction. */
static UCALL_GUEST void guest_no_msr(void)
{
	ucall_rdmsr(0x12345);
	GUEST_DONE();
}

static void host_no_msr(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_no_msr, 0);
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, 13);
	CHECK_HAS(ucall_error(), "#GP general protection");
	CHECK_HAS(ucall_error(), "in guest_no_msr");
}

/* An exit that the handler does not support is reported as such. */
static UCALL_GUEST void guest_mmio_store(uint64_t *device)
{
	*(volatile uint64_t *)device = 1;
	GUEST_DONE();
}

static void host_mmio_store(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t gva = ucall_vm_map_device(vm, 0xd0000000, 4096);

	vcpu = ucall_vcpu_add(vm, guest_mmio_store, 1, gva);
	CHECK_OK(gva && vcpu && !ucall_vm_launch(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.vector, 29);
	CHECK_EQ(ucall_fault(vcpu)->frame.code, UCALL_SVM_EXIT_NPF);
	CHECK_HAS(ucall_error(), "(access where there is no memory (MMIO))");
	CHECK_HAS(ucall_error(), "guest_mmio_store");
}

/* From ring 3 too: the handler is in ring 0. */
static void host_ring3(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = ucall_vcpu_add(vm, guest_mmio_store, 1, ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE));
	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

UCALL_TESTS(EACH_CLOSED("port I/O", .host = host_io), EMULATED_CLOSED("MSRs", .host = host_msr),
	    EACH_CLOSED("MMIO", .host = host_mmio),
	    EMULATED_CLOSED("CPUID does not raise it unless asked for", .host = host_cpuid),
	    KIND("emulated-sev-es,trap_cpuid=step", "CPUID", .host = host_step),
	    KIND("emulated-sev-snp,trap_cpuid=step", "CPUID", .host = host_step),
	    KIND("emulated-sev-es,trap_cpuid=step", "halts", .host = host_halts),
	    EACH_CLOSED("the core's handler", .host = host_served, .config.guest_vc = true),
	    KIND("emulated-sev-es,trap_cpuid=step", "the core's handler", .host = host_served,
		 .config.guest_vc = true),
	    EACH_CLOSED("an MSR that does not exist", .host = host_no_msr, .config.guest_vc = true),
	    EACH_CLOSED("an unsupported exit", .host = host_mmio_store, .config.guest_vc = true),
	    EACH_CLOSED("a doorbell in ring 3", .host = host_ring3, .config.guest_vc = true,
			.config.ring = 3));
