/* SPDX-License-Identifier: MIT */
/* The host's half of struct ucall_queue: messages that come without an exit each. */
#ifndef LIBUCALL_QUEUE_H
#define LIBUCALL_QUEUE_H

#include "base/byte-order.h"
#include "machine/vm.h"

/* Bytes of a queue with so many lines, whole pages. */
size_t ucall_queue_size(uint32_t lines);

/* A new queue, for a vCPU whose memory for it is at vcpu->queue and zeroed; forgets all that is there. */
void ucall_queue_reset(struct ucall_vcpu *vcpu);

/* Is a message there?  On the one thread that takes them.  A hostile guest can have it say anything. */
static inline bool ucall_queue_has(struct ucall_vcpu *vcpu)
{
	if (!vcpu->queue)
		return false;
	if (vcpu->place.put == vcpu->place.taken)
		vcpu->place.put = ucall_guest64(
			vcpu->vm->arch, __atomic_load_n(&vcpu->queue->put, __ATOMIC_ACQUIRE));
	return vcpu->place.put != vcpu->place.taken;
}

/*
 * Takes the first message, if ucall_queue_has() one: as ucall_message_take().  A queue that makes no sense
 * is emptied (EPROTO).
 */
int ucall_queue_take(struct ucall_vcpu *vcpu, struct ucall *copy);

/* Does the guest exit only to have the host look at the queue?  Of an exit that holds no message. */
bool ucall_queue_was_flush(const struct ucall_vcpu *vcpu);

#endif
