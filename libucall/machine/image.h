/* SPDX-License-Identifier: MIT */
/* Guest images: the program's own segments (same-source), or a separate guest ELF. */
#ifndef LIBUCALL_IMAGE_H
#define LIBUCALL_IMAGE_H

#include "base/elf-file.h"
#include "machine.h"

/* Copies the executable's segments, as they are now, to the same addresses in the guest. */
int ucall_image_copy(struct ucall_machine *vm);

/* Sets up a thread control block and initial thread-local variables; 0 on failure. */
uint64_t ucall_image_tls(struct ucall_machine *vm);

/* A separate guest ELF, in memory.  Nothing in it is trusted. */
struct ucall_image {
	char *name; /* its path, or a name for messages */
	uint8_t *file;
	size_t size;
	const struct ucall_arch *arch;
	struct ucall_elf elf;
};

/* Opens the file, or a copy of [data, data + size); NULL after ucall_fail(). */
struct ucall_image *ucall_image_open(const char *path, const void *data, size_t size);
void ucall_image_close(struct ucall_image *image);

/* Copies and maps the segments of vm->image. */
int ucall_image_load(struct ucall_machine *vm);

/* The address of a function or variable; -1 without ucall_fail() if it is not found. */
int ucall_image_symbol(const struct ucall_image *image, const char *name, uint64_t *address);

/*
 * After ucall_image_copy(): makes the guest call the guest runtime's memcpy() and so on.  0, or -1
 * after ucall_fail().
 */
int ucall_image_redirect(struct ucall_machine *vm);

/* Where guest functions of a separate guest ELF return to, in its runtime. */
#define UCALL_IMAGE_RETURN "ucall_guest_return"

#endif
