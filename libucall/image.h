/* SPDX-License-Identifier: MIT */
/* Same-source guests: the program's own segments as a guest image. */
#ifndef LIBUCALL_IMAGE_H
#define LIBUCALL_IMAGE_H

#include "vm.h"

/* Copies the executable's segments, as they are now, to their own addresses in the guest. */
int ucall_image_copy(struct ucall_vm *vm);

/* A thread control block and the program's initial thread-local variables; 0 on failure. */
uint64_t ucall_image_tls(struct ucall_vm *vm);

#endif
