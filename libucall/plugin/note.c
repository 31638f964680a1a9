// SPDX-License-Identifier: MIT
/* What a plugin's file says about itself, read without running it. */
#include <errno.h>
#include <string.h>

#include "base/elf-file.h"
#include "base/error.h"
#include "note.h"

struct reading {
	const struct ucall_elf *elf;
	struct ucall_note *note;
	bool found;
};

static bool is_terminated(const char *text, size_t size)
{
	return memchr(text, 0, size);
}

/* The texts of a note come from the file: refuses those without a NUL. */
static int check_texts(const struct ucall_metadata *md)
{
	bool good = is_terminated(md->name, sizeof(md->name)) &&
		    is_terminated(md->version, sizeof(md->version)) &&
		    is_terminated(md->summary, sizeof(md->summary));

	for (int i = 0; good && i < UCALL_MAX_OPTIONS; i++) {
		const struct ucall_option *o = &md->options[i];

		good = is_terminated(o->name, sizeof(o->name)) &&
		       is_terminated(o->value, sizeof(o->value)) &&
		       is_terminated(o->choices, sizeof(o->choices)) &&
		       is_terminated(o->help, sizeof(o->help));
	}
	if (!good)
		return ucall_fail(ENOEXEC, "a text in its libucall note is longer than its field");
	if (!md->name[0] ||
	    strspn(md->name, "abcdefghijklmnopqrstuvwxyz0123456789-_") != strlen(md->name))
		return ucall_fail(ENOEXEC, "invalid name \"%s\": use a-z, 0-9, - and _ in .name",
				  md->name);
	return 0;
}

static int read_metadata(struct ucall_note *note, uint64_t address, const uint8_t *descriptor,
			 size_t size)
{
	const size_t least = offsetof(struct ucall_metadata, options);
	struct ucall_metadata *md = &note->metadata;
	uint32_t abi[3]; /* abi, guest_abi, size: first in every version */

	if (size < sizeof(abi))
		return ucall_fail(ENOEXEC, "its libucall note is cut short");
	memcpy(abi, descriptor, sizeof(abi));
	md->abi = abi[0];
	if (abi[0] < 1 || abi[0] > UCALL_ABI)
		return ucall_fail(ENOEXEC,
				  "built for plugin ABI %u; this libucall (%s) supports 1 to %d; "
				  "%s",
				  abi[0], ucall_version(), UCALL_ABI,
				  abi[0] > UCALL_ABI ? "install a newer libucall"
						     : "build it again with this one's headers");
	if (abi[1] < 1 || abi[1] > UCALL_GUEST_ABI)
		return ucall_fail(ENOEXEC,
				  "its guest code is for guest ABI %u; this libucall (%s) supports "
				  "1 to %d",
				  abi[1], ucall_version(), UCALL_GUEST_ABI);
	if (abi[2] > size || abi[2] < least)
		return ucall_fail(ENOEXEC, "its libucall note says size %u, but has %zu bytes",
				  abi[2], size);
	memcpy(md, descriptor, abi[2] < sizeof(*md) ? abi[2] : sizeof(*md));
	if (md->needs & ~UCALL_NEEDS_ALL)
		return ucall_fail(ENOEXEC,
				  "this libucall (%s) does not know its .needs bits 0x%x; install "
				  "a newer libucall",
				  ucall_version(), md->needs & ~UCALL_NEEDS_ALL);
	note->address = address;
	note->descriptor = descriptor;
	note->descriptor_size = (uint32_t)size;
	return check_texts(md);
}

static int read_image(const struct reading *reading, uint64_t address, const uint8_t *descriptor,
		      size_t size)
{
	struct ucall_note *note = reading->note;
	struct ucall_image_note image;
	const struct ucall_arch *arch;
	struct ucall_code *code;
	uint64_t start, end;

	if (size < sizeof(image))
		return ucall_fail(ENOEXEC, "its note on guest code is cut short");
	memcpy(&image, descriptor, sizeof(image));
	arch = ucall_arch_of_elf(image.machine, image.elf_class, image.byte_order);
	if (!arch)
		return 0; /* an architecture of a later libucall */
	if (note->archs & arch->bit)
		return ucall_fail(ENOEXEC, "it has guest code for %s twice", arch->name);
	if (image.guest_abi < 1 || image.guest_abi > UCALL_GUEST_ABI)
		return ucall_fail(ENOEXEC,
				  "its guest code for %s is for guest ABI %u; this libucall (%s) "
				  "supports 1 to %d",
				  arch->name, image.guest_abi, ucall_version(), UCALL_GUEST_ABI);

	start = address + offsetof(struct ucall_image_note, start) + (uint64_t)(int64_t)image.start;
	end = address + offsetof(struct ucall_image_note, end) + (uint64_t)(int64_t)image.end;
	if (end <= start || end - start > UCALL_CODE_SIZE - UCALL_PAGE_SIZE)
		return ucall_fail(ENOEXEC, "its guest code for %s has %lld bytes; give 1 to %d",
				  arch->name, (long long)(end - start),
				  UCALL_CODE_SIZE - UCALL_PAGE_SIZE);
	code = &note->code[ucall_arch_index(arch)];
	code->size = end - start;
	code->bytes = ucall_elf_at(reading->elf, start, end - start);
	if (!code->bytes)
		return ucall_fail(ENOEXEC, "its guest code for %s is not in the file", arch->name);
	code->link_address = image.link_address == UCALL_LINK_OPS ? start : image.link_address;
	for (int i = 0; i < 2; i++) {
		code->entry[i] = image.entry[i];
		if (image.entry[i] < UCALL_ENTRY_OPS && image.entry[i] >= code->size)
			return ucall_fail(ENOEXEC, "its guest code for %s does not contain its %s",
					  arch->name, i ? "send_cmd_shared" : "send_cmd");
		if (image.entry[i] == UCALL_ENTRY_OPS && arch != ucall_arch_native)
			return ucall_fail(ENOEXEC,
					  "its guest code for %s, which is not the host's "
					  "architecture, does not give the offsets of its entries",
					  arch->name);
	}
	note->archs |= arch->bit;
	return 0;
}

bool ucall_code_has_entry(const struct ucall_code *code, const struct ucall_ops *ops, bool shared)
{
	if (!code->size || code->entry[shared] == UCALL_ENTRY_NONE)
		return false;
	if (code->entry[shared] != UCALL_ENTRY_OPS)
		return true;
	return shared ? ops->send_cmd_shared != NULL : ops->send_cmd != NULL;
}

static int read_note(void *data, uint32_t type, uint64_t address, const uint8_t *descriptor,
		     size_t size)
{
	struct reading *reading = data;

	if (type == UCALL_NOTE_METADATA) {
		reading->found = true;
		return read_metadata(reading->note, address, descriptor, size);
	}
	if (type == UCALL_NOTE_IMAGE)
		return read_image(reading, address, descriptor, size);
	return 0;
}

/* "ring+0x12" or "offset 0x12" */
static void name_place(const struct ucall_elf *elf, const struct ucall_code *code, uint64_t at,
		       char *text, size_t size)
{
	uint64_t offset;
	const char *symbol = ucall_elf_symbol(elf, at, &offset);

	if (symbol)
		snprintf(text, size, "%s+0x%llx (offset 0x%llx of the section)", symbol,
			 (unsigned long long)offset, (unsigned long long)(at - code->link_address));
	else
		snprintf(text, size, "offset 0x%llx of the section",
			 (unsigned long long)(at - code->link_address));
}

/* The symbol that the reference leads to: of this file, or of another through PLT or GOT. */
static const char *name_target(const struct ucall_elf *elf, uint64_t target)
{
	const size_t stub = 16;
	const uint8_t *p = ucall_elf_at(elf, target, stub);
	uint64_t slot = p && elf->arch->plt_slot ? elf->arch->plt_slot(p, stub, target) : 0;
	uint64_t where, offset;
	const char *symbol = NULL;

	if (ucall_elf_relocation(elf, slot ? slot : target, 8, &where, &symbol) && symbol)
		return symbol;
	return ucall_elf_symbol(elf, target, &offset);
}

static int check_code(const struct ucall_elf *elf, const struct ucall_arch *arch,
		      const struct ucall_code *code)
{
	struct ucall_escape escape;
	const char *symbol = NULL;
	char place[256];
	uint64_t where;

	if (arch == elf->arch &&
	    ucall_elf_relocation(elf, code->link_address, code->size, &where, &symbol)) {
		name_place(elf, code, where, place, sizeof(place));
		return ucall_fail(ENOEXEC,
				  "its guest code leaves its section: %s holds the address of %s; "
				  "guest code must be self-contained and built with -fPIC",
				  place, symbol ? symbol : "something outside");
	}
	if (!arch->find_escape ||
	    !arch->find_escape(code->bytes, code->size, code->link_address, &escape))
		return 0;
	name_place(elf, code, escape.at, place, sizeof(place));
	if (escape.problem)
		return ucall_fail(ENOEXEC, "its guest code cannot be checked: %s at %s",
				  escape.problem, place);
	symbol = name_target(elf, escape.target);
	return ucall_fail(ENOEXEC,
			  "its guest code leaves its section: the instruction at %s refers to %s; "
			  "guest code must be self-contained (no library functions, global "
			  "variables or string literals)",
			  place, symbol ? symbol : "something outside");
}

int ucall_note_read(const void *file, size_t size, struct ucall_note *note)
{
	struct ucall_elf elf;
	struct reading reading = { .elf = &elf, .note = note };
	int r;

	memset(note, 0, sizeof(*note));
	if (ucall_elf_open(&elf, file, size, ucall_arch_native))
		return -1;
	if (elf.type != ET_DYN) {
		ucall_elf_close(&elf);
		return ucall_fail(ENOEXEC, "not a shared object; link it with -shared");
	}
	if (ucall_elf_check_segments(&elf)) {
		ucall_elf_close(&elf);
		return -1;
	}
	r = ucall_elf_notes(&elf, UCALL_NOTE_NAME, read_note, &reading);
	if (!r && !reading.found)
		r = ucall_fail(ENOEXEC,
			       "no libucall note, so it is not a backend; write UCALL_BACKEND(...) "
			       "in its source");
	if (!r && !ucall_elf_defines(&elf, "ucall_ops"))
		r = ucall_fail(ENOEXEC, "no symbol ucall_ops; define `const struct ucall_ops "
					"ucall_ops` and export it");
	for (int i = 0; !r && i < UCALL_ARCHS; i++)
		if (note->code[i].size)
			r = check_code(&elf, ucall_archs[i], &note->code[i]);
	if (!r && ucall_elf_has_text_relocations(&elf))
		r = ucall_fail(ENOEXEC,
			       "its code has relocations (DT_TEXTREL); build it with -fPIC");
	if (!r && !note->archs)
		r = ucall_fail(EOPNOTSUPP,
			       "it has no guest code: no compiler for its guests was there when "
			       "it was built (install one, run configure and build it again), or "
			       "its source lacks UCALL_GUEST_CODE(send_cmd, send_cmd_shared)");
	ucall_elf_close(&elf);
	return r;
}
