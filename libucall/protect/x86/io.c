// SPDX-License-Identifier: MIT
/* Port accesses that the guest asks its host for, as KVM shows those of any other guest. */
#include <string.h>

#include "cpu.h"

void x86_show_io(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size, uint16_t port,
		 uint8_t size, bool is_write, uint64_t data)
{
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = is_write ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	run->io.size = size;
	run->io.port = port;
	run->io.count = 1;
	run->io.data_offset = UCALL_PAGE_SIZE; /* the page after struct kvm_run, as in KVM */
	memset((uint8_t *)run + run->io.data_offset, 0, sizeof(data));
	if (is_write)
		memcpy((uint8_t *)run + run->io.data_offset, &data, size);
	ucall_kvm_decode(vcpu, run, run_size, &vcpu->exit);
}

uint64_t x86_read_io(const struct kvm_run *run, size_t run_size)
{
	uint64_t data = 0;

	if (run->io.size <= sizeof(data) && run->io.data_offset <= run_size - sizeof(data))
		memcpy(&data, (const uint8_t *)run + run->io.data_offset, run->io.size);
	return data;
}
