/* SPDX-License-Identifier: MIT */
/*
 * APLIC and IMSIC (RISC-V AIA, 3 and 4); without them the vCPU's external interrupt (KVM API
 * document, 4.16).
 */
#define APLIC_DOMAINCFG 0
#define APLIC_SOURCECFG(n) (4 + ((n)-1) * 4)
#define APLIC_SETIENUM 0x1edc
#define APLIC_TARGET(n) (0x3004 + ((n)-1) * 4)

#define SOURCE 20
/*
 * The identities that the guest sees.  Below 32: KVM sets no others in its eie registers (seen with
 * Linux 7.2).
 */
#define LINE 21
#define MESSAGE 22
#define FROM_A_VCPU 23
#define EXTERNAL 9

static uint64_t guest_imsic; /* 0: there is none */

static UCALL_GUEST void on_interrupt(struct ucall_frame *frame)
{
	uint64_t top;

	if (guest_imsic) {
		__asm__ volatile("csrrw %0, 0x15c, zero" : "=r"(top)); /* stopei */
		record(top >> 16);
		return;
	}
	record(LINE);
	/* It stays pending until the host clears it. */
	__asm__ volatile("csrc sie, %0" : : "r"(1ull << EXTERNAL));
}

static UCALL_GUEST void write_imsic(uint64_t reg, uint64_t value)
{
	__asm__ volatile("csrw 0x150, %0; csrw 0x151, %1"
			 :
			 : "r"(reg), "r"(value)); /* siselect, sireg */
}

static UCALL_GUEST void interrupts_again(void)
{
	__asm__ volatile("csrs sie, %0; csrs sstatus, %1"
			 :
			 : "r"(1ull << EXTERNAL), "r"(2ull)
			 : "memory");
}

static UCALL_GUEST void interrupts_on(uint64_t imsic, uint64_t aplic, uint64_t vcpu)
{
	guest_imsic = imsic;
	if (imsic) {
		write_imsic(0x72, 0); /* eithreshold: all */
		write_imsic(0xc0, 1ull << LINE | 1ull << MESSAGE | 1ull << FROM_A_VCPU); /* eie0 */
		write_imsic(0x70, 1); /* eidelivery */
		if (!vcpu) {
			write32(aplic + APLIC_DOMAINCFG, 1u << 8 | 1u << 2); /* on, by messages */
			write32(aplic + APLIC_SOURCECFG(SOURCE), 4); /* on the rising edge */
			write32(aplic + APLIC_TARGET(SOURCE), LINE);
			write32(aplic + APLIC_SETIENUM, SOURCE);
		}
	}
	interrupts_again();
}

/* A masked interrupt ends WFI, too. */
static UCALL_GUEST void wait_once(void)
{
	__asm__ volatile("csrc sstatus, %0" : : "r"(2ull) : "memory");
	if (!guest_seen)
		__asm__ volatile("wfi" : : : "memory");
	__asm__ volatile("csrs sstatus, %0" : : "r"(2ull) : "memory");
}

static UCALL_GUEST void send_to(uint64_t vcpu)
{
	write32(guest_imsic + vcpu * 4096, FROM_A_VCPU);
}

static void map_controller(struct ucall_vm *vm, uint64_t *imsic, uint64_t *aplic)
{
	*imsic = ucall_vm_map_device(vm, UCALL_IMSIC_GPA, (size_t)VCPUS * 4096);
	*aplic = ucall_vm_map_device(vm, UCALL_APLIC_GPA, 0x4000);
	CHECK_OK(*imsic && *aplic);
}

static void take_interrupts(struct ucall_vm *vm)
{
	CHECK_OK(!ucall_vm_set_handler(vm, UCALL_RISCV64_INTERRUPT + EXTERNAL, on_interrupt));
}

static void set_line(struct ucall_vm *vm, bool level)
{
	struct kvm_irq_level line = { .irq = SOURCE, .level = level };

	CHECK(!ioctl(ucall_vm_fd(vm), KVM_IRQ_LINE, &line));
}

static void set_cpu_line(struct ucall_vcpu *vcpu, bool level)
{
	struct kvm_interrupt interrupt = { level ? KVM_INTERRUPT_SET : KVM_INTERRUPT_UNSET };

	CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_INTERRUPT, &interrupt));
}

static struct kvm_msi message_to(unsigned int vcpu)
{
	return (struct kvm_msi){ .address_lo = UCALL_IMSIC_GPA + vcpu * 4096, .data = MESSAGE };
}

static void map_messages(struct ucall_vm *vm)
{
}
