// SPDX-License-Identifier: MIT
/* Fuzz: separate guest ELFs, their segments and symbols. */

#include "image-vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_vm vm;
	uint8_t byte;
	bool loaded;

	if (!image_vm_open(&vm, data, size, &loaded))
		return 0;
	if (loaded) {
		uint64_t gva = ucall_vm_symbol(&vm, "guest_main");

		ucall_memory_read(&vm, 0, gva, &byte, 1);
	}
	image_vm_close(&vm);
	return 0;
}
