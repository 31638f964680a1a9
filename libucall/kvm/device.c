// SPDX-License-Identifier: MIT
/* KVM devices. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "kvm.h"
#include "device.h"

int ucall_kvm_device_create(int vm_fd, uint32_t type, const char *name)
{
	struct kvm_create_device device = { .type = type };

	if (!ioctl(vm_fd, KVM_CREATE_DEVICE, &device))
		return (int)device.fd;
	if (errno == ENODEV)
		return ucall_fail(EOPNOTSUPP,
				  "KVM_CREATE_DEVICE: this machine's KVM has no %s, which irqchip "
				  "needs here; leave irqchip out",
				  name);
	return ucall_fail(errno, "KVM_CREATE_DEVICE, %s: %s", name, strerror(errno));
}

int ucall_kvm_device_set(int device, uint32_t group, uint64_t attribute, const void *value,
			 const char *name)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = attribute,
		.addr = (uint64_t)(uintptr_t)value,
	};

	if (ioctl(device, KVM_SET_DEVICE_ATTR, &attr))
		return ucall_fail(errno, "KVM_SET_DEVICE_ATTR, %s: %s", name, strerror(errno));
	return 0;
}
