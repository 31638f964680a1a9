// SPDX-License-Identifier: MIT
/*
 * Redirects calls of memcpy() and the like in the guest's copy of the program to the guest runtime
 * (guest/mem.c); the host's part keeps using the C library.  The program's note says where the
 * runtime's functions are.
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "base/error.h"
#include "image.h"
#include "memory.h"

#define NOTE_RUNTIME 3 /* the others are UCALL_NOTE_METADATA and UCALL_NOTE_IMAGE */

/* In the order of the note in guest/mem.c. */
static const char *const names[] = {
	"memcpy", "memmove",	  "memset",	   "memcmp",	   "bcmp",
	"strlen", "__memcpy_chk", "__memmove_chk", "__memset_chk",
};

#define COUNT (sizeof(names) / sizeof(names[0]))

struct program {
	uint64_t base;
	const ElfW(Phdr) * phdrs;
	unsigned int phdr_count;
	uint64_t runtime[COUNT]; /* addresses; 0: the program was not linked with the runtime */
	uint64_t fixups[2]; /* start and end of its fix-ups */
	const char *strings;
	const ElfW(Sym) * symbols;
	const ElfW(Rela) * tables[2];
	size_t sizes[2]; /* in bytes */
};

static void read_notes(struct program *p, const char *notes, size_t size)
{
	for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= size;) {
		const ElfW(Nhdr) *n = (const void *)(notes + at);
		size_t name = at + sizeof(*n), start = (name + n->n_namesz + 7) & ~(size_t)7;

		if (n->n_namesz == sizeof(UCALL_NOTE_NAME) &&
		    !memcmp(notes + name, UCALL_NOTE_NAME, n->n_namesz) &&
		    n->n_type == NOTE_RUNTIME && n->n_descsz == sizeof(int32_t) * (COUNT + 2)) {
			const int32_t *offsets = (const void *)(notes + start);

			for (size_t i = 0; i < COUNT + 2; i++)
				*(i < COUNT ? &p->runtime[i] : &p->fixups[i - COUNT]) =
					(uint64_t)(uintptr_t)(offsets + i) +
					(uint64_t)(int64_t)offsets[i];
			return;
		}
		at = (start + n->n_descsz + 7) & ~(size_t)7;
	}
}

/* glibc relocates the addresses in the dynamic section, but not on every architecture. */
static const void *address(const struct program *p, uint64_t value)
{
	return (const void *)(uintptr_t)(value < p->base ? p->base + value : value);
}

static void read_dynamic(struct program *p, const ElfW(Dyn) * dyn)
{
	for (; dyn->d_tag != DT_NULL; dyn++) {
		switch (dyn->d_tag) {
		case DT_STRTAB:
			p->strings = address(p, dyn->d_un.d_ptr);
			break;
		case DT_SYMTAB:
			p->symbols = address(p, dyn->d_un.d_ptr);
			break;
		case DT_RELA:
			p->tables[0] = address(p, dyn->d_un.d_ptr);
			break;
		case DT_RELASZ:
			p->sizes[0] = dyn->d_un.d_val;
			break;
		case DT_JMPREL:
			p->tables[1] = address(p, dyn->d_un.d_ptr);
			break;
		case DT_PLTRELSZ:
			p->sizes[1] = dyn->d_un.d_val;
			break;
		}
	}
}

static int read_program(struct dl_phdr_info *info, size_t size, void *data)
{
	struct program *p = data;

	p->base = info->dlpi_addr;
	p->phdrs = info->dlpi_phdr;
	p->phdr_count = info->dlpi_phnum;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const void *at = (const void *)(uintptr_t)(info->dlpi_addr + ph->p_vaddr);

		/* Notes with another alignment are not libucall's. */
		if (ph->p_type == PT_NOTE && ph->p_align == 8 && !p->runtime[0])
			read_notes(p, at, ph->p_memsz);
		else if (ph->p_type == PT_DYNAMIC)
			read_dynamic(p, at);
	}
	return 1; /* the first object is the program */
}

/* Address of the guest runtime's function of that name; 0: there is no such function. */
static uint64_t find(const struct program *p, const char *name)
{
	for (size_t i = 0; i < COUNT; i++)
		if (!strcmp(names[i], name))
			return p->runtime[i];
	return 0;
}

/*
 * True if the pointer at gva, which is in data, is still what the dynamic linker made it, and the
 * program has not changed it since.
 */
static bool is_untouched(struct ucall_machine *vm, uint64_t gva, const char *name)
{
	uint64_t value;

	return !ucall_memory_read(vm, vm->memory.root, gva, &value, sizeof(value)) &&
	       value == (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, name);
}

/*
 * Redirects what the dynamic linker has filled in: slots of the procedure linkage table, the GOT,
 * and pointers in data.
 */
static int redirect_slots(struct ucall_machine *vm, const struct program *p)
{
	for (int t = 0; t < 2; t++) {
		const ElfW(Rela) *r = p->tables[t], *end = r + p->sizes[t] / sizeof(*r);

		for (; r && r < end; r++) {
			size_t symbol = ELF64_R_SYM(r->r_info);
			const char *name = p->strings + p->symbols[symbol].st_name;
			uint64_t to = symbol ? find(p, name) : 0;

			if (!to || (t == 0 && ELF64_R_TYPE(r->r_info) != ucall_native.glob_dat &&
				    !is_untouched(vm, p->base + r->r_offset, name)))
				continue;
			if (ucall_memory_write(vm, vm->memory.root, p->base + r->r_offset, &to,
					       sizeof(to)))
				return -1;
		}
	}
	return 0;
}

static bool is_code(const struct program *p, uint64_t gva)
{
	for (unsigned int i = 0; i < p->phdr_count; i++)
		if (p->phdrs[i].p_type == PT_LOAD && (p->phdrs[i].p_flags & PF_X) &&
		    gva - (p->base + p->phdrs[i].p_vaddr) < p->phdrs[i].p_memsz)
			return true;
	return false;
}

/* True if the function has at least `size` bytes, so that nothing after it is overwritten. */
static bool has_room(uint64_t function, size_t size)
{
	const ElfW(Sym) *symbol = NULL;
	Dl_info info;

	if (!dladdr1((void *)(uintptr_t)function, &info, (void **)&symbol, RTLD_DL_SYMENT) ||
	    !symbol)
		return false;
	return symbol->st_shndx == SHN_UNDEF || symbol->st_size >= size;
}

/*
 * Makes functions of these names that are in the program itself (a sanitizer's, say), or that are
 * entries of its procedure linkage table, jump to the runtime's.
 */
static int redirect_code(struct ucall_machine *vm, const struct program *p)
{
	uint8_t code[UCALL_JUMP_MAX];
	size_t size;

	for (size_t i = 0; i < COUNT; i++) {
		uint64_t from = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, names[i]);

		if (!from || !is_code(p, from))
			continue;
		size = ucall_native.jump(code, from, p->runtime[i]);
		if (has_room(from, size) &&
		    ucall_memory_write(vm, vm->memory.root, from, code, size))
			return -1;
	}
	return 0;
}

int ucall_image_redirect(struct ucall_machine *vm)
{
	struct program p = { .base = 0 };

	dl_iterate_phdr(read_program, &p);
	vm->fixups.start = p.fixups[0];
	vm->fixups.end = p.fixups[1];
	if (!p.runtime[0] || !p.symbols || !p.strings)
		return 0;
	return redirect_slots(vm, &p) || redirect_code(vm, &p) ? -1 : 0;
}
