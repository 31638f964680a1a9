// SPDX-License-Identifier: MIT
/* aarch64 guests on aarch64 hosts. */
#include <elf.h>
#include <string.h>

#include "arch/arch.h"
#include "arch/stubs.h"

static size_t aarch64_jump(uint8_t *code, uint64_t from, uint64_t to)
{
	const uint32_t insn =
		0x14000000 | ((uint32_t)((int64_t)(to - from) / 4) & 0x3ffffff); /* B */

	memcpy(code, &insn, sizeof(insn));
	return sizeof(insn);
}

const struct ucall_arch *const ucall_arch_native = &ucall_arch_aarch64;

const struct ucall_native ucall_native = {
	.vm_init = ucall_stubs_init,
	.vcpu_init = ucall_stubs_map,
	.vcpu_reset = ucall_stubs_reset,
	.return_address = ucall_stubs_return_address,
	.return_code = ucall_stubs_return_code,
	.jump = aarch64_jump,
	.glob_dat = R_AARCH64_GLOB_DAT,
	/* ELF for the Arm 64-bit architecture: thread-local variables follow two words. */
	.tls_above = true,
	.tcb_size = 16,
	.tcb_init = ucall_stubs_no_tcb,
};
