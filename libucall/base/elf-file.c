// SPDX-License-Identifier: MIT
/* A 64-bit ELF file in memory. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "elf-file.h"
#include "error.h"
#include "text.h"

/* Far above what linkers write.  Higher limits only make checks slow and libelf's tables large. */
#define MAX_PHDRS 256
#define MAX_SECTIONS 0xff00 /* SHN_LORESERVE: more need an extension of the format */

static const char *machine_name(uint16_t machine)
{
	for (int i = 0; i < UCALL_ARCHS; i++)
		if (ucall_archs[i]->machine == machine)
			return ucall_archs[i]->name;
	switch (machine) {
	case EM_386:
		return "i386";
	case EM_ARM:
		return "arm";
	default:
		return "another machine";
	}
}

/*
 * Uses the first section of that type, since a file can have only one (System V ABI, "Sections").
 * libelf copies a table of the other byte order; only one is copied, so the file's size is the
 * limit.
 */
static void find_symbols(const struct ucall_elf *e, uint32_t type, struct ucall_elf_symbols *t)
{
	GElf_Shdr header, names;
	Elf_Scn *scn = NULL, *strings;

	while ((scn = elf_nextscn(e->elf, scn)))
		if (gelf_getshdr(scn, &header) && header.sh_type == type)
			break;
	if (!scn || (header.sh_flags & SHF_COMPRESSED))
		return;
	t->found = true;
	strings = elf_getscn(e->elf, header.sh_link);
	/* If the last name is terminated, all are. */
	if (!strings || !gelf_getshdr(strings, &names) || names.sh_type != SHT_STRTAB ||
	    (names.sh_flags & SHF_COMPRESSED) || !names.sh_size || names.sh_offset > e->size ||
	    names.sh_size > e->size - names.sh_offset ||
	    e->file[names.sh_offset + names.sh_size - 1])
		return;
	t->names = (const char *)e->file + names.sh_offset;
	t->names_size = names.sh_size;
	t->data = elf_getdata(scn, NULL);
}

int ucall_elf_open(struct ucall_elf *e, const void *file, size_t size,
		   const struct ucall_arch *arch)
{
	const unsigned char *ident = file;
	size_t sections = 0;
	GElf_Ehdr header;

	memset(e, 0, sizeof(*e));
	e->file = file;
	e->size = size;
	if (size < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG))
		return ucall_fail(ENOEXEC, "not an ELF file");
	if (ident[EI_CLASS] != ELFCLASS64)
		return ucall_fail(ENOEXEC, "a %s-bit ELF file; libucall is for 64-bit machines",
				  ident[EI_CLASS] == ELFCLASS32 ? "32" : "?");
	elf_version(EV_CURRENT);
	e->elf = elf_memory((char *)(uintptr_t)file, size);
	if (!e->elf || !gelf_getehdr(e->elf, &header)) {
		ucall_elf_close(e);
		return ucall_fail(ENOEXEC, "a truncated ELF file");
	}
	e->arch = ucall_arch_of_elf(header.e_machine, ident[EI_CLASS], ident[EI_DATA]);
	e->type = header.e_type;
	if (!e->arch || (arch && e->arch != arch)) {
		char text[256] = "";
		struct ucall_text names = { text, sizeof(text), 0 };

		ucall_elf_close(e);
		if (!e->arch && arch && (ident[EI_DATA] == ELFDATA2MSB) != arch->big_endian)
			return ucall_fail(ENOEXEC, "an ELF file of the other byte order");
		if (!arch)
			ucall_arch_names(&names);
		return ucall_fail(ENOEXEC, "an ELF file for %s%s; %s%s",
				  machine_name(header.e_machine),
				  ident[EI_DATA] == ELFDATA2MSB ? ", big-endian" : "",
				  arch ? "expected " : "supported: ", arch ? arch->name : text);
	}
	if (elf_getphdrnum(e->elf, &e->phdrs) || elf_getshdrnum(e->elf, &sections)) {
		ucall_elf_close(e);
		return ucall_fail(ENOEXEC, "a damaged ELF file: %s", elf_errmsg(-1));
	}
	if (e->phdrs > MAX_PHDRS || sections > MAX_SECTIONS) {
		ucall_elf_close(e);
		return ucall_fail(
			ENOEXEC,
			"an ELF file with %zu program headers and %zu sections; the limits are %d "
			"and %d",
			e->phdrs, sections, MAX_PHDRS, MAX_SECTIONS);
	}
	find_symbols(e, SHT_SYMTAB, &e->symbols);
	find_symbols(e, SHT_DYNSYM, &e->dynamic);
	return 0;
}

void ucall_elf_close(struct ucall_elf *e)
{
	if (e->elf)
		elf_end(e->elf);
	e->elf = NULL;
}

/* The file's bytes at `address`; *size is how many its segment has from there.  NULL if none. */
static const uint8_t *bytes_at(const struct ucall_elf *e, uint64_t address, size_t *size)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < e->phdrs; i++) {
		uint64_t offset;

		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		offset = address - ph.p_vaddr;
		if (address < ph.p_vaddr || offset >= ph.p_filesz)
			continue;
		if (ph.p_offset > e->size || ph.p_filesz > e->size - ph.p_offset)
			return NULL;
		*size = ph.p_filesz - offset;
		return e->file + ph.p_offset + offset;
	}
	return NULL;
}

const uint8_t *ucall_elf_at(const struct ucall_elf *e, uint64_t address, size_t size)
{
	size_t left = 0;
	const uint8_t *p = bytes_at(e, address, &left);

	return p && size <= left ? p : NULL;
}

int ucall_elf_check_segments(const struct ucall_elf *e)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < e->phdrs; i++) {
		if (!gelf_getphdr(e->elf, (int)i, &ph))
			return ucall_fail(ENOEXEC, "its program headers are cut short");
		if ((ph.p_type == PT_LOAD || ph.p_type == PT_DYNAMIC) &&
		    (ph.p_offset > e->size || ph.p_filesz > e->size - ph.p_offset))
			return ucall_fail(ENOEXEC,
					  "cut short or damaged: segment %zu is not in the file, "
					  "which has %zu "
					  "bytes",
					  i, e->size);
	}
	return 0;
}

int ucall_elf_notes(const struct ucall_elf *e, const char *name,
		    int (*visit)(void *data, uint32_t type, uint64_t address,
				 const uint8_t *descriptor, size_t size),
		    void *data)
{
	size_t name_size = strlen(name) + 1, left = e->size;
	GElf_Phdr ph;

	for (size_t i = 0; i < e->phdrs; i++) {
		size_t at = 0, next, name_at, desc_at;
		Elf_Data *notes;
		GElf_Nhdr note;

		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_NOTE ||
		    ph.p_offset > e->size || ph.p_filesz > e->size - ph.p_offset)
			continue;
		/* Each byte is read only once: overlapping segments could take forever. */
		if (ph.p_filesz > left)
			return ucall_fail(ENOEXEC, "a damaged ELF file: its notes overlap");
		left -= ph.p_filesz;
		notes = elf_getdata_rawchunk(e->elf, (int64_t)ph.p_offset, ph.p_filesz,
					     ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
		while (notes && (next = gelf_getnote(notes, at, &note, &name_at, &desc_at)) > 0) {
			const uint8_t *p = e->file + ph.p_offset;
			int r;

			at = next;
			if (note.n_namesz != name_size || memcmp(p + name_at, name, name_size))
				continue;
			r = visit(data, note.n_type, ph.p_vaddr + desc_at, p + desc_at,
				  note.n_descsz);
			if (r)
				return r;
		}
	}
	return 0;
}

/* ---- symbols ---- */

/* Symbol number i and its name ("" if it has none); false: there are no more. */
static bool get_symbol(const struct ucall_elf_symbols *t, int i, GElf_Sym *sym, const char **name)
{
	if (!t->data || !gelf_getsym(t->data, i, sym))
		return false;
	*name = sym->st_name < t->names_size ? t->names + sym->st_name : "";
	return true;
}

bool ucall_elf_defines(const struct ucall_elf *e, const char *name)
{
	const char *s;
	GElf_Sym sym;

	for (int i = 0; get_symbol(&e->dynamic, i, &sym, &s); i++)
		if (sym.st_shndx != SHN_UNDEF && !strcmp(s, name))
			return true;
	return !e->dynamic.found;
}

static const char *symbol_in(const struct ucall_elf_symbols *t, uint64_t address, uint64_t *offset)
{
	const char *name;
	GElf_Sym sym;

	for (int i = 0; get_symbol(t, i, &sym, &name); i++) {
		int kind = GELF_ST_TYPE(sym.st_info);

		if ((kind != STT_FUNC && kind != STT_OBJECT) || sym.st_shndx == SHN_UNDEF ||
		    address < sym.st_value ||
		    address - sym.st_value >= (sym.st_size ? sym.st_size : 1))
			continue;
		*offset = address - sym.st_value;
		return name;
	}
	return NULL;
}

const char *ucall_elf_symbol(const struct ucall_elf *e, uint64_t address, uint64_t *offset)
{
	const char *name = symbol_in(&e->symbols, address, offset);

	return name ? name : symbol_in(&e->dynamic, address, offset);
}

bool ucall_elf_find_section(const struct ucall_elf *e, const char *name, uint64_t *address,
			    uint64_t *size)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr header;
	size_t names;

	if (elf_getshdrstrndx(e->elf, &names))
		return false;
	while ((scn = elf_nextscn(e->elf, scn))) {
		const char *found = gelf_getshdr(scn, &header)
					    ? elf_strptr(e->elf, names, header.sh_name)
					    : NULL;

		if (!found || strcmp(found, name) != 0)
			continue;
		*address = header.sh_addr;
		*size = header.sh_size;
		return true;
	}
	return false;
}

bool ucall_elf_find_symbol(const struct ucall_elf *e, const char *name, uint64_t *address)
{
	const char *s;
	GElf_Sym sym;

	for (int i = 0; get_symbol(&e->symbols, i, &sym, &s); i++) {
		int kind = GELF_ST_TYPE(sym.st_info);

		if (sym.st_shndx == SHN_UNDEF || kind == STT_SECTION || kind == STT_FILE ||
		    strcmp(s, name) != 0)
			continue;
		*address = sym.st_value;
		return true;
	}
	return false;
}

void ucall_elf_functions(const struct ucall_elf *e,
			 bool (*visit)(void *data, const char *name, const char *file), void *data)
{
	const char *name, *file = "";
	GElf_Sym sym;

	/* A file's local symbols follow its STT_FILE symbol; global symbols come last. */
	for (int i = 0; get_symbol(&e->symbols, i, &sym, &name); i++) {
		bool local = GELF_ST_BIND(sym.st_info) == STB_LOCAL;

		if (GELF_ST_TYPE(sym.st_info) == STT_FILE)
			file = name;
		if (GELF_ST_TYPE(sym.st_info) == STT_FUNC && *name &&
		    !visit(data, name, local ? file : ""))
			return;
	}
}

void ucall_elf_objects(const struct ucall_elf *e,
		       bool (*visit)(void *data, const char *name, uint64_t address, uint64_t size),
		       void *data)
{
	const char *name;
	GElf_Sym sym;

	for (int i = 0; get_symbol(&e->symbols, i, &sym, &name); i++)
		if (GELF_ST_TYPE(sym.st_info) == STT_OBJECT && sym.st_shndx != SHN_UNDEF &&
		    !visit(data, name, sym.st_value, sym.st_size))
			return;
}

/* ---- dynamic relocations ---- */

/* The name of dynamic symbol number `index`, NULL if there is none. */
static const char *dynamic_symbol(const struct ucall_elf *e, uint32_t index)
{
	const char *name;
	GElf_Sym sym;

	return index && index <= INT_MAX && get_symbol(&e->dynamic, (int)index, &sym, &name) ? name
											     : NULL;
}

/* The relocation tables that the dynamic section names: addresses and sizes. */
struct tables {
	uint64_t address[2], size[2];
	bool in_text;
};

static void find_tables(const struct ucall_elf *e, struct tables *t)
{
	GElf_Phdr ph;
	size_t i = 0;

	memset(t, 0, sizeof(*t));
	while (i < e->phdrs && (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_DYNAMIC))
		i++;
	if (i < e->phdrs) {
		size_t size = 0;
		const uint8_t *p = bytes_at(e, ph.p_vaddr, &size);
		Elf64_Dyn dyn;

		for (; p && size >= sizeof(dyn); p += sizeof(dyn), size -= sizeof(dyn)) {
			memcpy(&dyn, p, sizeof(dyn));
			if (dyn.d_tag == DT_NULL)
				break;
			if (dyn.d_tag == DT_RELA)
				t->address[0] = dyn.d_un.d_ptr;
			if (dyn.d_tag == DT_RELASZ)
				t->size[0] = dyn.d_un.d_val;
			if (dyn.d_tag == DT_JMPREL)
				t->address[1] = dyn.d_un.d_ptr;
			if (dyn.d_tag == DT_PLTRELSZ)
				t->size[1] = dyn.d_un.d_val;
			if (dyn.d_tag == DT_TEXTREL ||
			    (dyn.d_tag == DT_FLAGS && (dyn.d_un.d_val & DF_TEXTREL)))
				t->in_text = true;
		}
	}
}

bool ucall_elf_relocation(const struct ucall_elf *e, uint64_t address, size_t size, uint64_t *where,
			  const char **symbol)
{
	struct tables t;
	Elf64_Rela rela;

	find_tables(e, &t);
	for (int i = 0; i < 2; i++) {
		size_t left = 0;
		const uint8_t *p = bytes_at(e, t.address[i], &left);

		left = left < t.size[i] ? left : t.size[i];
		for (; p && left >= sizeof(rela); p += sizeof(rela), left -= sizeof(rela)) {
			memcpy(&rela, p, sizeof(rela));
			if (rela.r_offset - address >= size)
				continue;
			*where = rela.r_offset;
			*symbol = dynamic_symbol(e, (uint32_t)ELF64_R_SYM(rela.r_info));
			return true;
		}
	}
	return false;
}

bool ucall_elf_has_text_relocations(const struct ucall_elf *e)
{
	struct tables t;

	find_tables(e, &t);
	return t.in_text;
}
