/* SPDX-License-Identifier: MIT */
/* A VM that has no engine, with a guest ELF in its memory: for the fuzz targets that read one. */
#ifndef FUZZ_IMAGE_VM_H
#define FUZZ_IMAGE_VM_H

#include <stdlib.h>
#include <string.h>

#include "machine/image.h"
#include "machine/memory.h"
#include "machine/regions.h"

#define IMAGE_VM_PAGES 64

/* False if the file cannot be opened: then there is nothing to close.  *loaded: it is in memory. */
static inline bool image_vm_open(struct ucall_vm *vm, const uint8_t *data, size_t size, bool *loaded)
{
	memset(vm, 0, sizeof(*vm));
	vm->image = ucall_image_open(NULL, data, size);
	if (!vm->image)
		return false;
	vm->arch = vm->image->arch;
	vm->flat = true;
	vm->memory.base = calloc(IMAGE_VM_PAGES, UCALL_PAGE_SIZE);
	vm->memory.size = (size_t)IMAGE_VM_PAGES * UCALL_PAGE_SIZE;
	vm->memory.end = vm->memory.size;
	vm->memory.next = UCALL_PAGE_SIZE;
	*loaded = vm->memory.base && !ucall_regions_init(vm) && !ucall_image_load(vm);
	return true;
}

static inline void image_vm_close(struct ucall_vm *vm)
{
	ucall_regions_fini(vm);
	free(vm->memory.base);
	ucall_image_close(vm->image);
}

#endif
