/* SPDX-License-Identifier: MIT */
/* GICv3 (Arm IHI 0069, 12); without it the vCPU's IRQ line (KVM API document, 4.25). */
#define GICD_CTLR 0
#define GICD_IGROUPR 0x80
#define GICD_ISENABLER 0x100
#define GICD_ICFGR 0xc00
#define GICD_IROUTER 0x6000
#define GICR_SIZE 0x20000
#define GICR_SGIS 0x10000 /* where IGROUPR0 and ISENABLER0 of a redistributor are */

#define LINE 40 /* a shared peripheral interrupt */
#define FROM_A_VCPU 3 /* a software-generated one */
#define HAS_MESSAGES 0 /* these need an ITS */

static uint64_t guest_has_gic;

static UCALL_GUEST void write64(uint64_t address, uint64_t value)
{
	*(volatile uint64_t *)address = value;
}

static UCALL_GUEST void on_interrupt(struct ucall_frame *frame)
{
	uint64_t id = LINE;

	if (guest_has_gic) {
		__asm__ volatile("mrs %0, s3_0_c12_c12_0" : "=r"(id)); /* ICC_IAR1_EL1 */
		record(id);
		__asm__ volatile("msr s3_0_c12_c12_1, %0" : : "r"(id)); /* ICC_EOIR1_EL1 */
		return;
	}
	record(id);
	frame->flags |= 0x80; /* masks it: the line stays up until the host lowers it */
}

static UCALL_GUEST void interrupts_again(void)
{
	__asm__ volatile("msr daifclr, #2" : : : "memory");
}

static UCALL_GUEST void interrupts_on(uint64_t gicd, uint64_t gicr, uint64_t vcpu)
{
	uint64_t sgis = gicr + vcpu * GICR_SIZE + GICR_SGIS;

	guest_has_gic = gicd;
	if (gicd) {
		if (!vcpu) {
			write32(gicd + GICD_CTLR, 0x12); /* affinity routing, group 1 */
			write32(gicd + GICD_IGROUPR + LINE / 32 * 4, 1u << LINE % 32);
			write32(gicd + GICD_ICFGR + LINE / 16 * 4, 2u << LINE % 16 * 2); /* edge */
			write64(gicd + GICD_IROUTER + LINE * 8, 0);
			write32(gicd + GICD_ISENABLER + LINE / 32 * 4, 1u << LINE % 32);
		}
		write32(sgis + GICD_IGROUPR, 1u << FROM_A_VCPU);
		write32(sgis + GICD_ISENABLER, 1u << FROM_A_VCPU);
		__asm__ volatile("msr s3_0_c4_c6_0, %0" : : "r"(0xffull)); /* ICC_PMR_EL1 */
		__asm__ volatile("msr s3_0_c12_c12_7, %0; isb" : : "r"(1ull)); /* ICC_IGRPEN1_EL1 */
	}
	interrupts_again();
}

/* A masked interrupt ends WFI, too. */
static UCALL_GUEST void wait_once(void)
{
	__asm__ volatile("msr daifset, #2" : : : "memory");
	if (!guest_seen)
		__asm__ volatile("wfi" : : : "memory");
	interrupts_again();
}

static UCALL_GUEST void send_to(uint64_t vcpu)
{
	uint64_t value = (uint64_t)FROM_A_VCPU << 24 | 1ull << vcpu;

	__asm__ volatile("dsb ishst; msr s3_0_c12_c11_5, %0; isb"
			 :
			 : "r"(value)
			 : "memory"); /* ICC_SGI1R_EL1 */
}

static void map_controller(struct ucall_vm *vm, uint64_t *gicd, uint64_t *gicr)
{
	*gicd = ucall_vm_map_device(vm, UCALL_GICD_GPA, 0x10000);
	*gicr = ucall_vm_map_device(vm, UCALL_GICR_GPA, (size_t)VCPUS * GICR_SIZE);
	CHECK_OK(*gicd && *gicr);
}

static void take_interrupts(struct ucall_vm *vm)
{
	CHECK_OK(!ucall_vm_set_handler(vm, UCALL_AARCH64_IRQ, on_interrupt));
}

static void set_line(struct ucall_vm *vm, bool level)
{
	struct kvm_irq_level line = { .irq = KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | LINE,
				      .level = level };

	CHECK(!ioctl(ucall_vm_fd(vm), KVM_IRQ_LINE, &line));
}

static void set_cpu_line(struct ucall_vcpu *vcpu, bool level)
{
	struct kvm_irq_level line = { .irq = KVM_ARM_IRQ_TYPE_CPU << KVM_ARM_IRQ_TYPE_SHIFT |
					     ucall_vcpu_number(vcpu) << KVM_ARM_IRQ_VCPU_SHIFT |
					     KVM_ARM_IRQ_CPU_IRQ,
				      .level = level };

	CHECK(!ioctl(ucall_vm_fd(ucall_vcpu_vm(vcpu)), KVM_IRQ_LINE, &line));
}
