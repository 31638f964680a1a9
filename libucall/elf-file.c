// SPDX-License-Identifier: MIT
/* A 64-bit ELF file in memory. */
#include <errno.h>
#include <string.h>

#include "elf-file.h"
#include "error.h"

static const char *machine_name(uint16_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return "x86_64";
	case EM_AARCH64:
		return "aarch64";
	case EM_S390:
		return "s390x";
	case EM_RISCV:
		return "riscv64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "arm";
	default:
		return "another machine";
	}
}

int ucall_elf_open(struct ucall_elf *e, const void *file, size_t size, const struct ucall_arch *arch)
{
	const unsigned char *ident = file;
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
		ucall_elf_close(e);
		if (!e->arch && arch && (ident[EI_DATA] == ELFDATA2MSB) != arch->big_endian)
			return ucall_fail(ENOEXEC, "an ELF file of the other byte order");
		return ucall_fail(
			ENOEXEC, "an ELF file for %s%s; %s%s", machine_name(header.e_machine),
			ident[EI_DATA] == ELFDATA2MSB ? ", big-endian" : "",
			arch ? "this is " : "there are guests for x86_64, aarch64, s390x, riscv64",
			arch ? arch->name : "");
	}
	if (elf_getphdrnum(e->elf, &e->phdrs)) {
		ucall_elf_close(e);
		return ucall_fail(ENOEXEC, "a damaged ELF file: %s", elf_errmsg(-1));
	}
	return 0;
}

void ucall_elf_close(struct ucall_elf *e)
{
	if (e->elf)
		elf_end(e->elf);
	e->elf = NULL;
}

const uint8_t *ucall_elf_at(const struct ucall_elf *e, uint64_t address, size_t size)
{
	GElf_Phdr ph;

	for (size_t i = 0; i < e->phdrs; i++) {
		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (address < ph.p_vaddr || address - ph.p_vaddr > ph.p_filesz ||
		    size > ph.p_filesz - (address - ph.p_vaddr))
			continue;
		if (ph.p_offset > e->size || ph.p_filesz > e->size - ph.p_offset)
			return NULL;
		return e->file + ph.p_offset + (address - ph.p_vaddr);
	}
	return NULL;
}

int ucall_elf_notes(const struct ucall_elf *e, const char *name,
		    int (*visit)(void *data, uint32_t type, uint64_t address,
				 const uint8_t *descriptor, size_t size),
		    void *data)
{
	size_t name_size = strlen(name) + 1;
	GElf_Phdr ph;

	for (size_t i = 0; i < e->phdrs; i++) {
		size_t at = 0, next, name_at, desc_at;
		Elf_Data *notes;
		GElf_Nhdr note;

		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_NOTE ||
		    ph.p_offset > e->size || ph.p_filesz > e->size - ph.p_offset)
			continue;
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

/* The next section of type `type` after *scn that has contents. */
static Elf_Data *next_section(const struct ucall_elf *e, Elf_Scn **scn, GElf_Shdr *header,
			      uint32_t type)
{
	while ((*scn = elf_nextscn(e->elf, *scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(*scn, header) || header->sh_type != type)
			continue;
		data = elf_getdata(*scn, NULL);
		if (data)
			return data;
	}
	return NULL;
}

bool ucall_elf_defines(const struct ucall_elf *e, const char *name)
{
	bool sections = false;
	GElf_Shdr header;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Sym sym;

	while ((data = next_section(e, &scn, &header, SHT_DYNSYM))) {
		sections = true;
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			const char *s = elf_strptr(e->elf, header.sh_link, sym.st_name);

			if (s && sym.st_shndx != SHN_UNDEF && !strcmp(s, name))
				return true;
		}
	}
	return !sections;
}

static const char *symbol_in(const struct ucall_elf *e, uint32_t type, uint64_t address,
			     uint64_t *offset)
{
	GElf_Shdr header;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Sym sym;

	while ((data = next_section(e, &scn, &header, type))) {
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			int kind = GELF_ST_TYPE(sym.st_info);

			if ((kind != STT_FUNC && kind != STT_OBJECT) || sym.st_shndx == SHN_UNDEF ||
			    address < sym.st_value ||
			    address - sym.st_value >= (sym.st_size ? sym.st_size : 1))
				continue;
			*offset = address - sym.st_value;
			return elf_strptr(e->elf, header.sh_link, sym.st_name);
		}
	}
	return NULL;
}

const char *ucall_elf_symbol(const struct ucall_elf *e, uint64_t address, uint64_t *offset)
{
	const char *name = symbol_in(e, SHT_SYMTAB, address, offset);

	return name ? name : symbol_in(e, SHT_DYNSYM, address, offset);
}

bool ucall_elf_find_symbol(const struct ucall_elf *e, const char *name, uint64_t *address)
{
	GElf_Shdr header;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Sym sym;

	while ((data = next_section(e, &scn, &header, SHT_SYMTAB))) {
		for (int i = 0; gelf_getsym(data, i, &sym); i++) {
			const char *s = elf_strptr(e->elf, header.sh_link, sym.st_name);
			int kind = GELF_ST_TYPE(sym.st_info);

			if (!s || sym.st_shndx == SHN_UNDEF || kind == STT_SECTION ||
			    kind == STT_FILE || strcmp(s, name) != 0)
				continue;
			*address = sym.st_value;
			return true;
		}
	}
	return false;
}

void ucall_elf_functions(const struct ucall_elf *e, bool (*visit)(void *data, const char *name),
			 void *data)
{
	GElf_Shdr header;
	Elf_Scn *scn = NULL;
	Elf_Data *symbols;
	GElf_Sym sym;

	while ((symbols = next_section(e, &scn, &header, SHT_SYMTAB))) {
		for (int i = 0; gelf_getsym(symbols, i, &sym); i++) {
			const char *s = elf_strptr(e->elf, header.sh_link, sym.st_name);

			if (s && GELF_ST_TYPE(sym.st_info) == STT_FUNC && !visit(data, s))
				return;
		}
	}
}

/* The name of dynamic symbol number `index`, NULL if there is none. */
static const char *dynamic_symbol(const struct ucall_elf *e, uint32_t index)
{
	GElf_Shdr header;
	Elf_Scn *scn = NULL;
	Elf_Data *data = next_section(e, &scn, &header, SHT_DYNSYM);
	GElf_Sym sym;

	if (!data || !index || !gelf_getsym(data, (int)index, &sym))
		return NULL;
	return elf_strptr(e->elf, header.sh_link, sym.st_name);
}

/* Tables of relocations as the dynamic section names them: where they are, and their size. */
struct tables {
	uint64_t address[2], size[2];
};

static void find_tables(const struct ucall_elf *e, struct tables *t)
{
	GElf_Phdr ph;

	memset(t, 0, sizeof(*t));
	for (size_t i = 0; i < e->phdrs; i++) {
		const uint8_t *p;
		Elf64_Dyn dyn;

		if (!gelf_getphdr(e->elf, (int)i, &ph) || ph.p_type != PT_DYNAMIC)
			continue;
		for (uint64_t at = ph.p_vaddr; (p = ucall_elf_at(e, at, sizeof(dyn)));
		     at += sizeof(dyn)) {
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
		for (uint64_t at = 0; at + sizeof(rela) <= t.size[i]; at += sizeof(rela)) {
			const uint8_t *p = ucall_elf_at(e, t.address[i] + at, sizeof(rela));

			if (!p)
				break;
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
