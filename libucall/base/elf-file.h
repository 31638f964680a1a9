/* SPDX-License-Identifier: MIT */
/*
 * A 64-bit ELF file in memory, of any guest architecture.  Nothing in it is trusted; every function
 * takes time and memory at most proportional to its size.
 */
#ifndef LIBUCALL_ELF_FILE_H
#define LIBUCALL_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/arch.h"

/* A symbol table and its names, all terminated. */
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

/* Opens a file for `arch` (NULL: any).  Returns 0, or -1: ucall_error() says what it is instead. */
int ucall_elf_open(struct ucall_elf *e, const void *file, size_t size,
		   const struct ucall_arch *arch);
void ucall_elf_close(struct ucall_elf *e);

/* The bytes of the file that are loaded at [address, address + size), NULL if there are none. */
const uint8_t *ucall_elf_at(const struct ucall_elf *e, uint64_t address, size_t size);

/*
 * Checks that all that is loaded is in the file; touching the rest would raise SIGBUS.  Returns 0,
 * or -1 after ucall_fail().
 */
int ucall_elf_check_segments(const struct ucall_elf *e);

/*
 * Calls `visit` for each note named `name` until it returns nonzero, and returns that value.
 * `address` is where the descriptor is loaded.
 */
int ucall_elf_notes(const struct ucall_elf *e, const char *name,
		    int (*visit)(void *data, uint32_t type, uint64_t address,
				 const uint8_t *descriptor, size_t size),
		    void *data);

/* True if the dynamic symbol table defines `name`, or if the file has no section headers. */
bool ucall_elf_defines(const struct ucall_elf *e, const char *name);

/* The symbol that covers `address` and the offset in it, NULL if none is known. */
const char *ucall_elf_symbol(const struct ucall_elf *e, uint64_t address, uint64_t *offset);

/* Sets *address to that of the symbol `name`; false if the file does not define it. */
bool ucall_elf_find_symbol(const struct ucall_elf *e, const char *name, uint64_t *address);

/* Where the first section of that name is loaded; false: there is none. */
bool ucall_elf_find_section(const struct ucall_elf *e, const char *name, uint64_t *address,
			    uint64_t *size);

/*
 * Calls `visit` with the name of each function, and the source file of a static one ("" if
 * unknown), until it returns false.
 */
void ucall_elf_functions(const struct ucall_elf *e,
			 bool (*visit)(void *data, const char *name, const char *file), void *data);

/* Calls `visit` with each variable until it returns false. */
void ucall_elf_objects(const struct ucall_elf *e,
		       bool (*visit)(void *data, const char *name, uint64_t address, uint64_t size),
		       void *data);

/*
 * Finds the first dynamic relocation in [address, address + size): true, with *where and *symbol
 * (NULL if it has none).
 */
bool ucall_elf_relocation(const struct ucall_elf *e, uint64_t address, size_t size, uint64_t *where,
			  const char **symbol);

/* True if loading changes its code. */
bool ucall_elf_has_text_relocations(const struct ucall_elf *e);

#endif
