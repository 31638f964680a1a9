// SPDX-License-Identifier: MIT
/*
 * riscv64: the in-kernel interrupt controller, APLIC and IMSICs (KVM API document,
 * devices/riscv-aia).
 */
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

const struct ucall_kvm_irqchip ucall_riscv64_irqchip = { .create = create, .start = start };
