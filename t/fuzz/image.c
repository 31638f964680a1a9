// SPDX-License-Identifier: MIT
/* Fuzz: separate guest ELFs, their segments and symbols. */

#include "image-vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bare_machine m;
	uint8_t byte;
	bool loaded;

	if (!image_vm_open(&m, data, size, &loaded))
		return 0;
	if (loaded) {
		uint64_t gva = ucall_vm_symbol(&m.handle, "guest_main");

		ucall_memory_read(&m.vm, 0, gva, &byte, 1);
	}
	bare_machine_close(&m);
	return 0;
}
