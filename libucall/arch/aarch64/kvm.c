// SPDX-License-Identifier: MIT
/* aarch64 on the kvm engine: boot state and registers (KVM API document, 4.68, 4.82). */
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/kvm.h"
#include "arch/stubs.h"
#include "protect/pkvm/pkvm.h"
#include "aarch64.h"

#define CORE(name) \
	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(name))
#define CORE_X(n) (CORE(regs.regs[0]) + 2 * (uint64_t)(n)) /* numbered in words of 32 bits */

#define SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define CPACR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 2)
#define TTBR0_EL1 ARM64_SYS_REG(3, 0, 2, 0, 0)
#define TCR_EL1 ARM64_SYS_REG(3, 0, 2, 0, 2)
#define MAIR_EL1 ARM64_SYS_REG(3, 0, 10, 2, 0)
#define VBAR_EL1 ARM64_SYS_REG(3, 0, 12, 0, 0)
#define TPIDR_EL0 ARM64_SYS_REG(3, 3, 13, 0, 2)

#define SCTLR_MMU_AND_CACHES (1ull << 0 | 1ull << 2 | 1ull << 12) /* M C I */
/* T0SZ 16: 48 bits; 4 KiB granule; write-back, inner shareable; EPD1; IPS 40 bits. */
#define TCR_BOOT (16ull | 1ull << 8 | 1ull << 10 | 3ull << 12 | 1ull << 23 | 2ull << 32)
#define PSTATE_EL1H 0x3c5 /* EL1 with its own stack pointer; all interrupts masked */

extern const uint8_t ucall_stub_vectors[] UCALL_HIDDEN;

static int aarch64_vcpu_init(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run)
{
	struct kvm_vcpu_init init;

	if (ioctl(vcpu->vm->engine->vm_fd(vcpu->vm), KVM_ARM_PREFERRED_TARGET, &init))
		return ucall_fail_call("KVM_ARM_PREFERRED_TARGET");
	init.features[0] |= 1u << KVM_ARM_VCPU_PSCI_0_2;
	return ioctl(fd, KVM_ARM_VCPU_INIT, &init) ? ucall_fail_call("KVM_ARM_VCPU_INIT") : 0;
}

static int aarch64_boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct ucall_boot *boot = &vcpu->boot;
	const struct {
		uint64_t id, value;
	} regs[] = {
		{ MAIR_EL1, AARCH64_MAIR },
		{ TCR_EL1, TCR_BOOT },
		{ TTBR0_EL1, boot->root },
		{ VBAR_EL1, ucall_stub_address(ucall_stub_vectors) },
		/* FPEN: compilers copy with SIMD registers, in the program's guest code too. */
		{ CPACR_EL1, 3ull << 20 },
		{ TPIDR_EL0, boot->tls },
		{ CORE(sp_el1), boot->sp },
		{ CORE(regs.pc), boot->start ? boot->start : boot->entry },
		{ CORE_X(16), boot->entry },
		{ CORE_X(17), boot->start_arg },
		{ CORE(regs.pstate), PSTATE_EL1H },
		{ CORE_X(30), vcpu->vm->return_address },
	};
	uint64_t sctlr;

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (ucall_kvm_set_reg(fd, regs[i].id, regs[i].value))
			return -1;
	for (int i = 0; i < 6; i++)
		if (ucall_kvm_set_reg(fd, CORE_X(i), boot->args[i]))
			return -1;
	if (ucall_kvm_get_reg(fd, SCTLR_EL1, &sctlr))
		return -1;
	return ucall_kvm_set_reg(fd, SCTLR_EL1, sctlr | SCTLR_MMU_AND_CACHES);
}

/* struct kvm_run has no registers here: these two functions make system calls. */
static uint64_t aarch64_argument(int fd, const struct kvm_run *run)
{
	uint64_t value = 0;

	return ucall_kvm_get_reg(fd, CORE_X(0), &value) ? 0 : value;
}

static uint64_t aarch64_root(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run)
{
	uint64_t value;

	if (!vcpu->vm->wants_root || ucall_kvm_get_reg(fd, TTBR0_EL1, &value))
		return vcpu->boot.root;
	return value & 0x0000fffffffffffe; /* without ASID and CnP */
}

static int aarch64_get_regs(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			    struct ucall_frame *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < 31; i++)
		if (ucall_kvm_get_reg(fd, CORE_X(i), &out->gpr[i]))
			return -1;
	return ucall_kvm_get_reg(fd, CORE(regs.pc), &out->pc) ||
			       ucall_kvm_get_reg(fd, CORE(sp_el1), &out->sp) ||
			       ucall_kvm_get_reg(fd, CORE(regs.pstate), &out->flags)
		       ? -1
		       : 0;
}

static int aarch64_set_regs(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			    const struct ucall_frame *in)
{
	for (int i = 0; i < 31; i++)
		if (ucall_kvm_set_reg(fd, CORE_X(i), in->gpr[i]))
			return -1;
	return ucall_kvm_set_reg(fd, CORE(regs.pc), in->pc) ||
			       ucall_kvm_set_reg(fd, CORE(sp_el1), in->sp) ||
			       ucall_kvm_set_reg(fd, CORE(regs.pstate), in->flags)
		       ? -1
		       : 0;
}

static uint64_t aarch64_pc(int fd, const struct kvm_run *run)
{
	uint64_t value = 0;

	return ucall_kvm_get_reg(fd, CORE(regs.pc), &value) ? 0 : value;
}

/* The guest reads CNTFRQ_EL0 of the machine itself; so does this process. */
static int aarch64_counter(int fd, uint64_t *value, uint64_t *hz)
{
	struct kvm_one_reg reg = { KVM_REG_ARM_TIMER_CNT, (uint64_t)(uintptr_t)value };

	__asm__("mrs %0, cntfrq_el0" : "=r"(*hz));
	return ioctl(fd, KVM_GET_ONE_REG, &reg) || !*hz ? -1 : 0;
}

/* Arm ARM, DBGBCR<n>_EL1: enabled, at EL1 and EL0, for all four bytes of the instruction. */
#define DBGBCR_EXECUTION (1u | 3u << 1 | 0xfu << 5)

static unsigned int aarch64_set_breakpoints(int fd, struct kvm_guest_debug *debug,
					    const uint64_t *pcs, unsigned int count)
{
	int has = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_GUEST_DEBUG_HW_BPS);

	if (has <= 0)
		return 0;
	if (count > (unsigned int)has)
		count = (unsigned int)has;
	debug->control |= KVM_GUESTDBG_USE_HW;
	for (unsigned int i = 0; i < count; i++) {
		debug->arch.dbg_bvr[i] = pcs[i];
		debug->arch.dbg_bcr[i] = DBGBCR_EXECUTION;
	}
	return count;
}

/* Firmware pseudo-registers are configuration of the vCPU, not state. */
static bool aarch64_is_state(uint64_t reg)
{
	uint64_t group = reg & KVM_REG_ARM_COPROC_MASK;

	return group != KVM_REG_ARM_FW && group != KVM_REG_ARM_FW_FEAT_BMAP;
}

static const struct ucall_kvm_guards *const guards[] = { &pkvm_guards, NULL };

const struct ucall_kvm_arch ucall_kvm_arch = {
	.arch = &ucall_arch_aarch64,
	.can = UCALL_CAN_HANDLERS | UCALL_CAN_STEP,
	.run_einval = "if this KVM is in protected mode, add all vCPUs before the VM's first run",
	.vcpu_init = aarch64_vcpu_init,
	.boot = aarch64_boot,
	.argument = aarch64_argument,
	.root = aarch64_root,
	.get_regs = aarch64_get_regs,
	.set_regs = aarch64_set_regs,
	.pc = aarch64_pc,
	.counter = aarch64_counter,
	.set_breakpoints = aarch64_set_breakpoints,
	.irqchip = &ucall_aarch64_irqchip,
	.state = &ucall_kvm_one_reg_state,
	.is_state = aarch64_is_state,
	.guards = guards,
};
