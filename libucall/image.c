// SPDX-License-Identifier: MIT
/*
 * Same-source guests.  The executable (the first object that dl_iterate_phdr() names) is copied
 * segment by segment from the live process, so that the guest sees relocated pointers and the
 * globals' present values.  Libraries are left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "error.h"
#include "image.h"
#include "memory.h"

struct tls {
	uintptr_t image;
	size_t file_size, mem_size, align;
};

struct visit {
	struct ucall_vm *vm;
	struct tls *tls; /* not NULL: only look for this */
};

/*
 * Reads this process's memory through the kernel: under AddressSanitizer the program's data has
 * poisoned gaps, which are no error to copy.
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
	return ucall_fail(EIO, "cannot copy the program's own memory at 0x%lx", (unsigned long)from);
}

/* Pages of zeroes are left out: guest memory is zero already, and stays unpopulated so. */
static int copy_pages(uint8_t *to, uintptr_t from, size_t size)
{
	static const uint8_t zero[UCALL_PAGE_SIZE];
	uint8_t pages[16 * UCALL_PAGE_SIZE];

	for (size_t done = 0, n; done < size; done += n) {
		n = size - done < sizeof(pages) ? size - done : sizeof(pages);
		if (read_self(pages, from + done, n))
			return -1;
		for (size_t p = 0; p < n; p += UCALL_PAGE_SIZE)
			if (memcmp(pages + p, zero, UCALL_PAGE_SIZE))
				memcpy(to + done + p, pages + p, UCALL_PAGE_SIZE);
	}
	return 0;
}

static int copy_segment(struct ucall_vm *vm, uintptr_t start, uintptr_t end, unsigned int flags)
{
	unsigned int prot =
		(flags & PF_W ? UCALL_MAP_WRITE : 0) | (flags & PF_X ? UCALL_MAP_EXEC : 0);
	uint64_t gpa;

	start &= ~(uintptr_t)(UCALL_PAGE_SIZE - 1);
	end = ucall_page_align(end);
	gpa = ucall_memory_pages(vm, (end - start) / UCALL_PAGE_SIZE);
	if (!gpa || copy_pages(ucall_memory_pointer(vm, gpa, end - start), start, end - start))
		return -1;
	return ucall_memory_map(vm, start, gpa, end - start, prot);
}

static int visit_program(struct dl_phdr_info *info, size_t size, void *data)
{
	const struct visit *visit = data;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (visit->tls) {
			if (ph->p_type == PT_TLS)
				*visit->tls = (struct tls){ start, ph->p_filesz, ph->p_memsz,
							    ph->p_align };
		} else if (ph->p_type == PT_LOAD && ph->p_memsz) {
			if (copy_segment(visit->vm, start, start + ph->p_memsz, ph->p_flags))
				return -1;
		}
	}
	return 1; /* the first object is the program: leave the libraries */
}

int ucall_image_copy(struct ucall_vm *vm)
{
	struct visit visit = { .vm = vm };

	if (dl_iterate_phdr(visit_program, &visit) < 0)
		return ucall_fail_in("copying the program into the guest");
	return 0;
}

uint64_t ucall_image_tls(struct ucall_vm *vm)
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
