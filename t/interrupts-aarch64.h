/* SPDX-License-Identifier: MIT */
/*
 * GICv3 and its ITS (Arm IHI 0069, 5 and 12); without them the vCPU's IRQ line (KVM API document,
 * 4.25).
 */
#define GICD_CTLR 0
#define GICD_IGROUPR 0x80
#define GICD_ISENABLER 0x100
#define GICD_ICFGR 0xc00
#define GICD_IROUTER 0x6000
#define GICR_SIZE 0x20000
#define GICR_SGIS 0x10000 /* where IGROUPR0 and ISENABLER0 of a redistributor are */

#define LINE 40 /* a shared peripheral interrupt */
#define FROM_A_VCPU 3 /* a software-generated one */

static uint64_t guest_has_gic;

/* ---- the ITS: tables of 64 KiB, and four commands ---- */

#define GICR_CTLR 0
#define GICR_PROPBASER 0x70
#define GICR_PENDBASER 0x78
#define GITS_CTLR 0
#define GITS_CBASER 0x80
#define GITS_CWRITER 0x88
#define GITS_BASER(n) (0x100 + (n)*8)
#define GITS_TRANSLATER 0x10040

#define FIRST_LPI 8192
#define MESSAGE (FIRST_LPI + 5)
#define DEVICE 2
#define EVENT 3
#define COLLECTION 1
#define VALID (1ull << 63)
#define TABLE 0x10000ull

enum { PROPERTIES, PENDING, DEVICES, COLLECTIONS, COMMANDS, TRANSLATIONS, TABLES };

/* Set by the host, 0 without an ITS: its registers; the tables, in the guest's view and KVM's. */
static uint64_t guest_its, guest_tables, guest_tables_gpa;

static UCALL_GUEST void write64(uint64_t address, uint64_t value)
{
	*(volatile uint64_t *)address = value;
}

static UCALL_GUEST uint64_t table(uint64_t number)
{
	return guest_tables_gpa + number * TABLE;
}

static UCALL_GUEST void command(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	volatile uint64_t *to = (uint64_t *)(guest_tables + COMMANDS * TABLE) + number * 4;

	to[0] = a;
	to[1] = b;
	to[2] = c;
}

/* EVENT of DEVICE becomes MESSAGE, at the first vCPU. */
static UCALL_GUEST void messages_on(uint64_t gicr)
{
	((volatile uint8_t *)(guest_tables + PROPERTIES * TABLE))[MESSAGE - FIRST_LPI] = 0xa1;
	write64(gicr + GICR_PROPBASER, table(PROPERTIES) | 13); /* numbers of 14 bits */
	write64(gicr + GICR_PENDBASER, table(PENDING) | 1ull << 62); /* all zero */
	write32(gicr + GICR_CTLR, 1);
	/* One page of 64 KiB each. */
	write64(guest_its + GITS_BASER(0), VALID | table(DEVICES) | 2 << 8);
	write64(guest_its + GITS_BASER(1), VALID | table(COLLECTIONS) | 2 << 8);
	write64(guest_its + GITS_CBASER, VALID | table(COMMANDS));
	write32(guest_its + GITS_CTLR, 1);
	command(0, 0x08 | (uint64_t)DEVICE << 32, 4, VALID | table(TRANSLATIONS)); /* MAPD */
	command(1, 0x09, 0, VALID | COLLECTION); /* MAPC */
	command(2, 0x0a | (uint64_t)DEVICE << 32, EVENT | (uint64_t)MESSAGE << 32,
		COLLECTION); /* MAPTI */
	command(3, 0x05, 0, 0); /* SYNC */
	__asm__ volatile("dsb sy" : : : "memory");
	write64(guest_its + GITS_CWRITER, 4 * 32);
}

static struct kvm_msi message_to(uint64_t vcpu)
{
	return (struct kvm_msi){
		.address_lo = (uint32_t)UCALL_GITS_GPA + GITS_TRANSLATER,
		.data = EVENT,
		.flags = KVM_MSI_VALID_DEVID,
		.devid = DEVICE,
	};
}

/* ---- the GIC ---- */

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
			if (guest_its)
				messages_on(gicr);
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

/* Before the first vCPU runs. */
static void map_messages(struct ucall_vm *vm)
{
	uint64_t gpa, end;

	guest_its = ucall_vm_map_device(vm, UCALL_GITS_GPA, 0x20000);
	guest_tables = ucall_vm_alloc(vm, (TABLES + 1) * TABLE, 0);
	CHECK_OK(guest_its && guest_tables && !ucall_vm_translate(vm, guest_tables, &gpa));
	guest_tables += -gpa % TABLE;
	guest_tables_gpa = gpa + -gpa % TABLE;
	CHECK_OK(!ucall_vm_translate(vm, guest_tables + TABLES * TABLE - 8, &end));
	CHECK_EQ(end, guest_tables_gpa + TABLES * TABLE - 8); /* all in one piece */
	CHECK_OK(!ucall_sync_to_guest(vm, &guest_its) && !ucall_sync_to_guest(vm, &guest_tables) &&
		 !ucall_sync_to_guest(vm, &guest_tables_gpa));
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
