/* SPDX-License-Identifier: MIT */
/* KVM devices: KVM_CREATE_DEVICE and KVM_SET_DEVICE_ATTR (KVM API document, 4.79, 4.80). */
#ifndef LIBUCALL_KVM_DEVICE_H
#define LIBUCALL_KVM_DEVICE_H

#include <stdint.h>

/* Returns the device's descriptor, or -1 after ucall_fail().  `name` is for messages. */
int ucall_kvm_device_create(int vm_fd, uint32_t type, const char *name);
/* Sets an attribute; NULL: it takes no value.  Returns 0, or -1 after ucall_fail(). */
int ucall_kvm_device_set(int device, uint32_t group, uint64_t attribute, const void *value,
			 const char *name);

#endif
