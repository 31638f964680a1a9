// SPDX-License-Identifier: MIT
/* ucall_vm_core(): what is in a guest's core file, and what is not. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "confidential.h"

#define MAGIC 0x5ca1ab1e0ddba11

static volatile uint64_t marked = 1;

/* ---- the file ---- */

struct core {
	void *map;
	size_t size;
	char path[64];
};

static struct core write_core(struct ucall_vm *vm)
{
	struct core c = { .path = "/tmp/ucall-core-XXXXXX" };
	struct stat st;
	int fd = mkstemp(c.path);

	/* An older file with another mode. */
	CHECK(fd >= 0 && !fchmod(fd, 0644));
	close(fd);
	CHECK_OK(!ucall_vm_core(vm, c.path));
	fd = open(c.path, O_RDONLY);
	CHECK(fd >= 0 && !fstat(fd, &st));
	CHECK_EQ(st.st_mode & 0777, 0600);
	c.size = (size_t)st.st_size;
	c.map = mmap(NULL, c.size, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(c.map != MAP_FAILED);
	close(fd);
	unlink(c.path);
	return c;
}

static const Elf64_Phdr *headers(const struct core *c, unsigned int *count)
{
	const Elf64_Ehdr *e = c->map;

	CHECK(!memcmp(e->e_ident, ELFMAG, SELFMAG));
	CHECK_EQ(e->e_type, ET_CORE);
	*count = e->e_phnum;
	CHECK(e->e_phoff + *count * sizeof(Elf64_Phdr) <= c->size);
	return (const Elf64_Phdr *)(const void *)((const char *)c->map + e->e_phoff);
}

/* The bytes at a guest address; NULL if the file does not contain them. */
static const void *at(const struct core *c, uint64_t gva, bool *is_zero)
{
	unsigned int count;
	const Elf64_Phdr *p = headers(c, &count);

	*is_zero = false;
	for (unsigned int i = 0; i < count; i++) {
		CHECK(p[i].p_offset + p[i].p_filesz <= c->size);
		if (p[i].p_type != PT_LOAD || gva - p[i].p_vaddr >= p[i].p_memsz)
			continue;
		*is_zero = gva - p[i].p_vaddr >= p[i].p_filesz;
		return *is_zero ? NULL
				: (const char *)c->map + p[i].p_offset + (gva - p[i].p_vaddr);
	}
	return NULL;
}

static size_t text_size; /* of the last note that was counted */

static unsigned int count_notes(const struct core *c, uint32_t type, const char *name)
{
	unsigned int count, found = 0;
	const Elf64_Phdr *p = headers(c, &count);
	const char *note = (const char *)c->map + p[0].p_offset, *end = note + p[0].p_filesz;

	CHECK_EQ(p[0].p_type, PT_NOTE);
	while (note < end) {
		const Elf64_Nhdr *n = (const void *)note;

		if (n->n_type == type && !strcmp(note + sizeof(*n), name)) {
			found++;
			text_size = n->n_descsz;
		}
		note += sizeof(*n) + (n->n_namesz + 3) / 4 * 4 + (n->n_descsz + 3) / 4 * 4;
	}
	CHECK(note == end);
	return found;
}

static bool contains(const struct core *c, const void *what, size_t size)
{
	return memmem(c->map, c->size, what, size) != NULL;
}

static void drop(struct core *c)
{
	munmap(c->map, c->size);
}

/* ---- memory and threads ---- */

static UCALL_GUEST void guest_marks(uint64_t *page)
{
	marked = MAGIC;
	*page = MAGIC;
	GUEST_SYNC(1);
	*(volatile uint64_t *)0x123456789000 = 1;
}

static void each_memory(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t size = 64 * UCALL_PAGE_SIZE, page = ucall_vm_alloc(vm, size, 0);
	struct ucall_vcpu *vcpus[2];
	struct core c;
	bool is_zero;
	const uint64_t *p;

	CHECK_OK(page);
	for (int i = 0; i < 2; i++)
		CHECK_OK(vcpus[i] = ucall_vcpu_add(vm, guest_marks, 1, page));
	CHECK_NEXT(vcpus[0], NULL, UCALL_SYNC);
	c = write_core(vm);
	p = at(&c, (uint64_t)(uintptr_t)&marked, &is_zero);
	CHECK(p && *p == MAGIC);
	p = at(&c, page, &is_zero);
	CHECK(p && *p == MAGIC);
	/* Pages of zeroes are there, without bytes. */
	CHECK(!at(&c, page + size - UCALL_PAGE_SIZE, &is_zero) && is_zero);
	CHECK(!at(&c, page + size, &is_zero) && !is_zero);
	CHECK(c.size < 64u << 20);
	CHECK_EQ(count_notes(&c, NT_PRSTATUS, "CORE"), 2);
	CHECK_EQ(count_notes(&c, NT_AUXV, "CORE"), 1);
	CHECK_EQ(count_notes(&c, 1, "libucall"), 1);
	drop(&c);

	/* After a fault, its report is in it; the guest is as it was. */
	CHECK_EQ(ucall_next(vcpus[0], NULL), -1);
	c = write_core(vm);
	CHECK(contains(&c, "write to memory that is not mapped", 34));
	CHECK_HAS(ucall_fault_report(vcpus[0]), "write to memory that is not mapped");
	drop(&c);
	CHECK_NEXT(vcpus[1], NULL, UCALL_SYNC);
	ucall_test_vm_free(vm);
}

/* More reports than the note has room for: it is cut, and ends with them. */
static void each_many(void)
{
	const int most = 16;
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t page = ucall_vm_alloc(vm, UCALL_PAGE_SIZE, 0);
	struct ucall_vcpu *vcpu;
	size_t reports = 0;
	struct core c;

	for (int i = 0; i < most; i++) {
		CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_marks, 1, page));
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		reports += strlen(ucall_fault_report(vcpu));
	}
	c = write_core(vm);
	CHECK_EQ(count_notes(&c, 1, "libucall"), 1);
	CHECK(reports > 8192 && text_size < 8192);
	drop(&c);
}

/* ---- protected guests ---- */

static UCALL_GUEST void guest_secret(uint64_t *secret, uint64_t *told)
{
	*secret = MAGIC;
	*told = ~MAGIC;
	GUEST_SYNC(1);
	GUEST_DONE();
}

/* What is private to the guest is not in it; its mailboxes and what it shares are. */
static void each_private(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	const uint64_t secret = MAGIC, told = ~MAGIC;
	const bool closed = ucall_vm_closes_registers(vm);
	uint64_t private = ucall_vm_alloc(vm, UCALL_PAGE_SIZE, 0);
	uint64_t shared = ucall_vm_alloc(vm, UCALL_PAGE_SIZE, UCALL_MEM_SHARED);
	struct ucall_vcpu *vcpu;
	const uint64_t *p;
	struct core c;
	bool is_zero;

	CHECK_OK(private && shared);
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_secret, 2, private, shared));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	c = write_core(vm);
	CHECK(!contains(&c, &secret, sizeof(secret)));
	CHECK(!at(&c, private, &is_zero) && !is_zero);
	p = at(&c, shared, &is_zero);
	CHECK(p && *p == told);
	CHECK(at(&c, UCALL_MAILBOX_ADDRESS, &is_zero));
	CHECK_EQ(count_notes(&c, NT_PRSTATUS, "CORE"), closed ? 0 : 1);
	drop(&c);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	ucall_test_vm_free(vm);
}

/* ---- hostile page tables ---- */

#if defined(__x86_64__)
/* Maps the root as a table of its own, at every level, many times: as many pages as the CPU can name. */
static UCALL_GUEST void guest_loops(volatile uint64_t *root, uint64_t entry)
{
	for (int i = 300; i < 500; i++)
		root[i] = entry;
	GUEST_SYNC(1);
}

static void once_loops(void)
{
	const struct ucall_vm_config config = { .engine = "kvm" };
	struct ucall_vm *vm = ucall_vm_create(&config);
	uint64_t root = 0;
	struct ucall_vcpu *vcpu;
	struct core c;

	if (!vm)
		SKIP("%s", ucall_error());
	/* The tables are in guest memory, which a guest can map if its host lets it. */
	CHECK_OK(root = ucall_vm_alloc(vm, UCALL_PAGE_SIZE, 0));
	CHECK_OK(vcpu = ucall_vcpu_add(vm, guest_loops, 2, root, 0));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (uint64_t i = 256; i < 512; i++) {
		uint64_t gpa = ucall_vcpu_kvm_run(vcpu) ? 0 : 1, entry;

		/* Each of the upper half's entries leads back to the table itself. */
		CHECK_OK(!ucall_vm_translate(vm, root, &gpa));
		entry = gpa | 3;
		CHECK_OK(!ucall_vm_write(vm, root + 8 * i, &entry, 8));
	}
	c = write_core(vm);
	CHECK(c.size < 256u << 20);
	drop(&c);
	ucall_vm_free(vm);
}
#endif

/* ---- what cannot be done ---- */

static void each_wrong(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	char path[] = "/tmp/ucall-core-XXXXXX";
	struct rlimit limit = { 8192, RLIM_INFINITY };
	int fd = mkstemp(path);
	char pattern[64];
	struct stat st;
	glob_t found;

	CHECK(fd >= 0 && write(fd, "old", 3) == 3);
	close(fd);
	CHECK_EQ(ucall_vm_core(vm, "/nonexistent/core"), -1);
	CHECK_EQ(errno, ENOENT);
	CHECK_HAS(ucall_error(), "cannot create /nonexistent/core");
	CHECK_EQ(ucall_vm_core(vm, NULL), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_EQ(ucall_vm_core(NULL, path), -1);
	CHECK_EQ(ucall_vm_core(vm, "/dev/full"), -1);
	CHECK_HAS(ucall_error(), "it is not a file");
	CHECK(!access("/dev/full", F_OK)); /* only a file is removed */
	/* If it cannot be written in full an older file stays, and nothing else is left behind. */
	CHECK(!setrlimit(RLIMIT_FSIZE, &limit));
	CHECK_EQ(ucall_vm_core(vm, path), -1);
	CHECK_EQ(errno, EFBIG);
	CHECK(!stat(path, &st) && st.st_size == 3);
	snprintf(pattern, sizeof(pattern), "%s.*", path);
	CHECK_EQ(glob(pattern, 0, NULL, &found), GLOB_NOMATCH);
	unlink(path);
	ucall_test_vm_free(vm);
}

UCALL_TESTS({ "memory and threads", .each = each_memory },
	    { "more reports than it has room for", .each = each_many },
#if defined(__x86_64__)
	    { "page tables without end", .once = once_loops },
#endif
	    EACH_KIND("private memory", .each = each_private, .config.guest_vc = true),
	    TDX("private memory", .each = each_private, .config.guest_vc = true),
	    { "what cannot be done", .each = each_wrong });
