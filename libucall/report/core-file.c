// SPDX-License-Identifier: MIT
/* See core-file.h. */
#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "core-file.h"
#include "machine/memory.h"
#include "machine/regions.h"

#define PAGE UCALL_PAGE_SIZE

/* ---- notes ---- */

static int put(struct ucall_core *core, const void *data, size_t size)
{
	const size_t padded = (size + 3) & ~(size_t)3;

	if (core->notes_size + padded > core->notes_room) {
		size_t room = 2 * (core->notes_size + padded);
		uint8_t *more = ucall_realloc(core->notes, room);

		if (!more)
			return -1;
		core->notes = more;
		core->notes_room = room;
	}
	memset(core->notes + core->notes_size, 0, padded);
	if (size)
		memcpy(core->notes + core->notes_size, data, size);
	core->notes_size += padded;
	return 0;
}

int ucall_core_note(struct ucall_core *core, const char *name, uint32_t type, const void *data,
		    size_t size)
{
	const struct ucall_arch *arch = core->vm->arch;
	const uint32_t head[] = { ucall_guest32(arch, (uint32_t)strlen(name) + 1),
				  ucall_guest32(arch, (uint32_t)size), ucall_guest32(arch, type) };

	return put(core, head, sizeof(head)) || put(core, name, strlen(name) + 1) ||
			       put(core, data, size)
		       ? -1
		       : 0;
}

/* struct elf_prstatus of a 64-bit system, up to the registers. */
struct prstatus {
	uint32_t signal_number, code, error;
	uint16_t current_signal, unused;
	uint64_t pending, held;
	uint32_t pid, parent, group, session;
	uint64_t times[8];
};

_Static_assert(sizeof(struct prstatus) == 112, "elf_prstatus");

int ucall_core_thread(struct ucall_core *core, uint32_t number, const struct ucall_frame *frame)
{
	const struct ucall_arch *arch = core->vm->arch;
	struct {
		struct prstatus status;
		uint64_t regs[UCALL_CORE_REGS + 1]; /* the last is pr_fpvalid */
	} note;
	unsigned int count;

	memset(&note, 0, sizeof(note));
	note.status.pid = ucall_guest32(arch, number);
	count = arch->core_regs(frame, note.regs);
	for (unsigned int i = 0; i < count; i++)
		note.regs[i] = ucall_guest64(arch, note.regs[i]);
	return ucall_core_note(core, "CORE", NT_PRSTATUS, &note,
			       sizeof(note.status) + (count + 1) * sizeof(note.regs[0]));
}

/* ---- memory ---- */

/* A hostile guest's tables can map anything any number of times. */
#define STEPS_MOST (1u << 22)
#define LOADS_MOST 4096
/* Fewer zero pages than this in a row are written out, and more if there were too many segments. */
#define ZERO_RUN 4

/* The first address from gva on with a page, by page tables or by what the host has mapped. */
static uint64_t next_page(const struct ucall_core *core, uint64_t gva, uint64_t *steps)
{
	struct ucall_machine *vm = core->vm;
	const struct ucall_memory *mem = &vm->memory;
	uint64_t next = UCALL_NO_PAGE;

	if (!vm->flat && !ucall_machine_is_encrypted(vm))
		return vm->arch->next(&vm->memory, core->root, gva, steps);
	for (size_t i = 0, n = ucall_regions_count(mem); i < n && *steps; i++, --*steps) {
		const struct ucall_region *r = &mem->regions[i];
		uint64_t at = r->gva > gva ? r->gva : gva;

		if ((!r->root || r->root == core->root) && at - r->gva < r->size && at < next)
			next = at & ~(uint64_t)(PAGE - 1);
	}
	return next;
}

static bool is_zero(const uint8_t *page)
{
	return !page[0] && !memcmp(page, page + 1, PAGE - 1);
}

static int add(struct ucall_core *core, uint64_t gva, unsigned int prot, bool zero)
{
	struct ucall_core_load *last = core->count ? &core->loads[core->count - 1] : NULL;

	if (last && last->gva + last->size == gva && last->prot == prot && last->is_zero == zero) {
		last->size += PAGE;
		return 0;
	}
	if (core->count == core->room) {
		size_t room = core->room ? 2 * core->room : 64;
		struct ucall_core_load *more =
			ucall_realloc(core->loads, room * sizeof(*core->loads));

		if (!more)
			return -1;
		core->loads = more;
		core->room = room;
	}
	core->loads[core->count++] = (struct ucall_core_load){ gva, PAGE, prot, zero };
	return 0;
}

/* Joins neighbours: zeroes in a short run are as good as other bytes. */
static void join(struct ucall_core *core, uint64_t zero_run)
{
	size_t n = 0;

	for (size_t i = 0; i < core->count; i++) {
		struct ucall_core_load *l = &core->loads[i], *last = n ? &core->loads[n - 1] : NULL;

		if (l->is_zero && l->size < zero_run * PAGE)
			l->is_zero = false;
		if (last && last->gva + last->size == l->gva && last->prot == l->prot &&
		    last->is_zero == l->is_zero)
			last->size += l->size;
		else
			core->loads[n++] = *l;
	}
	core->count = n;
}

int ucall_core_find_loads(struct ucall_core *core)
{
	struct ucall_machine *vm = core->vm;
	uint64_t steps = STEPS_MOST, gva = 0, left = 2 * vm->memory.size;
	uint8_t page[PAGE];

	for (; left && (gva = next_page(core, gva, &steps)) != UCALL_NO_PAGE; gva += PAGE) {
		unsigned int prot;

		/* Not devices, nor what is private to the guest. */
		if (!ucall_memory_is_readable(vm, core->root, gva, &prot) ||
		    ucall_memory_read(vm, core->root, gva, page, PAGE))
			continue;
		if (add(core, gva, prot & (UCALL_MAP_WRITE | UCALL_MAP_EXEC), is_zero(page)))
			return -1;
		left -= PAGE;
	}
	ucall_forget_error();
	core->is_cut = gva != UCALL_NO_PAGE || !steps;
	for (uint64_t run = ZERO_RUN; run <= UCALL_MEM_MAX / PAGE; run *= 8) {
		join(core, run);
		if (core->count <= LOADS_MOST)
			return 0;
	}
	core->is_cut = true;
	core->count = LOADS_MOST;
	return 0;
}

/* ---- the file ---- */

static int fail_write(void)
{
	return ucall_fail(errno, "cannot write the core file: %s", strerror(errno));
}

static int write_at(int fd, const void *data, size_t size, uint64_t offset)
{
	const uint8_t *from = data;

	while (size) {
		ssize_t n = pwrite(fd, from, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_write();
		from += n;
		size -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static int write_load(const struct ucall_core *core, const struct ucall_core_load *l, int fd,
		      uint64_t offset)
{
	uint8_t page[PAGE];

	for (uint64_t at = 0; at < l->size; at += PAGE) {
		if (ucall_memory_read(core->vm, core->root, l->gva + at, page, PAGE))
			return -1;
		if (write_at(fd, page, PAGE, offset + at))
			return -1;
	}
	return 0;
}

/* Fills in the program headers, and gives the offset behind the last segment's bytes. */
static int fill_headers(const struct ucall_core *core, Elf *elf)
{
	uint64_t offset = sizeof(Elf64_Ehdr) + (core->count + 1) * sizeof(Elf64_Phdr);
	GElf_Phdr phdr = {
		.p_type = PT_NOTE, .p_offset = offset, .p_filesz = core->notes_size, .p_align = 4
	};

	if (!gelf_update_phdr(elf, 0, &phdr))
		return -1;
	offset = ucall_page_align(offset + core->notes_size);
	for (size_t i = 0; i < core->count; i++) {
		const struct ucall_core_load *l = &core->loads[i];

		phdr = (GElf_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R | (l->prot & UCALL_MAP_WRITE ? PF_W : 0) |
				   (l->prot & UCALL_MAP_EXEC ? PF_X : 0),
			.p_offset = offset,
			.p_vaddr = l->gva,
			.p_filesz = l->is_zero ? 0 : l->size,
			.p_memsz = l->size,
			.p_align = PAGE,
		};
		if (!gelf_update_phdr(elf, (int)i + 1, &phdr))
			return -1;
		offset += phdr.p_filesz;
	}
	return 0;
}

static int write_headers(const struct ucall_core *core, int fd)
{
	const struct ucall_arch *arch = core->vm->arch;
	GElf_Ehdr ehdr;
	Elf *elf = NULL;
	int r = -1;

	errno = 0;
	if (elf_version(EV_CURRENT) != EV_NONE)
		elf = elf_begin(fd, ELF_C_WRITE, NULL);
	if (!elf || !gelf_newehdr(elf, ELFCLASS64) || !gelf_newphdr(elf, core->count + 1) ||
	    !gelf_getehdr(elf, &ehdr))
		goto out;
	ehdr.e_ident[EI_DATA] = arch->big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	ehdr.e_machine = arch->machine;
	ehdr.e_type = ET_CORE;
	ehdr.e_version = EV_CURRENT;
	ehdr.e_phoff = sizeof(Elf64_Ehdr);
	elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
	if (gelf_update_ehdr(elf, &ehdr) && !fill_headers(core, elf) &&
	    elf_update(elf, ELF_C_WRITE) >= 0)
		r = 0;
out:
	if (r && errno)
		fail_write();
	else if (r)
		ucall_fail(EIO, "cannot write the core file's headers: %s", elf_errmsg(-1));
	elf_end(elf);
	return r;
}

/* A larger file would end the process by SIGXFSZ. */
static int check_limit(const struct ucall_core *core)
{
	uint64_t size = sizeof(Elf64_Ehdr) + (core->count + 1) * sizeof(Elf64_Phdr) +
			core->notes_size + PAGE;
	struct rlimit limit;

	for (size_t i = 0; i < core->count; i++)
		size += core->loads[i].is_zero ? 0 : core->loads[i].size;
	if (getrlimit(RLIMIT_FSIZE, &limit) || limit.rlim_cur >= size)
		return 0;
	return ucall_fail(EFBIG,
			  "the core file has up to %llu bytes, and the limit for files is %llu; "
			  "raise it (ulimit -f unlimited)",
			  (unsigned long long)size, (unsigned long long)limit.rlim_cur);
}

int ucall_core_write(const struct ucall_core *core, int fd)
{
	uint64_t offset = sizeof(Elf64_Ehdr) + (core->count + 1) * sizeof(Elf64_Phdr);

	if (check_limit(core) || write_headers(core, fd) ||
	    write_at(fd, core->notes, core->notes_size, offset))
		return -1;
	offset = ucall_page_align(offset + core->notes_size);
	for (size_t i = 0; i < core->count; i++) {
		const struct ucall_core_load *l = &core->loads[i];

		if (l->is_zero)
			continue;
		if (write_load(core, l, fd, offset))
			return -1;
		offset += l->size;
	}
	return 0;
}

void ucall_core_free(struct ucall_core *core)
{
	free(core->loads);
	free(core->notes);
}
