// SPDX-License-Identifier: MIT
/* Fuzz: a guest's code around an exit, in which the exiting instruction is found. */
#include <stdlib.h>
#include <string.h>

#include "protect/x86/cpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_target(void *data, uint64_t gva)
{
	return !(gva & 1);
}

/* The code has its exact size, so that a read beyond it is detected. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct kvm_regs regs = { .rip = 0x1000, .rdx = 0x3f8 }, found;
	struct x86_place place = { .regs = &regs, .is_target = is_target };
	struct ucall_exit exit;
	uint8_t *code;

	if (size < 4 + X86_BEFORE)
		return 0;
	memset(&exit, 0, sizeof(exit));
	if (data[0] & 1) {
		exit.reason = UCALL_EXIT_IO;
		exit.u.io.port = data[1];
		exit.u.io.size = 1 << (data[2] & 3);
		exit.u.io.count = data[3];
		exit.u.io.is_write = data[0] >> 1 & 1;
	} else {
		exit.reason = UCALL_EXIT_MMIO;
		exit.u.mmio.size = 1u << (data[2] & 3);
		exit.u.mmio.is_write = data[0] >> 1 & 1;
		exit.u.mmio.data = data[3];
	}
	regs.rflags = data[0] & 4 ? 1 << 10 : 0;
	size -= 4;
	code = malloc(size);
	if (!code)
		return 0;
	memcpy(code, data + 4, size);
	place.code = code + X86_BEFORE;
	place.have = size - X86_BEFORE;
	if (x86_find_start(&place, &exit, &found) && regs.rip - found.rip > X86_BEFORE)
		abort();
	free(code);
	return 0;
}
