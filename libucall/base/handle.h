/* SPDX-License-Identifier: MIT */
/*
 * What the public API calls a VM and a vCPU: a channel (messages and doorbells) over a machine.
 * The machine is libucall's own, or an attached one.
 */
#ifndef LIBUCALL_HANDLE_H
#define LIBUCALL_HANDLE_H

#include <ucall/ucall.h>

struct ucall_channel; /* channel/channel.h */
struct ucall_port;
struct ucall_machine; /* machine/machine.h */
struct ucall_cpu;

struct ucall_vm {
	struct ucall_channel *channel;
	struct ucall_machine *machine; /* NULL: attached */
};

struct ucall_vcpu {
	struct ucall_vm *vm;
	struct ucall_port *port; /* the vCPU's end of the channel */
	struct ucall_cpu *cpu; /* NULL: attached */
};

/*
 * The machine or CPU that a public function needs.  NULL after ucall_fail(): EINVAL if `vm` or
 * `vcpu` is NULL, EOPNOTSUPP if the VM is attached, so that its owner controls this.
 */
struct ucall_machine *ucall_machine_of(const struct ucall_vm *vm, const char *function);
struct ucall_cpu *ucall_cpu_of(const struct ucall_vcpu *vcpu, const char *function);

#endif
