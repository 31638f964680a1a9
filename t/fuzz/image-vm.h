/* SPDX-License-Identifier: MIT */
/* A VM that has no engine, with a guest ELF in its memory: for the fuzz targets that read one. */
#ifndef FUZZ_IMAGE_VM_H
#define FUZZ_IMAGE_VM_H

#include "../bare-machine.h"
#include "machine/image.h"

/* False if the file cannot be opened: there is nothing to close.  *loaded: true if in memory. */
static inline bool image_vm_open(struct bare_machine *m, const uint8_t *data, size_t size,
				 bool *loaded)
{
	struct ucall_image *image = ucall_image_open(NULL, data, size);
	bool ready;

	if (!image)
		return false;
	ready = !bare_machine_open(m, &bare_flat, image->arch, UCALL_MEM_MIN);
	m->vm.image = image;
	*loaded = ready && !ucall_image_load(&m->vm);
	return true;
}

#endif
