/* SPDX-License-Identifier: MIT */
/* A VM of libucall's own: a machine and a channel over it. */
#ifndef LIBUCALL_OWN_H
#define LIBUCALL_OWN_H

#include "base/handle.h"
#include "channel/channel.h"
#include "debug.h"
#include "trace.h"
#include "machine/machine.h"
#include "report/fault.h"

struct ucall_own_states; /* snapshot.c */

struct ucall_own_vm {
	struct ucall_vm handle;
	struct ucall_channel channel;
	struct ucall_machine machine;
	/* the vCPUs' state at the machine's snapshot; NULL: no snapshot */
	struct ucall_own_states *states;
	struct ucall_trace *trace; /* NULL: it is not traced */
	struct ucall_debug *debug; /* NULL: it is not debugged */
};

struct ucall_own_vcpu {
	struct ucall_vcpu handle;
	struct ucall_port port;
	struct ucall_cpu cpu;
	struct ucall_fault fault;
	struct ucall_trace_cpu trace;
	struct ucall_debug_cpu debug;
};

/* Their `vm` and `cpu` arguments are struct ucall_own_vm and struct ucall_own_vcpu. */
extern const struct ucall_machine_ops ucall_own_ops;

#define UCALL_CONTAINER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline struct ucall_own_vm *ucall_own_vm(const struct ucall_machine *machine)
{
	return UCALL_CONTAINER(machine, struct ucall_own_vm, machine);
}

static inline struct ucall_own_vcpu *ucall_own_vcpu(const struct ucall_cpu *cpu)
{
	return UCALL_CONTAINER(cpu, struct ucall_own_vcpu, cpu);
}

/* The registers where the guest went wrong, or as they are; false: the host cannot know them. */
bool ucall_own_frame(struct ucall_own_vcpu *vcpu, struct ucall_frame *frame);
/*
 * Where this program, as its own guest, was loaded: debuggers find the symbols of a PIE by it.
 * Returns the size, 0 for a separate guest ELF.
 */
size_t ucall_own_auxv(const struct ucall_own_vm *vm, uint64_t auxv[UCALL_AUXV_WORDS]);

/* Stops all its vCPUs. */
void ucall_own_stop(struct ucall_own_vm *vm);
void ucall_own_drop_states(struct ucall_own_vm *vm);

/* Frees a vCPU that is not, or no longer, in its machine's list. */
void ucall_own_vcpu_free(struct ucall_own_vcpu *vcpu);

#endif
