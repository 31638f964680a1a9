// SPDX-License-Identifier: MIT
/* riscv64 on the kvm engine: boot state and registers (KVM API document, 4.68). */
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/kvm.h"
#include "arch/stubs.h"
#include "riscv64.h"

#define REG(type, n) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | (type) | (uint64_t)(n))
/* struct user_regs_struct is pc, then x1 to x31. */
#define CORE(n) REG(KVM_REG_RISCV_CORE, n)
#define CSR(name) REG(KVM_REG_RISCV_CSR, KVM_REG_RISCV_CSR_REG(name))

#define RA 1
#define SP 2
#define TP 4
#define A0 10

#define SATP_SV48 (9ull << 60)
#define SATP_PPN 0xfffffffffffull

extern const uint8_t ucall_stub_vectors[] UCALL_HIDDEN;

/* Otherwise all vCPUs but the first would wait until another starts them. */
static int riscv64_vcpu_init(struct ucall_cpu *vcpu, int kvm_fd, int fd, struct kvm_run *run)
{
	struct kvm_mp_state runnable = { KVM_MP_STATE_RUNNABLE };

	if (vcpu->number && ioctl(fd, KVM_SET_MP_STATE, &runnable))
		return ucall_fail_call("KVM_SET_MP_STATE");
	return 0;
}

static int riscv64_boot(struct ucall_cpu *vcpu, int fd, struct kvm_run *run)
{
	const struct ucall_boot *boot = &vcpu->boot;
	const struct {
		uint64_t id, value;
	} regs[] = {
		{ CSR(satp), SATP_SV48 | boot->root >> 12 },
		{ CSR(stvec), ucall_stub_address(ucall_stub_vectors) },
		{ CSR(sie), 0 },
		{ CSR(sstatus), 0 }, /* interrupts off; no floating point, as with UCALL_GUEST */
		{ REG(KVM_REG_RISCV_CORE, KVM_REG_RISCV_CORE_REG(mode)), KVM_RISCV_MODE_S },
		{ CORE(KVM_REG_RISCV_CORE_REG(regs.pc)), boot->entry },
		{ CORE(RA), vcpu->vm->return_address },
		{ CORE(SP), boot->sp },
		{ CORE(TP), boot->tls },
	};
	uint64_t satp;

	for (size_t i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (ucall_kvm_set_reg(fd, regs[i].id, regs[i].value))
			return -1;
	for (int i = 0; i < 6; i++)
		if (ucall_kvm_set_reg(fd, CORE(A0 + i), boot->args[i]))
			return -1;
	if (ucall_kvm_get_reg(fd, CSR(satp), &satp))
		return -1;
	if (satp != regs[0].value)
		return ucall_fail(EOPNOTSUPP, "this machine has no Sv48 page tables, which riscv64 "
					      "guests of libucall need");
	return 0;
}

/* struct kvm_run has no registers here: these two functions make system calls. */
static uint64_t riscv64_argument(int fd, const struct kvm_run *run)
{
	uint64_t value = 0;

	return ucall_kvm_get_reg(fd, CORE(A0), &value) ? 0 : value;
}

static uint64_t riscv64_root(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run)
{
	uint64_t value;

	if (!vcpu->vm->wants_root || ucall_kvm_get_reg(fd, CSR(satp), &value))
		return vcpu->boot.root;
	return (value & SATP_PPN) << 12;
}

static int riscv64_get_regs(const struct ucall_cpu *vcpu, int fd, const struct kvm_run *run,
			    struct ucall_frame *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 1; i < 32; i++)
		if (ucall_kvm_get_reg(fd, CORE(i), &out->gpr[i]))
			return -1;
	out->sp = out->gpr[SP];
	if (ucall_kvm_get_reg(fd, CORE(0), &out->pc))
		return -1;
	return ucall_kvm_get_reg(fd, CSR(sstatus), &out->flags);
}

/*
 * KVM completes an SBI call at the next run: it sets a0, a1 and the address after the call.  This
 * makes it do so now, so that it does not overwrite what is set afterwards.  If *pc is still the
 * call's address, it becomes the address that KVM has set.
 */
static int complete_sbi(struct ucall_cpu *vcpu, int fd, const struct kvm_run *run, uint64_t *pc)
{
	uint64_t before;

	if (run->exit_reason != KVM_EXIT_RISCV_SBI)
		return 0;
	if (ucall_kvm_get_reg(fd, CORE(0), &before) || ucall_kvm_complete(vcpu))
		return -1;
	return *pc == before ? ucall_kvm_get_reg(fd, CORE(0), pc) : 0;
}

static int riscv64_set_regs(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
			    const struct ucall_frame *in)
{
	uint64_t pc = in->pc;

	if (complete_sbi(vcpu, fd, run, &pc))
		return -1;
	for (int i = 1; i < 32; i++)
		if (ucall_kvm_set_reg(fd, CORE(i), i == SP ? in->sp : in->gpr[i]))
			return -1;
	if (ucall_kvm_set_reg(fd, CORE(0), pc))
		return -1;
	return ucall_kvm_set_reg(fd, CSR(sstatus), in->flags);
}

/* ---- single steps ---- */

static uint64_t riscv64_pc(int fd, const struct kvm_run *run)
{
	uint64_t value = 0;

	return ucall_kvm_get_reg(fd, CORE(0), &value) ? 0 : value;
}

static int riscv64_counter(int fd, uint64_t *value, uint64_t *hz)
{
	struct kvm_one_reg time = { REG(KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(time)),
				    (uint64_t)(uintptr_t)value };
	struct kvm_one_reg rate = { REG(KVM_REG_RISCV_TIMER, KVM_REG_RISCV_TIMER_REG(frequency)),
				    (uint64_t)(uintptr_t)hz };

	return ioctl(fd, KVM_GET_ONE_REG, &time) || ioctl(fd, KVM_GET_ONE_REG, &rate) || !*hz ? -1
											      : 0;
}

static bool read_half(void *data, uint64_t gva, uint16_t *half)
{
	const struct ucall_cpu *vcpu = data;

	return ucall_memory_copy_as_cpu(vcpu->vm, vcpu->boot.root, gva, half, NULL, sizeof(*half));
}

static unsigned int riscv64_next_pcs(struct ucall_cpu *vcpu, int fd, uint64_t *next)
{
	const struct ucall_riscv64_code code = { read_half, vcpu };
	struct ucall_frame frame;
	uint64_t sepc;

	if (riscv64_get_regs(vcpu, fd, NULL, &frame) || ucall_kvm_get_reg(fd, CSR(sepc), &sepc))
		return 0;
	return ucall_riscv64_next_pcs(&code, frame.pc, frame.gpr, sepc, next);
}

_Static_assert(UCALL_KVM_NEXT >= UCALL_RISCV64_NEXT, "next_pcs()");

#define C_EBREAK 0x9002

#define REG_TYPE_VECTOR (0x09 << KVM_REG_RISCV_TYPE_SHIFT) /* Linux 6.5 */

/* Other registers are the vCPU's configuration: its extensions, and those of its SBI. */
static bool riscv64_is_state(uint64_t reg)
{
	uint64_t type = reg & KVM_REG_RISCV_TYPE_MASK;

	return (type >= KVM_REG_RISCV_CORE && type <= KVM_REG_RISCV_FP_D) ||
	       type == REG_TYPE_VECTOR;
}

static int riscv64_decode(const struct ucall_cpu *vcpu, const struct kvm_run *run, size_t run_size,
			  struct ucall_exit *exit)
{
	return ucall_riscv64_decode(run, exit);
}

const struct ucall_kvm_arch ucall_kvm_arch = {
	.arch = &ucall_arch_riscv64,
	.can = UCALL_CAN_HANDLERS | UCALL_CAN_STEP,
	.vcpu_init = riscv64_vcpu_init,
	.boot = riscv64_boot,
	.argument = riscv64_argument,
	.root = riscv64_root,
	.get_regs = riscv64_get_regs,
	.set_regs = riscv64_set_regs,
	.pc = riscv64_pc,
	.counter = riscv64_counter,
	.next_pcs = riscv64_next_pcs,
	.breakpoint_insn = C_EBREAK,
	.decode = riscv64_decode,
	.irqchip = &ucall_riscv64_irqchip,
	.state = &ucall_kvm_one_reg_state,
	.is_state = riscv64_is_state,
};
