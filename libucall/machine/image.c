// SPDX-License-Identifier: MIT
/*
 * Same-source guests.  The executable (the first object that dl_iterate_phdr() names) is copied
 * segment by segment from the live process, so that the guest sees relocated pointers and the
 * current values of globals.  Its code is read from its file: in memory it may contain breakpoints
 * of a debugger or a probe, which would end the guest.  Libraries are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/error.h"
#include "coverage.h"
#include "image.h"
#include "memory.h"

struct tls {
	uintptr_t image;
	size_t file_size, mem_size, align;
};

struct visit {
	struct ucall_machine *vm;
	struct tls *tls; /* not NULL: find only this */
	int file; /* the program's; -1: code is taken from memory */
	uint64_t base; /* where the file's address 0 is */
};

/*
 * Reads this process's memory through the kernel: under AddressSanitizer the program's data has
 * poisoned gaps, and copying them is not an error here.
 */
static int read_self(void *to, uintptr_t from, size_t size)
{
	struct iovec local = { to, size }, remote = { (void *)from, size };
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	int fd;

	if (n == (ssize_t)size)
		return 0;
	/* Some containers do not permit that call. */
	fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = pread(fd, to, size, (off_t)from);
		close(fd);
	}
	if (n == (ssize_t)size)
		return 0;
	return ucall_fail(EIO, "cannot copy the program's own memory at 0x%lx",
			  (unsigned long)from);
}

/* ---- the program's file ---- */

/* True if the code has relocations, so that it differs in memory from any file. */
static bool has_text_relocations(const struct dl_phdr_info *info)
{
	const ElfW(Dyn) *dyn = NULL;

	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_TEXTREL ||
		    (dyn->d_tag == DT_FLAGS && (dyn->d_un.d_val & DF_TEXTREL)))
			return true;
	return false;
}

/* True if the file has the program's headers: under valgrind the file is valgrind's. */
static bool is_program(int fd, const struct dl_phdr_info *info)
{
	ElfW(Phdr) ph[64];
	ElfW(Ehdr) header;
	size_t size = info->dlpi_phnum * sizeof(ph[0]);

	return info->dlpi_phnum <= 64 && pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	       pread(fd, ph, size, (off_t)header.e_phoff) == (ssize_t)size &&
	       !memcmp(ph, info->dlpi_phdr, size);
}

/* -1: there is no /proc, or the file cannot be used. */
static int open_program(const struct dl_phdr_info *info)
{
	int fd = has_text_relocations(info) ? -1 : open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !is_program(fd, info)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Where a segment's pages come from. */
struct source {
	uintptr_t memory;
	int file; /* -1: from memory */
	off_t offset;
};

static int read_source(void *to, const struct source *from, size_t at, size_t size)
{
	if (from->file >= 0 &&
	    pread(from->file, to, size, from->offset + (off_t)at) == (ssize_t)size)
		return 0;
	/* The last page may extend beyond the end of the file. */
	return read_self(to, from->memory + at, size);
}

/* ---- copying ---- */

/* Skips pages of zeroes: guest memory is zero already, and this leaves it unpopulated. */
static int copy_pages(uint8_t *to, const struct source *from, size_t size)
{
	static const uint8_t zero[UCALL_PAGE_SIZE];
	uint8_t pages[4 * UCALL_PAGE_SIZE]; /* of a stack that may be small */

	for (size_t done = 0, n; done < size; done += n) {
		n = size - done < sizeof(pages) ? size - done : sizeof(pages);
		if (read_source(pages, from, done, n))
			return -1;
		for (size_t p = 0; p < n; p += UCALL_PAGE_SIZE)
			if (memcmp(pages + p, zero, UCALL_PAGE_SIZE))
				memcpy(to + done + p, pages + p, UCALL_PAGE_SIZE);
	}
	return 0;
}

static int copy_segment(const struct visit *visit, const ElfW(Phdr) * ph, uintptr_t start)
{
	struct ucall_machine *vm = visit->vm;
	unsigned int flags = ph->p_flags;
	uintptr_t end = start + ph->p_memsz;
	unsigned int prot =
		(flags & PF_W ? UCALL_MAP_WRITE : 0) | (flags & PF_X ? UCALL_MAP_EXEC : 0);
	struct source from = { .file = flags & PF_W ? -1 : visit->file };
	uint64_t gpa;

	from.offset = (off_t)(ph->p_offset - start % UCALL_PAGE_SIZE);
	start &= ~(uintptr_t)(UCALL_PAGE_SIZE - 1);
	end = ucall_page_align(end);
	from.memory = start;
	gpa = ucall_memory_alloc_pages(&vm->memory, (end - start) / UCALL_PAGE_SIZE);
	if (!gpa ||
	    copy_pages(ucall_memory_pointer(&vm->memory, gpa, end - start), &from, end - start))
		return -1;
	return ucall_memory_map(vm, start, gpa, end - start, prot);
}

static int visit_program(struct dl_phdr_info *info, size_t size, void *data)
{
	struct visit *visit = data;

	if (!visit->tls)
		visit->file = open_program(info);
	visit->base = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (visit->tls) {
			if (ph->p_type == PT_TLS)
				*visit->tls = (struct tls){ start, ph->p_filesz, ph->p_memsz,
							    ph->p_align };
		} else if (ph->p_type == PT_LOAD && ph->p_memsz) {
			if (copy_segment(visit, ph, start))
				return -1;
		}
	}
	return 1; /* the first object is the program: skip the libraries */
}

int ucall_image_copy(struct ucall_machine *vm)
{
	struct visit visit = { .vm = vm, .file = -1 };
	int r = dl_iterate_phdr(visit_program, &visit);

	if (r >= 0 && visit.file >= 0 && ucall_coverage_begin(vm, visit.file, visit.base))
		r = -1;
	if (visit.file >= 0)
		close(visit.file);
	if (r >= 0 && ucall_image_redirect(vm))
		r = -1;
	return r < 0 ? ucall_fail_in("copying the program into the guest") : 0;
}

uint64_t ucall_image_tls(struct ucall_machine *vm)
{
	struct tls tls = { 0, 0, 0, 1 };
	struct visit visit = { .tls = &tls };
	size_t size, room, tcb, at;
	uint8_t *block;
	uint64_t gva;

	dl_iterate_phdr(visit_program, &visit);
	if (!tls.align)
		tls.align = 1;
	size = (tls.mem_size + tls.align - 1) & ~(tls.align - 1);
	room = ucall_page_align(size + tls.align) + UCALL_PAGE_SIZE;
	gva = ucall_memory_alloc(vm, room, UCALL_MEM_PRIVATE);
	block = gva ? ucall_memory_view(vm, gva, room) : NULL;
	if (!block)
		return 0;
	if (ucall_native.tls_above) {
		/* ELF TLS variant I: the block follows the control block, aligned. */
		tcb = 0;
		at = (ucall_native.tcb_size + tls.align - 1) & ~(tls.align - 1);
	} else {
		/* Variant II: the block ends where the control block starts. */
		tcb = room - UCALL_PAGE_SIZE;
		at = tcb - size;
	}
	if (tls.file_size && read_self(block + at, tls.image, tls.file_size))
		return 0;
	ucall_native.tcb_init(block + tcb, gva + tcb);
	return gva + tcb;
}
