// SPDX-License-Identifier: MIT
/* aarch64: the in-kernel interrupt controller, a GICv3 (KVM API document, devices/arm-vgic-v3). */
#include "kvm/kvm.h"
#include "kvm/device.h"
#include "aarch64.h"

_Static_assert(UCALL_GICD_GPA >= UCALL_MEM_MAX, "memory.h");

static int create(int vm_fd, int *device)
{
	static const uint64_t distributor = UCALL_GICD_GPA, redistributors = UCALL_GICR_GPA;

	*device = ucall_kvm_device_create(vm_fd, KVM_DEV_TYPE_ARM_VGIC_V3, "GICv3");
	if (*device < 0 ||
	    ucall_kvm_device_set(*device, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_V3_ADDR_TYPE_DIST,
				 &distributor, "the distributor's address"))
		return -1;
	return ucall_kvm_device_set(*device, KVM_DEV_ARM_VGIC_GRP_ADDR,
				    KVM_VGIC_V3_ADDR_TYPE_REDIST, &redistributors,
				    "the redistributors' address");
}

static int start(int device, unsigned int vcpus)
{
	return ucall_kvm_device_set(device, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT,
				    NULL, "KVM_DEV_ARM_VGIC_CTRL_INIT");
}

const struct ucall_kvm_irqchip ucall_aarch64_irqchip = { .create = create, .start = start };
