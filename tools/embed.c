// SPDX-License-Identifier: MIT
/* Takes guest code from an object file; its relocations show whether it is self-contained. */
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>

#include "embed.h"

#define SECTION "ucall_guest"
/* Its link address: any multiple of a page, so that the copy is congruent, but not 0. */
#define LINK_ADDRESS 0x10000

const char embed_script[] = "SECTIONS {\n"
			    "  " SECTION " 0x10000 : { *(" SECTION ") }\n"
			    "  " UCALL_ENTRIES_SECTION " : { *(" UCALL_ENTRIES_SECTION ") }\n"
			    "  /DISCARD/ : { *(.eh_frame*) *(.comment) *(.note*) }\n"
			    "}\n";

struct object {
	const char *path;
	int fd;
	Elf *elf;
};

static bool open_object(struct object *o, const char *path)
{
	memset(o, 0, sizeof(*o));
	elf_version(EV_CURRENT);
	o->path = path;
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	o->elf = o->fd < 0 ? NULL : elf_begin(o->fd, ELF_C_READ, NULL);
	if (!o->elf)
		fprintf(stderr, "ucall: cannot read %s\n", path);
	return o->elf;
}

static void close_object(struct object *o)
{
	if (o->elf)
		elf_end(o->elf);
	if (o->fd >= 0)
		close(o->fd);
}

static Elf_Scn *find_section(const struct object *o, const char *name, GElf_Shdr *header)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(o->elf, &names))
		return NULL;
	while ((scn = elf_nextscn(o->elf, scn))) {
		const char *s = gelf_getshdr(scn, header)
					? elf_strptr(o->elf, names, header->sh_name)
					: NULL;

		if (s && !strcmp(s, name))
			return scn;
	}
	return NULL;
}

/* ---- references outside of the section ---- */

/* The name of a symbol, or of its section. */
static const char *name_of(const struct object *o, const GElf_Shdr *symbols, const GElf_Sym *sym)
{
	const char *name = elf_strptr(o->elf, symbols->sh_link, sym->st_name);
	Elf_Scn *scn;
	GElf_Shdr header;
	size_t names;

	if (name && *name)
		return name;
	scn = elf_getscn(o->elf, sym->st_shndx);
	if (!scn || !gelf_getshdr(scn, &header) || elf_getshdrstrndx(o->elf, &names))
		return "something outside";
	name = elf_strptr(o->elf, names, header.sh_name);
	return name ? name : "something outside";
}

/* Names the function that contains the offset. */
static void name_place(const struct object *o, Elf_Scn *symbols, size_t section, uint64_t offset,
		       char *text, size_t size)
{
	Elf_Data *data = elf_getdata(symbols, NULL);
	GElf_Shdr header;
	GElf_Sym sym;

	snprintf(text, size, "offset 0x%" PRIx64, offset);
	if (!gelf_getshdr(symbols, &header))
		return;
	for (int i = 0; gelf_getsym(data, i, &sym); i++) {
		if (GELF_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx != section ||
		    offset - sym.st_value >= sym.st_size)
			continue;
		snprintf(text, size, "%s+0x%" PRIx64,
			 elf_strptr(o->elf, header.sh_link, sym.st_name), offset - sym.st_value);
	}
}

static int check_relocations(const struct object *o, size_t section)
{
	GElf_Shdr header, symbols_header;
	Elf_Scn *scn = NULL, *symbols;
	char place[256];
	GElf_Rela rela;
	GElf_Sym sym;

	while ((scn = elf_nextscn(o->elf, scn))) {
		Elf_Data *data;

		if (!gelf_getshdr(scn, &header) || header.sh_type != SHT_RELA ||
		    header.sh_info != section)
			continue;
		data = elf_getdata(scn, NULL);
		symbols = elf_getscn(o->elf, header.sh_link);
		if (!data || !symbols || !gelf_getshdr(symbols, &symbols_header))
			continue;
		for (int i = 0; gelf_getrela(data, i, &rela); i++) {
			size_t index = GELF_R_SYM(rela.r_info);

			if (!index || !gelf_getsym(elf_getdata(symbols, NULL), (int)index, &sym) ||
			    sym.st_shndx == section)
				continue;
			name_place(o, symbols, section, rela.r_offset, place, sizeof(place));
			fprintf(stderr,
				"ucall: the guest code leaves its section: %s refers to %s; guest "
				"code must be self-contained (no library functions, global "
				"variables, string literals or constants in memory)\n",
				place, name_of(o, &symbols_header, &sym));
			return -1;
		}
	}
	return 0;
}

int embed_check(const char *path)
{
	GElf_Shdr header;
	struct object o;
	Elf_Scn *scn;
	int r = 1;

	if (!open_object(&o, path)) {
		close_object(&o);
		return -1;
	}
	scn = find_section(&o, SECTION, &header);
	if (scn && !find_section(&o, UCALL_ENTRIES_SECTION, &header)) {
		fprintf(stderr, "ucall: UCALL_GUEST_CODE does not name its guest functions\n");
		r = -1;
	} else if (scn) {
		r = check_relocations(&o, elf_ndxscn(scn));
	}
	close_object(&o);
	return r;
}

/* ---- the note ---- */

static uint64_t word_at(const uint8_t *p, bool big)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << 8 * (big ? 7 - i : i);
	return v;
}

static void write_bytes(FILE *to, const uint8_t *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		fprintf(to, "%s0x%02x%s", i % 16 ? ", " : "\t.byte ", p[i],
			i % 16 == 15 || i + 1 == size ? "\n" : "");
}

static int write_note(const struct object *o, FILE *to)
{
	Elf_Data *code, *entries;
	GElf_Shdr header;
	GElf_Ehdr ehdr;
	Elf_Scn *scn;

	scn = find_section(o, SECTION, &header);
	code = scn ? elf_getdata(scn, NULL) : NULL;
	scn = find_section(o, UCALL_ENTRIES_SECTION, &header);
	entries = scn ? elf_rawdata(scn, NULL) : NULL;
	if (!gelf_getehdr(o->elf, &ehdr) || !code || !code->d_size || !entries ||
	    entries->d_size != 16) {
		fprintf(stderr, "ucall: %s lacks the guest code that was compiled\n", o->path);
		return -1;
	}
	fprintf(to,
		"\t.pushsection .note.ucall,\"a\",%%note\n"
		"\t.balign 8\n"
		"\t.long 9, 2f - 1f, %d\n"
		"\t.asciz \"" UCALL_NOTE_NAME "\"\n"
		"\t.balign 8\n"
		"1:\t.long 3f - 1b, %d\n"
		"\t.short %u\n"
		"\t.byte %u, %u\n"
		"\t.long 3f - .\n"
		"\t.long 4f - .\n"
		"\t.long %u\n",
		UCALL_NOTE_IMAGE, UCALL_GUEST_ABI, ehdr.e_machine, ehdr.e_ident[EI_CLASS],
		ehdr.e_ident[EI_DATA], (unsigned int)(LINK_ADDRESS % UCALL_PAGE_SIZE));
	for (int i = 0; i < 2; i++) {
		uint64_t entry = word_at((const uint8_t *)entries->d_buf + (size_t)8 * (size_t)i,
					 ehdr.e_ident[EI_DATA] == ELFDATA2MSB);

		fprintf(to, "\t.long 0x%" PRIx32 "\n",
			entry ? (uint32_t)(entry - LINK_ADDRESS) : UCALL_ENTRY_NONE);
	}
	fprintf(to, "\t.long 0, 0\n3:\n");
	write_bytes(to, code->d_buf, code->d_size);
	fprintf(to, "4:\t.balign 8\n2:\n\t.popsection\n");
	return 0;
}

int embed_code(const char *linked, FILE *to)
{
	struct object o;
	int r = open_object(&o, linked) ? write_note(&o, to) : -1;

	close_object(&o);
	return r;
}
