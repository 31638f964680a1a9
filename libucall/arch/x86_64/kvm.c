// SPDX-License-Identifier: MIT
/* x86_64 on the kvm engine: boot state, registers, exits. */
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/kvm.h"
#include "layout.h"
#include "protect/sev/kvm-sev.h"
#include "protect/sev/sev.h"
#include "protect/tdx/tdx.h"
#include "insn.h"
#include "x86_64.h"

#define CR0_BOOT 0x80010033 /* PG WP NE ET MP PE */
#define CR4_BOOT 0x620 /* PAE OSFXSR OSXMMEXCPT */
#define EFER_BOOT 0xd00 /* LME LMA NXE */

static void set_segment(struct kvm_segment *seg, uint16_t selector, uint8_t type)
{
	memset(seg, 0, sizeof(*seg));
	seg->selector = selector;
	seg->limit = 0xffffffff;
	seg->type = type;
	seg->present = 1;
	seg->dpl = selector & 3;
	seg->s = 1;
	seg->g = 1;
	seg->l = type & 8 ? 1 : 0;
	seg->db = !seg->l;
}

/*
 * Supported CPUID, without and with virtualization.  Read once per process: the ioctl takes longer
 * than creating a VM.
 */
static pthread_mutex_t cpuid_lock = PTHREAD_MUTEX_INITIALIZER;
static struct kvm_cpuid2 *cpuid[2];

#define CPUID_1_VMX (1u << 5) /* ECX; Intel SDM volume 2, CPUID */
#define CPUID_80000001_SVM (1u << 2) /* ECX; APM volume 3, appendix E */
#define CPUID_SVM 0x8000000a

/* Removes what a guest needs to be a hypervisor. */
static void hide_virtualization(struct kvm_cpuid2 *c)
{
	for (uint32_t i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1)
			e->ecx &= ~CPUID_1_VMX;
		else if (e->function == 0x80000001)
			e->ecx &= ~CPUID_80000001_SVM;
		else if (e->function == CPUID_SVM)
			e->eax = e->ebx = e->ecx = e->edx = 0;
	}
}

/* cpuid_lock is held. */
static void read_cpuid(int kvm_fd)
{
	const size_t most = 256, size = sizeof(*cpuid[0]) + most * sizeof(cpuid[0]->entries[0]);
	struct kvm_cpuid2 *plain = calloc(1, size), *nested = calloc(1, size);

	if (plain && nested) {
		nested->nent = most;
		if (!ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, nested)) {
			memcpy(plain, nested, size);
			hide_virtualization(plain);
			cpuid[false] = plain;
			cpuid[true] = nested;
			return;
		}
	}
	free(plain);
	free(nested);
}

const struct kvm_cpuid2 *ucall_x86_64_cpuid(const struct ucall_machine *vm, int kvm_fd)
{
	pthread_mutex_lock(&cpuid_lock);
	if (!cpuid[0])
		read_cpuid(kvm_fd);
	pthread_mutex_unlock(&cpuid_lock);
	if (!cpuid[0])
		ucall_fail_call("KVM_GET_SUPPORTED_CPUID");
	return cpuid[vm->nested];
}

static int x86_64_vcpu_init(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run)
{
	const struct kvm_cpuid2 *offered = ucall_x86_64_cpuid(vcpu->vm, kvm_fd);

	run->kvm_valid_regs = KVM_SYNC_X86_REGS;
	/* A guest that passes addresses may have switched its page tables. */
	if (vcpu->vm->wants_root)
		run->kvm_valid_regs |= KVM_SYNC_X86_SREGS;
	if (!offered)
		return -1;
	return ioctl(fd, KVM_SET_CPUID2, offered) ? ucall_fail_call("KVM_SET_CPUID2") : 0;
}

static int x86_64_boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct ucall_boot *boot = &vcpu->boot;
	bool user = vcpu->vm->ring == 3;
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs;
	uint64_t *top;

	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_SREGS");
	set_segment(&sregs.cs, user ? X86_USER_CS : X86_KERNEL_CS, 0xb);
	set_segment(&sregs.ss, user ? X86_USER_DS : X86_KERNEL_DS, 0x3);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss;
	sregs.fs.base = boot->tls;
	memset(&sregs.tr, 0, sizeof(sregs.tr));
	sregs.tr.base = X86_TSS;
	sregs.tr.limit = X86_TSS_SIZE + X86_IOMAP_SIZE;
	sregs.tr.selector = X86_TR;
	sregs.tr.type = 0xb;
	sregs.tr.present = 1;
	sregs.gdt.base = X86_GDT;
	sregs.gdt.limit = X86_TR + 16 - 1;
	sregs.idt.base = X86_IDT;
	sregs.idt.limit = 256 * 16 - 1;
	sregs.cr0 = CR0_BOOT;
	sregs.cr3 = boot->root;
	sregs.cr4 = CR4_BOOT;
	sregs.efer = EFER_BOOT;
	if (ioctl(fd, KVM_SET_SREGS, &sregs))
		return ucall_fail_call("KVM_SET_SREGS");

	/* System V ABI: at a function's first instruction the return address is at RSP. */
	top = ucall_memory_at(vcpu->vm, boot->root, boot->sp - 8, 8);
	if (!top)
		return -1;
	*top = vcpu->vm->return_address;
	regs.rip = boot->entry;
	regs.rsp = boot->sp - 8;
	regs.rflags = 2;
	regs.rdi = boot->args[0];
	regs.rsi = boot->args[1];
	regs.rdx = boot->args[2];
	regs.rcx = boot->args[3];
	regs.r8 = boot->args[4];
	regs.r9 = boot->args[5];
	if (ioctl(fd, KVM_SET_REGS, &regs))
		return ucall_fail_call("KVM_SET_REGS");
	/* With an interrupt controller, all vCPUs but the first would wait for INIT and SIPI. */
	if (vcpu->vm->irqchip && ioctl(fd, KVM_SET_MP_STATE, &runnable))
		return ucall_fail_call("KVM_SET_MP_STATE");
	return 0;
}

static int create_irqchip(int vm_fd, int *device)
{
	return ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0) ? ucall_fail_call("KVM_CREATE_IRQCHIP") : 0;
}

static const struct ucall_kvm_irqchip irqchip = {
	.create = create_irqchip,
	.save = ucall_x86_64_save_irqchip,
	.load = ucall_x86_64_load_irqchip,
};

static uint64_t x86_64_argument(int fd, const struct kvm_run *run)
{
	struct kvm_regs regs;

	if (run->kvm_valid_regs & KVM_SYNC_X86_REGS)
		return run->s.regs.regs.rdi;
	/* An attached vCPU whose owner has not asked for it, or one with encrypted registers. */
	return ioctl(fd, KVM_GET_REGS, &regs) ? 0 : regs.rdi;
}

static uint64_t x86_64_root(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run)
{
	return run->kvm_valid_regs & KVM_SYNC_X86_SREGS ? run->s.regs.sregs.cr3 : vcpu->boot.root;
}

/* struct kvm_regs in the order of the registers' encoding, except rsp. */
#define FOR_EACH_REG(f) \
	f(0, rax) f(1, rcx) f(2, rdx) f(3, rbx) f(5, rbp) f(6, rsi) f(7, rdi) f(8, r8) f(9, r9) \
		f(10, r10) f(11, r11) f(12, r12) f(13, r13) f(14, r14) f(15, r15)

static int x86_64_get_regs(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			   struct ucall_frame *out)
{
	struct kvm_regs regs;

	if (ioctl(fd, KVM_GET_REGS, &regs))
		return ucall_fail_call("KVM_GET_REGS");
	memset(out, 0, sizeof(*out));
#define GET(n, name) out->gpr[n] = regs.name;
	FOR_EACH_REG(GET)
	out->gpr[4] = regs.rsp;
	out->pc = regs.rip;
	out->sp = regs.rsp;
	out->flags = regs.rflags;
	return 0;
}

static int x86_64_set_regs(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			   const struct ucall_frame *in)
{
	struct kvm_regs regs;

#define SET(n, name) regs.name = in->gpr[n];
	FOR_EACH_REG(SET)
	regs.rsp = in->sp;
	regs.rip = in->pc;
	regs.rflags = in->flags;
	if (ioctl(fd, KVM_SET_REGS, &regs))
		return ucall_fail_call("KVM_SET_REGS");
	/* What exits left there is read until the next one. */
	if (run->kvm_valid_regs & KVM_SYNC_X86_REGS)
		run->s.regs.regs = regs;
	return 0;
}

/* Reads the code at rip + offset. */
static int read_code(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, int64_t offset,
		     uint8_t *code, size_t size)
{
	struct kvm_sregs sregs;
	uint64_t at;

	if (ioctl(fd, KVM_GET_REGS, regs) || ioctl(fd, KVM_GET_SREGS, &sregs))
		return ucall_fail_call("KVM_GET_REGS");
	memset(code, 0, size);
	at = regs->rip + (uint64_t)offset;
	if (ucall_memory_copy_as_cpu(vcpu->vm, sregs.cr3, at, code, NULL, size))
		return 0;
	/* The next page may not be mapped. */
	for (size_t i = 0; i < size; i++)
		if (!ucall_memory_copy_as_cpu(vcpu->vm, sregs.cr3, at + i, &code[i], NULL, 1))
			break;
	return 0;
}

int ucall_x86_64_next_code(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, uint8_t *code,
			   size_t size)
{
	return read_code(vcpu, fd, regs, 0, code, size);
}

/* See STUB_STEP_FLAG in stub.c: exceptions save the flag by which KVM steps. */
static void x86_64_stepping(struct ucall_cpu *vcpu, bool on)
{
	const uint64_t value = on ? STUB_STEPPING : STUB_STEPPED;

	ucall_memory_copy_as_cpu(vcpu->vm, vcpu->boot.root, STUB_CPU + STUB_CPU_STEPPED, NULL,
				 &value, sizeof(value));
}

/* KVM's interpreter treats ENDBR64 and the next instruction as one step. */
static int x86_64_next_halt(struct ucall_cpu *vcpu, int fd, uint64_t *after)
{
	struct kvm_regs regs;
	uint8_t code[8]; /* ENDBR64, and HLT with up to three prefixes */
	size_t at, size;

	if (ucall_x86_64_next_code(vcpu, fd, &regs, code, sizeof(code)))
		return -1;
	at = ucall_x86_64_is_endbr(code) ? 4 : 0;
	size = ucall_x86_64_halt(code + at, sizeof(code) - at);
	*after = size ? regs.rip + at + size : 0;
	return 0;
}

static bool x86_64_is_behind_halt(struct ucall_cpu *vcpu, int fd)
{
	struct kvm_regs regs;
	uint8_t code;

	return !read_code(vcpu, fd, &regs, -1, &code, 1) && code == UCALL_X86_64_HLT;
}

static uint64_t x86_64_debug_pc(const struct kvm_run *run)
{
	return run->debug.arch.pc;
}

/* `run` is shared only with the kernel, but its data offset is checked anyway. */
static int x86_64_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
			 struct ucall_exit *exit)
{
	if (run->exit_reason == KVM_EXIT_IO) {
		uint64_t offset = run->io.data_offset, size = run->io.size;

		exit->reason = UCALL_EXIT_IO;
		exit->u.io.port = run->io.port;
		exit->u.io.size = run->io.size;
		exit->u.io.count = run->io.count;
		exit->u.io.is_write = run->io.direction == KVM_EXIT_IO_OUT;
		exit->u.io.data = 0;
		if (exit->u.io.is_write && size <= 8 && offset <= run_size - size)
			memcpy(&exit->u.io.data, (const uint8_t *)run + offset, size);
		return 1;
	}
	if (run->exit_reason == KVM_EXIT_X86_RDMSR || run->exit_reason == KVM_EXIT_X86_WRMSR) {
		exit->reason = UCALL_EXIT_MSR;
		exit->u.msr.index = run->msr.index;
		exit->u.msr.data = run->msr.data;
		exit->u.msr.is_write = run->exit_reason == KVM_EXIT_X86_WRMSR;
		return 1;
	}
	if (run->exit_reason == UCALL_KVM_EXIT_MEMORY_FAULT) {
		struct x86_memory_fault fault;

		memcpy(&fault, &run->hw, sizeof(fault)); /* all exits' data begin there */
		exit->reason = UCALL_EXIT_MEMORY;
		exit->u.memory.gpa = fault.gpa;
		exit->u.memory.size = fault.size;
		exit->u.memory.is_private = (fault.flags & X86_FAULT_PRIVATE) != 0;
		return 1;
	}
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT && run->system_event.type == SEV_EVENT_TERM) {
		/* The GHCB's MSR (GHCB specification, 2.3.1). */
		exit->reason = UCALL_EXIT_TERMINATE;
		exit->u.terminate.set = run->system_event.data[0] >> 12 & 0xf;
		exit->u.terminate.reason = run->system_event.data[0] >> 16 & 0xff;
		return 1;
	}
	if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT &&
	    run->system_event.type == TDX_SYSTEM_EVENT) {
		tdx_decode_fatal(run, exit);
		return 1;
	}
	return 0;
}

static uint64_t x86_64_pc(int fd, const struct kvm_run *run)
{
	struct kvm_regs regs;

	if (run->kvm_valid_regs & KVM_SYNC_X86_REGS)
		return run->s.regs.regs.rip;
	return ioctl(fd, KVM_GET_REGS, &regs) ? 0 : regs.rip;
}

#define MSR_TSC 0x10

static int x86_64_counter(int fd, uint64_t *value, uint64_t *hz)
{
	uint64_t room[(sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)) / 8] = { 0 };
	struct kvm_msrs *msrs = (struct kvm_msrs *)(void *)room;
	const int khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);

	msrs->nmsrs = 1;
	msrs->entries[0].index = MSR_TSC;
	if (khz <= 0 || ioctl(fd, KVM_GET_MSRS, msrs) != 1)
		return -1;
	*value = msrs->entries[0].data;
	*hz = (uint64_t)khz * 1000;
	return 0;
}

#define DR7_GLOBAL(n) \
	(2ull << (2 * (n))) /* APM volume 2, 13.1: on execution, as all other bits are 0 */
#define DR7_FIXED 0x400 /* a bit that is always 1 */
#define HARDWARE_BREAKPOINTS 4

static unsigned int x86_64_set_breakpoints(int fd, struct kvm_guest_debug *debug,
					   const uint64_t *pcs, unsigned int count)
{
	if (count > HARDWARE_BREAKPOINTS)
		count = HARDWARE_BREAKPOINTS;
	debug->control |= KVM_GUESTDBG_USE_HW_BP;
	debug->arch.debugreg[7] = DR7_FIXED;
	for (unsigned int i = 0; i < count; i++) {
		debug->arch.debugreg[i] = pcs[i];
		debug->arch.debugreg[7] |= DR7_GLOBAL(i);
	}
	return count;
}

static const struct ucall_kvm_guards *const guards[] = { &sev_guards, &tdx_guards, NULL };

const struct ucall_kvm_arch ucall_kvm_arch = {
	.arch = &ucall_arch_x86_64,
	.can = UCALL_CAN_RING3 | UCALL_CAN_HANDLERS | UCALL_CAN_STEP,
	.sync_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS,
	.vcpu_init = x86_64_vcpu_init,
	.boot = x86_64_boot,
	.reset = ucall_x86_64_reset,
	.argument = x86_64_argument,
	.root = x86_64_root,
	.get_regs = x86_64_get_regs,
	.set_regs = x86_64_set_regs,
	.decode = x86_64_decode,
	.next_halt = x86_64_next_halt,
	.debug_pc = x86_64_debug_pc,
	.is_behind_halt = x86_64_is_behind_halt,
	.stepping = x86_64_stepping,
	.pc = x86_64_pc,
	.counter = x86_64_counter,
	.set_breakpoints = x86_64_set_breakpoints,
	.irqchip = &irqchip,
	.state = &ucall_x86_64_state,
	.guards = guards,
};
