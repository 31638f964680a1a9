/* SPDX-License-Identifier: MIT */
/* Local APIC and I/O APIC (AMD APM volume 2, 16; Intel 82093AA). */
#define LAPIC_GPA 0xfee00000
#define LAPIC_ID 0x20
#define LAPIC_EOI 0xb0
#define LAPIC_SPURIOUS 0xf0
#define LAPIC_COMMAND 0x300
#define LAPIC_TARGET 0x310
#define IOAPIC_GPA 0xfec00000
#define IOAPIC_SELECT 0
#define IOAPIC_WINDOW 0x10
#define IOAPIC_PIN(n) (0x10 + 2 * (n))

#define PIN 20
#define LINE 0x41 /* the vectors that the guest sees */
#define MESSAGE 0x42
#define FROM_A_VCPU 0x43

static uint64_t guest_lapic; /* 0: there is none */

static UCALL_GUEST void on_interrupt(struct ucall_frame *frame)
{
	record(frame->vector);
	if (guest_lapic)
		write32(guest_lapic + LAPIC_EOI, 0);
}

static UCALL_GUEST void interrupts_on(uint64_t lapic, uint64_t ioapic, uint64_t vcpu)
{
	guest_lapic = lapic;
	if (lapic)
		write32(lapic + LAPIC_SPURIOUS, 0x1ff);
	if (ioapic && !vcpu) {
		write32(ioapic + IOAPIC_SELECT, IOAPIC_PIN(PIN) + 1);
		write32(ioapic + IOAPIC_WINDOW, 0);
		write32(ioapic + IOAPIC_SELECT, IOAPIC_PIN(PIN));
		write32(ioapic + IOAPIC_WINDOW, LINE); /* on the edge */
	}
	__asm__ volatile("sti" : : : "memory");
}

static UCALL_GUEST void interrupts_again(void)
{
}

static UCALL_GUEST void wait_once(void)
{
	__asm__ volatile("cli" : : : "memory");
	if (!guest_seen && guest_lapic)
		__asm__ volatile("sti; hlt" : : : "memory"); /* no interrupt between the two */
	__asm__ volatile("sti" : : : "memory");
}

static UCALL_GUEST void send_to(uint64_t vcpu)
{
	write32(guest_lapic + LAPIC_TARGET, (uint32_t)vcpu << 24);
	write32(guest_lapic + LAPIC_COMMAND, FROM_A_VCPU);
}

static void map_controller(struct ucall_vm *vm, uint64_t *lapic, uint64_t *ioapic)
{
	*lapic = ucall_vm_map_device(vm, LAPIC_GPA, 4096);
	*ioapic = ucall_vm_map_device(vm, IOAPIC_GPA, 4096);
	CHECK_OK(*lapic && *ioapic);
}

static void take_interrupts(struct ucall_vm *vm)
{
	CHECK_OK(!ucall_vm_set_handler(vm, LINE, on_interrupt));
	CHECK_OK(!ucall_vm_set_handler(vm, MESSAGE, on_interrupt));
	CHECK_OK(!ucall_vm_set_handler(vm, FROM_A_VCPU, on_interrupt));
}

static void set_line(struct ucall_vm *vm, bool level)
{
	struct kvm_irq_level line = { .irq = PIN, .level = level };

	CHECK(!ioctl(ucall_vm_fd(vm), KVM_IRQ_LINE, &line));
}

static void set_cpu_line(struct ucall_vcpu *vcpu, bool level)
{
	struct kvm_interrupt interrupt = { .irq = LINE };

	if (level)
		CHECK(!ioctl(ucall_vcpu_fd(vcpu), KVM_INTERRUPT, &interrupt));
}

static struct kvm_msi message_to(unsigned int vcpu)
{
	return (struct kvm_msi){ .address_lo = LAPIC_GPA | vcpu << 12, .data = MESSAGE };
}

static void map_messages(struct ucall_vm *vm)
{
}
