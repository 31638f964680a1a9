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

static int access(int device, unsigned long request, uint32_t group, uint64_t attribute,
		  uint64_t *value, const char *name)
{
	struct kvm_device_attr attr = {
		.group = group,
		.attr = attribute,
		.addr = (uint64_t)(uintptr_t)value,
	};

	if (ioctl(device, request, &attr))
		return ucall_fail(errno, "%s, %s, register 0x%llx of group %u: %s",
				  request == KVM_SET_DEVICE_ATTR ? "KVM_SET_DEVICE_ATTR"
								 : "KVM_GET_DEVICE_ATTR",
				  name, (unsigned long long)attribute, group, strerror(errno));
	return 0;
}

int ucall_kvm_device_get(int device, uint32_t group, uint64_t attribute, uint64_t *value,
			 const char *name)
{
	*value = 0; /* KVM writes as many bytes as the attribute has, the lower ones */
	return access(device, KVM_GET_DEVICE_ATTR, group, attribute, value, name);
}

int ucall_kvm_device_read(int device, struct ucall_kvm_device_state *state, const char *name)
{
	for (size_t i = 0; i < state->count; i++) {
		struct ucall_kvm_device_reg *reg = &state->regs[i];

		if (ucall_kvm_device_get(device, reg->group, reg->attribute, &reg->value, name))
			return -1;
	}
	return 0;
}

int ucall_kvm_device_write(int device, const struct ucall_kvm_device_state *state, const char *name)
{
	for (size_t i = 0; i < state->count; i++) {
		const struct ucall_kvm_device_reg *reg = &state->regs[i];
		uint64_t all = ~0ull, value = reg->value;

		if ((reg->clear &&
		     access(device, KVM_SET_DEVICE_ATTR, reg->group, reg->clear, &all, name)) ||
		    access(device, KVM_SET_DEVICE_ATTR, reg->group, reg->attribute, &value, name))
			return -1;
	}
	return 0;
}
