/* SPDX-License-Identifier: MIT */
/* What a plugin's file says about itself, read without running it. */
#ifndef LIBUCALL_NOTE_H
#define LIBUCALL_NOTE_H

#include "arch/arch.h"

/* The guest code of one architecture in a plugin's file. */
struct ucall_code {
	const uint8_t *bytes; /* in the file */
	size_t size;
	uint64_t link_address; /* where the file says it is loaded; only bits 11:0 matter */
	uint32_t entry[2]; /* offsets, or UCALL_ENTRY_NONE, UCALL_ENTRY_OPS */
};

struct ucall_note {
	struct ucall_metadata metadata; /* zero beyond its own size; its texts are NUL-terminated */
	uint64_t address; /* where the metadata's note descriptor is loaded */
	uint32_t descriptor_size;
	const uint8_t *descriptor; /* in the file */
	uint32_t archs; /* the images' UCALL_ARCH_ bits */
	struct ucall_code code[UCALL_ARCHS]; /* in the order of ucall_archs; size 0: none */
};

/* True if `code` has the entry send_cmd (shared: send_cmd_shared). */
bool ucall_code_has_entry(const struct ucall_code *code, const struct ucall_ops *ops, bool shared);

/*
 * Reads the notes of the ELF file at [file, file + size) and checks all that can be checked without
 * loading it: that it is a shared object for this machine, of an ABI that this library supports,
 * with a `ucall_ops`, and with self-contained guest code.  *note points into the file.  Returns 0,
 * or -1 after ucall_fail(); *note must not be used then.
 */
int ucall_note_read(const void *file, size_t size, struct ucall_note *note);

#endif
