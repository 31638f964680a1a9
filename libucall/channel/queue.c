// SPDX-License-Identifier: MIT
/* See queue.h, and struct ucall_queue for the order of accesses. */
#include <errno.h>
#include <string.h>

#include <ucall/queue.h>

#include "base/error.h"
#include "mailbox.h"
#include "machine/memory.h"
#include "queue.h"

size_t ucall_queue_size(uint32_t lines)
{
	/* The last message may begin at the last line. */
	return ucall_page_align(sizeof(struct ucall_queue) + (size_t)lines * UCALL_QUEUE_LINE +
				sizeof(struct ucall));
}

void ucall_queue_reset(struct ucall_vcpu *vcpu)
{
	memset(vcpu->queue, 0, sizeof(*vcpu->queue));
	vcpu->queue->lines = ucall_guest32(vcpu->vm->arch, vcpu->vm->queue_lines);
	vcpu->place.taken = vcpu->place.told = vcpu->place.put = 0;
}

static int take(struct ucall_vcpu *vcpu, struct ucall *copy)
{
	struct ucall_vm *vm = vcpu->vm;
	uint64_t lines, there = vcpu->place.put - vcpu->place.taken;
	uint8_t *ring = (uint8_t *)(vcpu->queue + 1);
	struct ucall *uc;
	int cmd;

	if (there > vm->queue_lines) {
		vcpu->place.taken = vcpu->place.put;
		return ucall_fail(EPROTO,
				  "the guest's queue says that it holds %llu lines of messages; it "
				  "has %u",
				  (unsigned long long)there, vm->queue_lines);
	}
	uc = (struct ucall *)(void *)(ring + (vcpu->place.taken & (vm->queue_lines - 1)) *
						     UCALL_QUEUE_LINE);
	cmd = ucall_message_copy(vm, uc, 0, 0, *(const uint64_t *)(const void *)uc, copy);
	/* By the copy, which was made once. */
	lines = copy->text_size < UCALL_TEXT_SIZE ? ucall_queue_lines(copy->nargs, copy->text_size)
						  : there;
	vcpu->place.taken += lines < there ? lines : there;
	return cmd;
}

/*
 * The guest need know only now and then how many are taken: each time costs a line of the CPUs' caches on its
 * way to and fro, and a guest that waits for one line of room would get one.
 */
int ucall_queue_take(struct ucall_vcpu *vcpu, struct ucall *copy)
{
	int cmd = take(vcpu, copy);

	if (vcpu->place.taken == vcpu->place.put ||
	    vcpu->place.taken - vcpu->place.told >= vcpu->vm->queue_lines / 4) {
		vcpu->place.told = vcpu->place.taken;
		__atomic_store_n(&vcpu->queue->taken,
				 ucall_guest64(vcpu->vm->arch, vcpu->place.taken), __ATOMIC_RELEASE);
	}
	return cmd;
}

bool ucall_queue_was_flush(const struct ucall_vcpu *vcpu)
{
	return vcpu->queue && __atomic_load_n(&vcpu->queue->flush, __ATOMIC_RELAXED);
}
