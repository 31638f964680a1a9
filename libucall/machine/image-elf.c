// SPDX-License-Identifier: MIT
/* Separate guest ELFs: static executables for any of the guest architectures. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/handle.h"
#include "base/file.h"
#include "image.h"
#include "memory.h"
#include "base/text.h"

#define MAX_SEGMENTS 64
/* Bytes.  The fix-ups are searched one by one for each exception. */
#define FIXUPS_MAX 0x80000

/* ---- the file ---- */

static int open_elf(struct ucall_image *image)
{
	if (ucall_elf_open(&image->elf, image->file, image->size, NULL))
		return -1;
	image->arch = image->elf.arch;
	switch (image->elf.type) {
	case ET_EXEC:
		return 0;
	case ET_DYN:
		return ucall_fail(ENOEXEC, "position-independent, or a shared object; link guests "
					   "with -static -no-pie, as `ucall cc` does");
	case ET_REL:
		return ucall_fail(ENOEXEC, "an object file that is not linked; make guests with "
					   "`ucall cc`");
	default:
		return ucall_fail(ENOEXEC, "an ELF file that is not an executable");
	}
}

struct ucall_image *ucall_image_open(const char *path, const void *data, size_t size)
{
	struct ucall_image *image = ucall_calloc(1, sizeof(*image));
	struct stat st;

	if (!image)
		return NULL;
	if (data) {
		image->name = strdup("the guest ELF in memory");
		image->file = malloc(size + 1);
		image->size = size;
		if (image->file)
			memcpy(image->file, data, size);
		else
			ucall_fail(ENOMEM, "out of memory");
	} else {
		image->name = strdup(path);
		image->file = ucall_file_read(path, &st);
		image->size = image->file ? (size_t)st.st_size : 0;
	}
	if (image->file && !image->name)
		ucall_fail(ENOMEM, "out of memory");
	else if (image->file && !open_elf(image))
		return image;
	else if (image->file)
		ucall_fail_in("%s", image->name);
	ucall_image_close(image);
	return NULL;
}

void ucall_image_close(struct ucall_image *image)
{
	if (!image)
		return;
	ucall_elf_close(&image->elf);
	free(image->file);
	free(image->name);
	free(image);
}

/* ---- its segments ---- */

struct segment {
	uint64_t start, end; /* of its pages */
};

static int check_segment(const struct ucall_image *image, const GElf_Phdr *ph, size_t number,
			 struct segment *s)
{
	if (ph->p_filesz > ph->p_memsz || ph->p_offset > image->size ||
	    ph->p_filesz > image->size - ph->p_offset)
		return ucall_fail(ENOEXEC,
				  "segment %zu is not in the file, which is cut short or "
				  "damaged",
				  number);
	if (ph->p_align > 1 && ((ph->p_align & (ph->p_align - 1)) ||
				((ph->p_vaddr - ph->p_offset) & (ph->p_align - 1))))
		return ucall_fail(ENOEXEC,
				  "segment %zu is at address 0x%llx, which does not fit its "
				  "alignment 0x%llx",
				  number, (unsigned long long)ph->p_vaddr,
				  (unsigned long long)ph->p_align);
	if (ph->p_vaddr < UCALL_PAGE_SIZE || ph->p_vaddr >= UCALL_MAILBOX_ADDRESS ||
	    ph->p_memsz > UCALL_MAILBOX_ADDRESS - ph->p_vaddr)
		return ucall_fail(
			ENOEXEC,
			"segment %zu is at 0x%llx and has 0x%llx bytes; guests lie between "
			"0x1000 and 0x%llx",
			number, (unsigned long long)ph->p_vaddr, (unsigned long long)ph->p_memsz,
			(unsigned long long)UCALL_MAILBOX_ADDRESS);
	s->start = ph->p_vaddr & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	s->end = ucall_page_align(ph->p_vaddr + ph->p_memsz);
	return 0;
}

static int load_segment(struct ucall_machine *vm, const GElf_Phdr *ph, const struct segment *s)
{
	unsigned int prot = (ph->p_flags & PF_W ? UCALL_MAP_WRITE : 0) |
			    (ph->p_flags & PF_X ? UCALL_MAP_EXEC : 0);
	uint64_t gpa = ucall_memory_alloc_pages(&vm->memory, (s->end - s->start) / UCALL_PAGE_SIZE);

	if (!gpa)
		return -1;
	memcpy((uint8_t *)ucall_memory_pointer(&vm->memory, gpa, s->end - s->start) +
		       (ph->p_vaddr - s->start),
	       vm->image->file + ph->p_offset, ph->p_filesz);
	return ucall_memory_map(vm, s->start, gpa, s->end - s->start, prot);
}

static int load_segments(struct ucall_machine *vm)
{
	const struct ucall_image *image = vm->image;
	struct segment segments[MAX_SEGMENTS];
	size_t count = 0;
	GElf_Phdr ph;

	for (size_t i = 0; i < image->elf.phdrs; i++) {
		struct segment *s = &segments[count];

		if (!gelf_getphdr(image->elf.elf, (int)i, &ph))
			return ucall_fail(ENOEXEC, "its program headers are cut short");
		if (ph.p_type == PT_INTERP || ph.p_type == PT_DYNAMIC)
			return ucall_fail(ENOEXEC, "dynamically linked; link guests with -static "
						   "-no-pie, as `ucall cc` does");
		if (ph.p_type == PT_TLS && ph.p_memsz)
			return ucall_fail(ENOEXEC,
					  "it has thread-local variables, which separate guest "
					  "ELFs cannot have");
		if (ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		if (count == MAX_SEGMENTS)
			return ucall_fail(ENOEXEC, "it has more than %d segments", MAX_SEGMENTS);
		if (check_segment(image, &ph, i, s))
			return -1;
		for (size_t k = 0; k < count; k++)
			if (s->start < segments[k].end && segments[k].start < s->end)
				return ucall_fail(
					ENOEXEC,
					"segment %zu overlaps another at 0x%llx (segments "
					"cannot share a 4 KiB page)",
					i, (unsigned long long)s->start);
		if (load_segment(vm, &ph, s))
			return -1;
		count++;
	}
	return count ? 0 : ucall_fail(ENOEXEC, "it has no segment to load");
}

int ucall_image_load(struct ucall_machine *vm)
{
	if (load_segments(vm))
		return ucall_fail_in("%s", vm->image->name);
	if (ucall_image_symbol(vm->image, "__start_ucall_fixups", &vm->fixups.start) ||
	    ucall_image_symbol(vm->image, "__stop_ucall_fixups", &vm->fixups.end))
		vm->fixups.start = vm->fixups.end = 0;
	if (vm->fixups.end < vm->fixups.start || vm->fixups.end - vm->fixups.start > FIXUPS_MAX)
		return ucall_fail(ENOEXEC,
				  "%s: a table of fix-ups of 0x%llx bytes, from __start_ucall_fixups "
				  "(0x%llx) to __stop_ucall_fixups (0x%llx); at most 0x%x are possible",
				  vm->image->name,
				  (unsigned long long)(vm->fixups.end - vm->fixups.start),
				  (unsigned long long)vm->fixups.start,
				  (unsigned long long)vm->fixups.end, FIXUPS_MAX);
	/* Without it, a guest function faults at address 0 when it returns. */
	if (ucall_image_symbol(vm->image, UCALL_IMAGE_RETURN, &vm->return_address))
		vm->return_address = 0;
	return 0;
}

/* ---- its symbols ---- */

int ucall_image_symbol(const struct ucall_image *image, const char *name, uint64_t *address)
{
	return ucall_elf_find_symbol(&image->elf, name, address) ? 0 : -1;
}

/*
 * Collects functions that could have been meant: not the runtime's, and not parts that compilers
 * split off other functions.
 */
static bool suggest_function(void *data, const char *name, const char *file)
{
	static const char *const runtime[] = {
		"memcpy",
		"memmove",
		"memset",
		"memcmp",
		"bcmp",
		"strlen",
		"__memcpy_chk",
		"__memmove_chk",
		"__memset_chk",
		"entry.c",
		"mem.c",
		"nest.c",
		"printf.c",
		"safe.c",
		"share.c",
		"span.c",
		"tdx.c",
		"coverage.c",
		"guest_read_safe",
		"guest_write_safe",
		"guest_rdmsr_safe",
		"guest_wrmsr_safe",
		"guest_xsetbv_safe",
		"guest_share",
		"guest_unshare",
		"guest_td_fatal",
		"__gcov_merge_add",
	};
	struct ucall_text *t = data;

	for (size_t i = 0; i < sizeof(runtime) / sizeof(runtime[0]); i++)
		if (!strcmp(name, runtime[i]) || !strcmp(file, runtime[i]))
			return true;
	if (strncmp(name, "ucall_", 6) != 0 && !strchr(name, '.'))
		ucall_text_add(t, "%s%s", t->used ? ", " : "", name);
	return t->used < t->size;
}

uint64_t ucall_vm_symbol(struct ucall_vm *handle, const char *name)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_symbol");
	char text[1536] = "";
	struct ucall_text t = { text, sizeof(text), 0 };
	uint64_t address;

	if (!vm)
		return 0;
	if (!vm->image) {
		ucall_fail(EOPNOTSUPP, "the guest is this program itself; the compiler finds its "
				       "symbols: give the function's or variable's address");
		return 0;
	}
	if (!ucall_image_symbol(vm->image, name, &address) && address)
		return address;
	ucall_elf_functions(&vm->image->elf, suggest_function, &t);
	ucall_fail(ENOENT, "%s: no symbol \"%s\"%s%s", vm->image->name, name,
		   t.used ? "; its guest functions are: " : "; is it stripped?", text);
	return 0;
}
