// SPDX-License-Identifier: MIT
/* riscv64 guests on riscv64 hosts. */
#include <string.h>

#include "arch/arch.h"
#include "arch/stubs.h"

static size_t riscv64_jump(uint8_t *code, uint64_t from, uint64_t to)
{
	const uint32_t offset = (uint32_t)(to - from);
	const uint32_t insns[2] = {
		((offset + 0x800) & 0xfffff000) | 6 << 7 | 0x17, /* AUIPC t1 */
		offset << 20 | 6 << 15 | 0x67, /* JALR zero, t1 */
	};

	memcpy(code, insns, sizeof(insns));
	return sizeof(insns);
}

const struct ucall_arch *const ucall_arch_native = &ucall_arch_riscv64;

const struct ucall_native ucall_native = {
	.vm_init = ucall_stubs_init,
	.vcpu_init = ucall_stubs_map,
	.vcpu_reset = ucall_stubs_reset,
	.return_address = ucall_stubs_return_address,
	.return_code = ucall_stubs_return_code,
	.jump = riscv64_jump,
	/* RISC-V ELF psABI: the thread pointer is where thread-local variables begin. */
	.tls_above = true,
	.tcb_init = ucall_stubs_no_tcb,
};
