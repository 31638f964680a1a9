// SPDX-License-Identifier: MIT
/* Fuzz: separate guest ELFs, their segments and symbols. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../libucall/image.h"
#include "../libucall/memory.h"
#include "../libucall/regions.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_vm vm;
	uint8_t byte;

	memset(&vm, 0, sizeof(vm));
	vm.image = ucall_image_open(NULL, data, size);
	if (!vm.image)
		return 0;
	vm.arch = vm.image->arch;
	vm.flat = true;
	vm.memory.base = calloc(PAGES, UCALL_PAGE_SIZE);
	vm.memory.size = (size_t)PAGES * UCALL_PAGE_SIZE;
	vm.memory.end = vm.memory.size;
	vm.memory.next = UCALL_PAGE_SIZE;
	if (vm.memory.base && !ucall_regions_init(&vm) && !ucall_image_load(&vm)) {
		uint64_t gva = ucall_vm_symbol(&vm, "guest_main");

		ucall_memory_read(&vm, 0, gva, &byte, 1);
	}
	ucall_regions_fini(&vm);
	free(vm.memory.base);
	ucall_image_close(vm.image);
	return 0;
}
