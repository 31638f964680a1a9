/* SPDX-License-Identifier: MIT */
/* KVM devices: KVM_CREATE_DEVICE and KVM_SET_DEVICE_ATTR (KVM API document, 4.79, 4.80). */
#ifndef LIBUCALL_KVM_DEVICE_H
#define LIBUCALL_KVM_DEVICE_H

#include <stddef.h>
#include <stdint.h>

/* Returns the device's descriptor, or -1 after ucall_fail().  `name` is for messages. */
int ucall_kvm_device_create(int vm_fd, uint32_t type, const char *name);
/* Sets an attribute; NULL: it takes no value.  Returns 0, or -1 after ucall_fail(). */
int ucall_kvm_device_set(int device, uint32_t group, uint64_t attribute, const void *value,
			 const char *name);

/* Reads an attribute of up to 8 bytes. */
int ucall_kvm_device_get(int device, uint32_t group, uint64_t attribute, uint64_t *value,
			 const char *name);

/*
 * A register of a device, as its state: `clear` is the attribute of the register that clears the
 * bits of this one, which only sets them; 0 if there is none.
 */
struct ucall_kvm_device_reg {
	uint32_t group;
	uint64_t attribute;
	uint64_t clear;
	uint64_t value;
};

struct ucall_kvm_device_state {
	size_t count;
	struct ucall_kvm_device_reg regs[];
};

/* Fills in the values; both return 0, or -1 after ucall_fail(). */
int ucall_kvm_device_read(int device, struct ucall_kvm_device_state *state, const char *name);
int ucall_kvm_device_write(int device, const struct ucall_kvm_device_state *state,
			   const char *name);

#endif
