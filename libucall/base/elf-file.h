/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit ELF file in memory, of any guest architecture.  Nothing in it is trusted, and what is asked of it takes
 * time and memory in proportion to its size.
 */
#ifndef LIBUCALL_ELF_FILE_H
#define LIBUCALL_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"

/* A symbol table and its names, each of which has an end. */
struct ucall_elf_symbols {
	bool found;
	Elf_Data *data; /* NULL: not found, or damaged */
	const char *names; /* in the file */
	size_t names_size;
};

struct ucall_elf {
	const uint8_t *file;
	size_t size;
	Elf *elf;
	size_t phdrs;
	const struct ucall_arch *arch;
	uint16_t type; /* ET_ */
	struct ucall_elf_symbols symbols, dynamic;
};

/* Opens a file for `arch` (NULL: any); fails with a sentence on what it is instead. */
int ucall_elf_open(struct ucall_elf *e, const void *file, size_t size, const struct ucall_arch *arch);
void ucall_elf_close(struct ucall_elf *e);

/* The bytes of the file that are loaded at [address, address + size), NULL if there are none. */
const uint8_t *ucall_elf_at(const struct ucall_elf *e, uint64_t address, size_t size);

/* 0, or -1 after ucall_fail(): part of what is loaded is not in the file, and to touch it would be SIGBUS. */
int ucall_elf_check_segments(const struct ucall_elf *e);

/*
 * Calls `visit` for each note named `name` until it returns other than 0, and returns that.
 * `address` is where the descriptor is loaded.
 */
int ucall_elf_notes(const struct ucall_elf *e, const char *name,
		    int (*visit)(void *data, uint32_t type, uint64_t address,
				 const uint8_t *descriptor, size_t size),
		    void *data);

/* Does the dynamic symbol table define `name`?  True also where the file has no section headers. */
bool ucall_elf_defines(const struct ucall_elf *e, const char *name);

/* The symbol that covers `address` and the offset in it, NULL if none is known. */
const char *ucall_elf_symbol(const struct ucall_elf *e, uint64_t address, uint64_t *offset);

/* The address of the symbol `name`, if the file defines it. */
bool ucall_elf_find_symbol(const struct ucall_elf *e, const char *name, uint64_t *address);

/* Calls `visit` with the names of functions, and of the source file of a static one ("" if not known), until false. */
void ucall_elf_functions(const struct ucall_elf *e,
			 bool (*visit)(void *data, const char *name, const char *file), void *data);

/* The first dynamic relocation within [address, address + size): true, *where, *symbol (or NULL). */
bool ucall_elf_relocation(const struct ucall_elf *e, uint64_t address, size_t size, uint64_t *where,
			  const char **symbol);

/* True if its code is changed when it is loaded. */
bool ucall_elf_has_text_relocations(const struct ucall_elf *e);

#endif
