// SPDX-License-Identifier: MIT
/*
 * bad-elf KIND IN OUT [ARG...]: turns a good ELF file (64-bit, this machine's byte order) into one
 * that is expensive, or worse, for a reader that trusts it.  For t/bad-files.sh.
 */
#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t *file;
static size_t size, room;

static void *grow(size_t more)
{
	if (size + more > room) {
		room = 2 * (size + more);
		file = realloc(file, room);
		if (!file)
			exit(1);
	}
	memset(file + size, 0, more);
	size += more;
	return file + size - more;
}

static size_t append(const void *data, size_t n)
{
	size_t at;

	grow((16 - size % 16) % 16);
	at = size;
	memcpy(grow(n), data, n);
	return at;
}

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)(void *)file;
}

static Elf64_Phdr *phdrs(void)
{
	return (Elf64_Phdr *)(void *)(file + header()->e_phoff);
}

/* ---- sections ---- */

/* Copies the section header table to the end of the file, with one more entry. */
static Elf64_Shdr *add_section(const char *name, uint32_t type, uint64_t flags, size_t at, size_t n)
{
	size_t count = header()->e_shnum, names, table;
	Elf64_Shdr *all, new = {
		.sh_type = type, .sh_flags = flags, .sh_offset = at, .sh_size = n, .sh_addralign = 1
	};
	Elf64_Shdr *strings;
	char *text;

	all = (Elf64_Shdr *)(void *)(file + header()->e_shoff);
	strings = &all[header()->e_shstrndx];
	text = malloc(strings->sh_size + strlen(name) + 1);
	memcpy(text, file + strings->sh_offset, strings->sh_size);
	strcpy(text + strings->sh_size, name);
	new.sh_name = (uint32_t)strings->sh_size;
	names = append(text, strings->sh_size + strlen(name) + 1);
	free(text);
	all = (Elf64_Shdr *)(void *)(file + header()->e_shoff);
	strings = &all[header()->e_shstrndx];
	strings->sh_offset = names;
	strings->sh_size += strlen(name) + 1;
	table = append(file + header()->e_shoff, count * sizeof(new));
	memcpy(grow(sizeof(new)), &new, sizeof(new));
	header()->e_shoff = table;
	header()->e_shnum = (uint16_t)(count + 1);
	return (Elf64_Shdr *)(void *)(file + table) + count;
}

static void replace_section(const char *name, uint64_t flags, const void *data, size_t n)
{
	const Elf64_Shdr *all = (Elf64_Shdr *)(void *)(file + header()->e_shoff);
	const char *names = (char *)file + all[header()->e_shstrndx].sh_offset;

	for (int i = 1; i < header()->e_shnum; i++)
		if (!strcmp(names + all[i].sh_name, name)) {
			((Elf64_Shdr *)(uintptr_t)&all[i])->sh_name =
				0; /* it gets the empty name instead */
			break;
		}
	add_section(name, SHT_PROGBITS, flags, append(data, n), n);
}

/* ---- kinds ---- */

/* N program headers; all but the first few are empty. */
static void many_phdrs(unsigned long n)
{
	size_t old = header()->e_phnum, at = append(phdrs(), old * sizeof(Elf64_Phdr));

	for (size_t i = old; i < n; i++)
		grow(sizeof(Elf64_Phdr)); /* PT_NULL */
	header()->e_phoff = at;
	header()->e_phnum = (uint16_t)n;
}

/* N symbol tables, all of the same bytes, at an odd offset so that each must be copied. */
static void many_symtabs(unsigned long n)
{
	const Elf64_Shdr *all = (Elf64_Shdr *)(void *)(file + header()->e_shoff);
	Elf64_Shdr table = { 0 };
	size_t count = header()->e_shnum, at, headers;
	uint8_t *copy;

	for (size_t i = 0; i < count; i++)
		if (all[i].sh_type == SHT_SYMTAB)
			table = all[i];
	/* Long enough to hurt: 64 KiB of symbols without a name. */
	copy = calloc(1, 65536 + 24);
	memcpy(copy, file + table.sh_offset, table.sh_size < 65536 ? table.sh_size : 65536);
	at = append(copy, 65536 + 24) + 1;
	free(copy);
	headers = append(file + header()->e_shoff, count * sizeof(table));
	table.sh_offset = at;
	table.sh_size = 65536 - 65536 % 24;
	for (unsigned long i = 0; i < n; i++)
		memcpy(grow(sizeof(table)), &table, sizeof(table));
	header()->e_shoff = headers;
	header()->e_shnum = (uint16_t)(count + n);
}

/* Every program header but PT_LOAD and PT_DYNAMIC becomes a PT_NOTE that spans the whole file. */
static void many_notes(void)
{
	for (int i = 0; i < header()->e_phnum; i++)
		if (phdrs()[i].p_type != PT_LOAD && phdrs()[i].p_type != PT_DYNAMIC) {
			phdrs()[i].p_type = PT_NOTE;
			phdrs()[i].p_offset = 0;
			phdrs()[i].p_filesz = size;
		}
}

/* A unit whose folder's name is in another file, which .gnu_debugaltlink names. */
static void altlink(const char *path)
{
	static const uint8_t abbrev[] = {
		1,    0x11, 0, /* DW_TAG_compile_unit, no children */
		0x10, 0x17, /* DW_AT_stmt_list, DW_FORM_sec_offset */
		0x1b, 0xa1, 0x3e, /* DW_AT_comp_dir, DW_FORM_GNU_strp_alt */
		0x11, 0x01, /* DW_AT_low_pc, DW_FORM_addr */
		0x12, 0x07, /* DW_AT_high_pc, DW_FORM_data8 */
		0,    0,    0,
	};
	static const uint8_t line[] = {
		0x2a, 0,   0,	0,   4, 0, /* length, version */
		0x20, 0,   0,	0,   1, 1, 1, 0xfb, 0x0e, 0x0d, /* header; minimum, maximum,
								   default, base, range, opcodes */
		0,    1,   1,	1,   1, 0, 0, 0,    1,	  0,	0, 1, /* the opcodes' lengths */
		0,    'a', '.', 'c', 0, 0, 0, 0,    0, /* no folders; a file */
		0,    1,   1,	0,   1, 1, 0, 1,    1,	  0,	1, 1,
		0,    1,   1, /* ends of sequences */
	};
	struct __attribute__((packed)) {
		uint32_t length;
		uint16_t version;
		uint32_t abbrev;
		uint8_t address, code;
		uint32_t lines, folder;
		uint64_t low, high;
	} info = { sizeof(info) - 4, 4, 0, 8, 1, 0, 0, 0x400000, 0x100000 };
	size_t n = strlen(path) + 1;
	uint8_t *link = calloc(1, n + 20);

	memcpy(link, path, n);
	memset(link + n, 0x5a, 20);
	replace_section(".debug_abbrev", 0, abbrev, sizeof(abbrev));
	replace_section(".debug_line", 0, line, sizeof(line));
	replace_section(".debug_info", 0, &info, sizeof(info));
	replace_section(".debug_aranges", 0, "", 0);
	replace_section(".gnu_debugaltlink", 0, link, n + 20);
	free(link);
}

/* N units, each with the same N ranges, none of which has the address that is looked up. */
static void quadratic(unsigned long n)
{
	static const uint8_t abbrev[] = {
		1, 0x11, 0, 0x55, 0x17, /* DW_AT_ranges, DW_FORM_sec_offset */
		0, 0,	 0,
	};
	struct __attribute__((packed)) unit {
		uint32_t length;
		uint16_t version;
		uint32_t abbrev;
		uint8_t address, code;
		uint32_t ranges;
	} *units = calloc(n, sizeof(*units));
	uint64_t *ranges = calloc(2 * n + 2, sizeof(*ranges));

	for (unsigned long i = 0; i < n; i++) {
		units[i] = (struct unit){ sizeof(*units) - 4, 4, 0, 8, 1, 0 };
		ranges[2 * i] = 0x70000000 + 2 * i;
		ranges[2 * i + 1] = ranges[2 * i] + 1;
	}
	replace_section(".debug_abbrev", 0, abbrev, sizeof(abbrev));
	replace_section(".debug_info", 0, units, n * sizeof(*units));
	replace_section(".debug_ranges", 0, ranges, (2 * n + 2) * sizeof(*ranges));
	replace_section(".debug_aranges", 0, "", 0);
	replace_section(".debug_line", 0, "", 0);
	free(units);
	free(ranges);
}

/* ---- zeroes, compressed ---- */

struct bits {
	uint8_t *out;
	size_t count;
};

static void put_bits(struct bits *b, uint32_t value, int n)
{
	for (int i = 0; i < n; i++, b->count++)
		b->out[b->count / 8] |= (uint8_t)((value >> i & 1) << (b->count % 8));
}

/* N MiB of zeroes, as section .debug_info (RFC 1950, 1951: one block of fixed codes). */
static void compressed(unsigned long mib)
{
	uint64_t bytes = (uint64_t)mib << 20, runs = (bytes - 1) / 258, rest = (bytes - 1) % 258;
	size_t most = sizeof(Elf64_Chdr) + 64 + (size_t)(runs * 13 + rest * 8) / 8;
	uint8_t *data = calloc(1, most);
	Elf64_Chdr chdr = { .ch_type = ELFCOMPRESS_ZLIB, .ch_size = bytes, .ch_addralign = 1 };
	struct bits b = { data + sizeof(chdr) + 2, 0 };
	uint32_t sum = (uint32_t)(bytes % 65521) << 16 | 1;
	uint8_t *end;

	memcpy(data, &chdr, sizeof(chdr));
	data[sizeof(chdr)] = 0x78;
	data[sizeof(chdr) + 1] = 0x9c;
	put_bits(&b, 3, 3); /* the last block, fixed codes */
	put_bits(&b, 0x0c, 8); /* the literal 0: 00110000, from its first bit */
	for (uint64_t i = 0; i < runs; i++) {
		put_bits(&b, 0xa3, 8); /* 258 bytes: 11000101 */
		put_bits(&b, 0, 5); /* copied from one byte back */
	}
	for (uint64_t i = 0; i < rest; i++)
		put_bits(&b, 0x0c, 8);
	put_bits(&b, 0, 7); /* the end */
	end = b.out + (b.count + 7) / 8;
	for (int i = 0; i < 4; i++)
		*end++ = (uint8_t)(sum >> (24 - 8 * i));
	replace_section(".debug_info", SHF_COMPRESSED, data, (size_t)(end - data));
	free(data);
}

/* ---- the command ---- */

static bool read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	size_t n = 65536;

	while (f && n == 65536) {
		grow(65536);
		n = fread(file + size - 65536, 1, 65536, f);
		size -= 65536 - n;
	}
	return f && !fclose(f) && size > sizeof(Elf64_Ehdr);
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "", *arg = argc > 4 ? argv[4] : "";
	unsigned long n = strtoul(arg, NULL, 10);
	FILE *out;

	if (argc < 4 || !read_file(argv[2]))
		return 2;
	if (!strcmp(kind, "phdrs"))
		many_phdrs(n);
	else if (!strcmp(kind, "symtabs"))
		many_symtabs(n);
	else if (!strcmp(kind, "notes"))
		many_notes();
	else if (!strcmp(kind, "altlink"))
		altlink(arg);
	else if (!strcmp(kind, "quadratic"))
		quadratic(n);
	else if (!strcmp(kind, "compressed"))
		compressed(n);
	else
		return 2;
	out = fopen(argv[3], "w");
	return out && fwrite(file, 1, size, out) == size && !fclose(out) ? 0 : 1;
}
