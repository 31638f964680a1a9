// SPDX-License-Identifier: MIT
/*
 * riscv64: the in-kernel interrupt controller, APLIC and IMSICs (KVM API document,
 * devices/riscv-aia).
 */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "kvm/kvm.h"
#include "kvm/device.h"
#include "riscv64.h"

/* Linux 6.5 */
#ifndef KVM_DEV_RISCV_AIA_GRP_CONFIG
#define KVM_DEV_TYPE_RISCV_AIA 11
#define KVM_DEV_RISCV_IMSIC_SIZE 0x1000
#define KVM_DEV_RISCV_AIA_GRP_CONFIG 0
#define KVM_DEV_RISCV_AIA_CONFIG_IDS 1
#define KVM_DEV_RISCV_AIA_CONFIG_SRCS 2
#define KVM_DEV_RISCV_AIA_CONFIG_HART_BITS 5
#define KVM_DEV_RISCV_AIA_GRP_ADDR 1
#define KVM_DEV_RISCV_AIA_ADDR_APLIC 0
#define KVM_DEV_RISCV_AIA_ADDR_IMSIC(vcpu) (1 + (vcpu))
#define KVM_DEV_RISCV_AIA_GRP_CTRL 2
#define KVM_DEV_RISCV_AIA_CTRL_INIT 0
#define KVM_DEV_RISCV_AIA_GRP_APLIC 3
#define KVM_DEV_RISCV_AIA_GRP_IMSIC 4
#define KVM_DEV_RISCV_AIA_IMSIC_ISEL_BITS 12
#endif

#define MSIS 255 /* identities of each vCPU's IMSIC, from 1 */
#define WIRES 95 /* of the APLIC, from 1 */

_Static_assert(UCALL_APLIC_GPA >= UCALL_MEM_MAX, "memory.h");

static int create(int vm_fd, int *device)
{
	*device = ucall_kvm_device_create(vm_fd, KVM_DEV_TYPE_RISCV_AIA, "AIA (APLIC and IMSIC)");
	return *device < 0 ? -1 : 0;
}

static int configure(int device, uint64_t attribute, uint32_t value, const char *name)
{
	return ucall_kvm_device_set(device, KVM_DEV_RISCV_AIA_GRP_CONFIG, attribute, &value, name);
}

static int start(int device, unsigned int vcpus)
{
	const uint64_t aplic = UCALL_APLIC_GPA;
	uint32_t hart_bits = 0;

	while (1u << hart_bits < vcpus)
		hart_bits++;
	if (configure(device, KVM_DEV_RISCV_AIA_CONFIG_IDS, MSIS, "KVM_DEV_RISCV_AIA_CONFIG_IDS") ||
	    configure(device, KVM_DEV_RISCV_AIA_CONFIG_SRCS, WIRES,
		      "KVM_DEV_RISCV_AIA_CONFIG_SRCS") ||
	    configure(device, KVM_DEV_RISCV_AIA_CONFIG_HART_BITS, hart_bits,
		      "KVM_DEV_RISCV_AIA_CONFIG_HART_BITS") ||
	    ucall_kvm_device_set(device, KVM_DEV_RISCV_AIA_GRP_ADDR, KVM_DEV_RISCV_AIA_ADDR_APLIC,
				 &aplic, "the APLIC's address"))
		return -1;
	for (unsigned int i = 0; i < vcpus; i++) {
		const uint64_t imsic = UCALL_IMSIC_GPA + (uint64_t)i * KVM_DEV_RISCV_IMSIC_SIZE;

		if (ucall_kvm_device_set(device, KVM_DEV_RISCV_AIA_GRP_ADDR,
					 KVM_DEV_RISCV_AIA_ADDR_IMSIC(i), &imsic,
					 "an IMSIC's address"))
			return -1;
	}
	return ucall_kvm_device_set(device, KVM_DEV_RISCV_AIA_GRP_CTRL, KVM_DEV_RISCV_AIA_CTRL_INIT,
				    NULL, "KVM_DEV_RISCV_AIA_CTRL_INIT");
}

/* ---- snapshots: the registers that software can change ---- */

#define NAME "AIA"

/* RISC-V AIA, 4.5: offsets in the APLIC. */
#define DOMAINCFG 0
#define SOURCECFG(n) (4 + ((n)-1) * 4)
#define SETIP 0x1c00
#define IN_CLRIP 0x1d00 /* reads as the levels of the sources */
#define SETIE 0x1e00
#define CLRIE 0x1f00
#define TARGET(n) (0x3004 + ((n)-1) * 4)
#define WORDS ((WIRES + 32) / 32)

/* RISC-V AIA, 3.8: registers of an IMSIC; with 64 bits only those with even numbers are there. */
#define EIDELIVERY 0x70
#define EITHRESHOLD 0x72
#define EIP0 0x80
#define EIE0 0xc0

#define APLIC_REGS (2 * WIRES)
#define IMSIC_REGS (2 + 2 * ((MSIS + 64) / 64))

struct aia_state {
	uint64_t domain, enabled[WORDS], pending[WORDS], levels[WORDS];
	struct ucall_kvm_device_state sources; /* how each works, then the IMSICs */
};

static void add(struct ucall_kvm_device_state *state, uint32_t group, uint64_t attribute)
{
	state->regs[state->count++] = (struct ucall_kvm_device_reg){
		.group = group,
		.attribute = attribute,
	};
}

static void add_imsic(struct ucall_kvm_device_state *state, unsigned int vcpu, uint64_t number)
{
	add(state, KVM_DEV_RISCV_AIA_GRP_IMSIC,
	    (uint64_t)vcpu << KVM_DEV_RISCV_AIA_IMSIC_ISEL_BITS | number);
}

static int get_aplic(int device, uint64_t offset, uint64_t *value)
{
	return ucall_kvm_device_get(device, KVM_DEV_RISCV_AIA_GRP_APLIC, offset, value, NAME);
}

static int set_aplic(int device, uint64_t offset, uint64_t value)
{
	return ucall_kvm_device_set(device, KVM_DEV_RISCV_AIA_GRP_APLIC, offset, &value, NAME);
}

static int read_all(int device, struct aia_state *s)
{
	if (get_aplic(device, DOMAINCFG, &s->domain) ||
	    ucall_kvm_device_read(device, &s->sources, NAME))
		return -1;
	for (unsigned int i = 0; i < WORDS; i++)
		if (get_aplic(device, SETIE + i * 4, &s->enabled[i]) ||
		    get_aplic(device, SETIP + i * 4, &s->pending[i]) ||
		    get_aplic(device, IN_CLRIP + i * 4, &s->levels[i]))
			return -1;
	return 0;
}

static void *save(int vm_fd, int device, unsigned int vcpus)
{
	size_t count = APLIC_REGS + (size_t)vcpus * IMSIC_REGS;
	struct aia_state *s = ucall_calloc(1, sizeof(*s) + count * sizeof(s->sources.regs[0]));

	if (!s)
		return NULL;
	for (unsigned int i = 1; i <= WIRES; i++) {
		add(&s->sources, KVM_DEV_RISCV_AIA_GRP_APLIC, SOURCECFG(i));
		add(&s->sources, KVM_DEV_RISCV_AIA_GRP_APLIC, TARGET(i));
	}
	for (unsigned int vcpu = 0; vcpu < vcpus; vcpu++) {
		add_imsic(&s->sources, vcpu, EITHRESHOLD);
		for (unsigned int i = 0; i <= MSIS; i += 64) {
			add_imsic(&s->sources, vcpu, EIE0 + i / 32);
			add_imsic(&s->sources, vcpu, EIP0 + i / 32);
		}
		add_imsic(&s->sources, vcpu, EIDELIVERY);
	}
	if (read_all(device, s)) {
		free(s);
		return NULL;
	}
	return s;
}

static int clear(int device, uint64_t offset)
{
	for (unsigned int i = 0; i < WORDS; i++)
		if (set_aplic(device, offset + i * 4, 0xffffffff))
			return -1;
	return 0;
}

static int set_levels(int vm_fd, const struct aia_state *s)
{
	for (unsigned int i = 1; i <= WIRES; i++) {
		struct kvm_irq_level line = { .irq = i, .level = s->levels[i / 32] >> i % 32 & 1 };

		if (ioctl(vm_fd, KVM_IRQ_LINE, &line))
			return ucall_fail_call("KVM_IRQ_LINE");
	}
	return 0;
}

/*
 * KVM delivers what is pending and enabled after each write to an APLIC whose domain is enabled; a
 * level or a pending bit means something only once the source's configuration is there.
 */
static int load(int vm_fd, int device, const void *state)
{
	const struct aia_state *s = state;

	if (set_aplic(device, DOMAINCFG, 0) || clear(device, CLRIE) || clear(device, IN_CLRIP) ||
	    ucall_kvm_device_write(device, &s->sources, NAME) || set_levels(vm_fd, s) ||
	    clear(device, IN_CLRIP))
		return -1;
	for (unsigned int i = 0; i < WORDS; i++)
		if (set_aplic(device, SETIE + i * 4, s->enabled[i]) ||
		    set_aplic(device, SETIP + i * 4, s->pending[i]))
			return -1;
	return set_aplic(device, DOMAINCFG, s->domain);
}

const struct ucall_kvm_irqchip ucall_riscv64_irqchip = {
	.create = create,
	.start = start,
	.save = save,
	.load = load,
};
