// SPDX-License-Identifier: MIT
/*
 * aarch64: the in-kernel interrupt controller, a GICv3, and its ITS, which turns messages into
 * interrupts (KVM API document, devices/arm-vgic-v3 and arm-vgic-its).
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/error.h"
#include "kvm/kvm.h"
#include "kvm/device.h"
#include "aarch64.h"

_Static_assert(UCALL_GICD_GPA >= UCALL_MEM_MAX, "memory.h");

/* The ITS lives as long as the VM, without its descriptor. */
static int create_its(int vm_fd)
{
	static const uint64_t its = UCALL_GITS_GPA;
	struct kvm_create_device test = { .type = KVM_DEV_TYPE_ARM_VGIC_ITS,
					  .flags = KVM_CREATE_DEVICE_TEST };
	int device, failed;

	if (ioctl(vm_fd, KVM_CREATE_DEVICE, &test))
		return 0; /* this KVM does not offer an ITS */
	device = ucall_kvm_device_create(vm_fd, KVM_DEV_TYPE_ARM_VGIC_ITS, "ITS");
	if (device < 0)
		return -1;
	failed = ucall_kvm_device_set(device, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE,
				      &its, "the ITS's address") ||
		 ucall_kvm_device_set(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
				      NULL, "KVM_DEV_ARM_VGIC_CTRL_INIT, ITS");
	close(device);
	return failed ? -1 : 0;
}

static int create(int vm_fd, int *device)
{
	static const uint64_t distributor = UCALL_GICD_GPA, redistributors = UCALL_GICR_GPA;

	*device = ucall_kvm_device_create(vm_fd, KVM_DEV_TYPE_ARM_VGIC_V3, "GICv3");
	if (*device < 0 ||
	    ucall_kvm_device_set(*device, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
				 &distributor, "the distributor's address"))
		return -1;
	if (ucall_kvm_device_set(*device, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_REDIST,
				 &redistributors, "the redistributors' address"))
		return -1;
	return create_its(vm_fd);
}

static int start(int device, unsigned int vcpus)
{
	return ucall_kvm_device_set(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
				    NULL, "KVM_DEV_ARM_VGIC_CTRL_INIT");
}

/* ---- snapshots: the registers that software can change, in the order of restoring ---- */

#define NAME "GICv3"

/* Arm IHI 0069, 12.9 and 12.11: the same offsets in the distributor and in a redistributor's SGI_base. */
#define CTLR 0x0
#define IGROUPR 0x80
#define ISENABLER 0x100
#define ICENABLER 0x180
#define ISPENDR 0x200 /* KVM: the latch, which a write sets and clears */
#define ISACTIVER 0x300
#define ICACTIVER 0x380
#define IPRIORITYR 0x400
#define ICFGR 0xc00
#define IROUTER 0x6000
#define GICR_WAKER 0x14
#define SGI_BASE 0x10000
#define FIRST_SPI 32

/* Of the system registers: op0 3, op1 0 (KVM API document, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS). */
#define SYSREG(crn, crm, op2) (3u << 14 | (crn) << 7 | (crm) << 3 | (op2))

/* Counts the registers, and notes them if there is room. */
struct plan {
	struct ucall_kvm_device_state *state; /* NULL: only counted */
	size_t count;
	unsigned int active_regs; /* of each group: 1, 2 or 4 (Arm IHI 0069, ICC_AP0R<n>_EL1) */
};

static void add(struct plan *plan, uint32_t group, uint64_t attribute, uint64_t clear)
{
	if (plan->state)
		plan->state->regs[plan->count] = (struct ucall_kvm_device_reg){
			.group = group, .attribute = attribute, .clear = clear
		};
	plan->count++;
}

/* The registers of `bits` bits for each of the interrupts from `first` to before `end`. */
static void add_bits(struct plan *plan, uint32_t group, uint64_t base, unsigned int bits,
		     unsigned int first, unsigned int end, uint64_t clear_at)
{
	for (unsigned int at = first * bits / 8; at < end * bits / 8; at += 4)
		add(plan, group, base + at, clear_at ? base + at + clear_at : 0);
}

static void add_interrupts(struct plan *plan, uint32_t group, uint64_t base, unsigned int first,
			   unsigned int end)
{
	uint64_t cpu = base & ~0xffffffffull;

	add_bits(plan, group, base + IGROUPR, 1, first, end, 0);
	add_bits(plan, group, base + ISENABLER, 1, first, end, ICENABLER - ISENABLER);
	add_bits(plan, group, base + IPRIORITYR, 8, first, end, 0);
	add_bits(plan, group, base + ICFGR, 2, first, end, 0);
	for (unsigned int i = first; i < end; i += 32)
		add(plan, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO,
		    cpu |
			    (uint64_t)VGIC_LEVEL_INFO_LINE_LEVEL
				    << KVM_DEV_ARM_VGIC_LINE_LEVEL_INFO_SHIFT |
			    i,
		    0);
	add_bits(plan, group, base + ISPENDR, 1, first, end, 0);
	add_bits(plan, group, base + ISACTIVER, 1, first, end, ICACTIVER - ISACTIVER);
}

/* The affinity that KVM gives a vCPU: 16 to a cluster. */
static uint64_t affinity(unsigned int number)
{
	return (uint64_t)(number & 15) << 32 | (uint64_t)(number >> 4) << 40;
}

#define ICC_CTLR SYSREG(12, 12, 4)
#define ICC_AP0R(n) SYSREG(12, 8, 4 + (n))
#define ICC_AP1R(n) SYSREG(12, 9, (n))

static void add_vcpu(struct plan *plan, unsigned int number)
{
	static const uint32_t sysregs[] = {
		SYSREG(12, 12, 5), /* ICC_SRE_EL1 */
		ICC_CTLR,	   SYSREG(12, 12, 6), /* ICC_IGRPEN0_EL1 */
		SYSREG(12, 12, 7), /* ICC_IGRPEN1_EL1 */
		SYSREG(4, 6, 0), /* ICC_PMR_EL1 */
		SYSREG(12, 8, 3), /* ICC_BPR0_EL1 */
		SYSREG(12, 12, 3), /* ICC_BPR1_EL1 */
	};
	uint64_t cpu = affinity(number);

	add(plan, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | CTLR, 0);
	add(plan, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | GICR_WAKER, 0);
	add_interrupts(plan, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | SGI_BASE, 0, FIRST_SPI);
	for (size_t i = 0; i < sizeof(sysregs) / sizeof(sysregs[0]); i++)
		add(plan, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | sysregs[i], 0);
	for (unsigned int i = 0; i < plan->active_regs; i++) {
		add(plan, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | ICC_AP0R(i), 0);
		add(plan, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, cpu | ICC_AP1R(i), 0);
	}
}

static void add_all(struct plan *plan, unsigned int vcpus, unsigned int interrupts)
{
	add(plan, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, CTLR, 0);
	for (unsigned int i = 0; i < vcpus; i++)
		add_vcpu(plan, i);
	for (unsigned int i = FIRST_SPI; i < interrupts; i++) {
		add(plan, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, IROUTER + i * 8, 0);
		add(plan, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, IROUTER + i * 8 + 4, 0);
	}
	add_interrupts(plan, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, FIRST_SPI, interrupts);
}

/* LPIs are in tables in guest memory, of which KVM has a copy. */
static int check_lpis(const struct ucall_kvm_device_state *state)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->regs[i].group == KVM_DEV_ARM_VGIC_GRP_REDIST_REGS &&
		    !(state->regs[i].attribute & 0xffffffff) && state->regs[i].value & 1)
			return ucall_fail(EOPNOTSUPP,
					  "cannot take a snapshot: the guest has enabled LPIs "
					  "(GICR_CTLR), whose state this version cannot save");
	return 0;
}

static void *save(int vm_fd, int device, unsigned int vcpus)
{
	struct ucall_kvm_device_state *state;
	struct plan plan = { .state = NULL };
	uint64_t interrupts, control, priority_bits;

	if (ucall_kvm_device_get(device, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &interrupts, NAME) ||
	    ucall_kvm_device_get(device, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, affinity(0) | ICC_CTLR,
				 &control, NAME))
		return NULL;
	priority_bits = (control >> 8 & 7) + 1;
	plan.active_regs = priority_bits > 6 ? 4 : priority_bits > 5 ? 2 : 1;
	add_all(&plan, vcpus, (unsigned int)interrupts);
	state = ucall_calloc(1, sizeof(*state) + plan.count * sizeof(state->regs[0]));
	if (!state)
		return NULL;
	state->count = plan.count;
	plan = (struct plan){ .state = state, .active_regs = plan.active_regs };
	add_all(&plan, vcpus, (unsigned int)interrupts);
	if (ucall_kvm_device_read(device, state, NAME) || check_lpis(state)) {
		free(state);
		return NULL;
	}
	return state;
}

static int load(int vm_fd, int device, const void *state)
{
	return ucall_kvm_device_write(device, state, NAME);
}

const struct ucall_kvm_irqchip ucall_aarch64_irqchip = {
	.create = create,
	.start = start,
	.save = save,
	.load = load,
};
