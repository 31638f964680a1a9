// SPDX-License-Identifier: MIT
/* Guest memory: pages, mappings, and the host's access by guest-virtual address. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "byte-order.h"
#include "error.h"
#include "regions.h"
#include "memory.h"

#define MIB ((size_t)1 << 20)

/* ---- the guest's addresses ---- */

static int walk(const struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		unsigned int *prot)
{
	if (vm->flat)
		return ucall_regions_walk(vm, root, gva, gpa, prot);
	return vm->arch->walk((struct ucall_vm *)(uintptr_t)vm, root, gva, gpa, prot);
}

int ucall_memory_init(struct ucall_vm *vm, size_t size)
{
	struct ucall_memory *mem = &vm->memory;

	if (!size)
		size = UCALL_MEM_DEFAULT;
	if (size < UCALL_MEM_MIN || size > UCALL_MEM_MAX)
		return ucall_fail(EINVAL, "mem_size is %zu bytes; give 2 MiB to 3 GiB", size);
	/* KVM on s390x wants addresses and sizes of whole MiB (KVM API document, 4.35). */
	size = (size + MIB - 1) & ~(MIB - 1);
	mem->mapping = mmap(NULL, size + MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem->mapping == MAP_FAILED) {
		mem->mapping = NULL;
		return ucall_fail(errno, "cannot reserve %zu bytes of guest memory: %s", size,
				  strerror(errno));
	}
	mem->base = (uint8_t *)(((uintptr_t)mem->mapping + MIB - 1) & ~(uintptr_t)(MIB - 1));
	mem->size = size;
	mem->next = UCALL_PAGE_SIZE; /* address 0 means none */
	mem->heap = UCALL_HEAP_ADDRESS;
	if (vm->flat ? ucall_regions_init(vm) : !(mem->root = vm->arch->new_root(vm)))
		return -1;
	return vm->engine->set_memory(vm, mem->base, size);
}

void ucall_memory_fini(struct ucall_vm *vm)
{
	if (vm->memory.mapping)
		munmap(vm->memory.mapping, vm->memory.size + MIB);
	vm->memory.mapping = NULL;
	ucall_regions_fini(vm);
}

uint64_t ucall_memory_pages(struct ucall_vm *vm, size_t count)
{
	struct ucall_memory *mem = &vm->memory;
	uint64_t gpa = mem->next, left = (mem->size - gpa) / UCALL_PAGE_SIZE;

	if (!count || count > left) {
		ucall_fail(ENOMEM,
			   "guest memory is exhausted: %zu pages wanted, %llu of %zu left; "
			   "set a larger mem_size",
			   count, (unsigned long long)left, mem->size / UCALL_PAGE_SIZE);
		return 0;
	}
	mem->next += count * UCALL_PAGE_SIZE;
	return gpa;
}

void *ucall_memory_pointer(const struct ucall_vm *vm, uint64_t gpa, size_t size)
{
	if (gpa >= vm->memory.size || size > vm->memory.size - gpa)
		return NULL;
	return vm->memory.base + gpa;
}

int ucall_memory_map_in(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa, size_t size,
			unsigned int prot)
{
	if (vm->flat)
		return ucall_regions_map(vm, root, gva, gpa, size, prot);
	for (uint64_t off = 0; off < size; off += UCALL_PAGE_SIZE)
		if (vm->arch->map(vm, root, gva + off, gpa + off, prot))
			return -1;
	return 0;
}

int ucall_memory_map(struct ucall_vm *vm, uint64_t gva, uint64_t gpa, size_t size, unsigned int prot)
{
	if (vm->flat)
		return ucall_regions_map(vm, 0, gva, gpa, size, prot);
	for (uint64_t off = 0; off < size; off += UCALL_PAGE_SIZE) {
		if (vm->arch->map(vm, vm->memory.root, gva + off, gpa + off, prot))
			return -1;
		for (struct ucall_vcpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
			vm->arch->share(vm, vcpu->boot.root, vm->memory.root, gva + off);
	}
	return 0;
}

int ucall_memory_map_device(struct ucall_vm *vm, uint64_t gva, uint64_t gpa, size_t size)
{
	return ucall_memory_map(vm, gva, gpa, size, UCALL_MAP_WRITE | UCALL_MAP_DEVICE);
}

uint64_t ucall_memory_new_root(struct ucall_vm *vm)
{
	uint64_t root;

	if (vm->flat)
		return ++vm->memory.roots;
	root = vm->arch->new_root(vm);
	if (root)
		memcpy(ucall_memory_pointer(vm, root, vm->arch->root_size),
		       ucall_memory_pointer(vm, vm->memory.root, vm->arch->root_size),
		       vm->arch->root_size);
	return root;
}

bool ucall_memory_is_code(struct ucall_vm *vm, uint64_t root, uint64_t gva)
{
	unsigned int prot;
	uint64_t gpa;

	return !walk(vm, root, gva, &gpa, &prot) && (prot & UCALL_MAP_EXEC);
}

uint64_t ucall_memory_alloc(struct ucall_vm *vm, size_t size, unsigned int flags)
{
	struct ucall_memory *mem = &vm->memory;
	uint64_t gva = mem->heap + UCALL_PAGE_SIZE, gpa;

	if (flags & ~(UCALL_MEM_SHARED | UCALL_MEM_EXEC)) {
		ucall_fail(EINVAL, "ucall_vm_alloc: unknown flags 0x%x", flags);
		return 0;
	}
	if (!size || size > mem->size) {
		ucall_fail(size ? ENOMEM : EINVAL,
			   "ucall_vm_alloc: %zu bytes wanted of %zu bytes of guest memory", size,
			   mem->size);
		return 0;
	}
	size = ucall_page_align(size);
	gpa = ucall_memory_pages(vm, size / UCALL_PAGE_SIZE);
	if (!gpa)
		return 0;
	if (ucall_memory_map(vm, gva, gpa, size,
			     flags & UCALL_MEM_EXEC ? UCALL_MAP_EXEC : UCALL_MAP_WRITE))
		return 0;
	mem->heap = gva + size;
	return gva;
}

uint64_t ucall_vm_alloc(struct ucall_vm *vm, size_t size, unsigned int flags)
{
	uint64_t gva;

	pthread_mutex_lock(&vm->lock);
	gva = ucall_memory_alloc(vm, size, flags);
	pthread_mutex_unlock(&vm->lock);
	return gva;
}

uint64_t ucall_shared_alloc(struct ucall_vm *vm, size_t count)
{
	if (count > SIZE_MAX / sizeof(struct ucall)) {
		ucall_fail(ENOMEM, "ucall_shared_alloc: %zu messages are too many", count);
		return 0;
	}
	return ucall_vm_alloc(vm, count * sizeof(struct ucall), UCALL_MEM_SHARED);
}

/* Looks up one address and what follows it in its page; NULL without a message. */
static uint8_t *page_at(struct ucall_vm *vm, uint64_t root, uint64_t gva, size_t *left)
{
	unsigned int prot;
	uint64_t gpa;

	*left = UCALL_PAGE_SIZE - (gva & (UCALL_PAGE_SIZE - 1));
	if (walk(vm, root, gva, &gpa, &prot))
		return NULL;
	return ucall_memory_pointer(vm, gpa, *left);
}

static int unmapped(uint64_t gva, uint64_t from, size_t size)
{
	return ucall_fail(EFAULT, "no guest memory is mapped at 0x%llx (of 0x%llx and %zu bytes on)",
			  (unsigned long long)gva, (unsigned long long)from, size);
}

void *ucall_memory_at(struct ucall_vm *vm, uint64_t root, uint64_t gva, size_t size)
{
	size_t left;
	void *p = page_at(vm, root, gva, &left);

	if (p && size <= left)
		return p;
	unmapped(gva, gva, size);
	return NULL;
}

/* Calls the copy for each page of the range, after all have been looked up once. */
static int copy(struct ucall_vm *vm, uint64_t root, uint64_t gva, void *to, const void *from,
		size_t size)
{
	size_t done, left;

	if (size > vm->memory.size)
		return unmapped(gva, gva, size);
	for (int pass = 0; pass < 2; pass++) {
		for (done = 0; done < size; done += left) {
			uint8_t *p = page_at(vm, root, gva + done, &left);

			if (!p)
				return unmapped(gva + done, gva, size);
			if (left > size - done)
				left = size - done;
			if (pass && to)
				memcpy((uint8_t *)to + done, p, left);
			else if (pass)
				memcpy(p, (const uint8_t *)from + done, left);
		}
	}
	return 0;
}

int ucall_memory_read(struct ucall_vm *vm, uint64_t root, uint64_t gva, void *to, size_t size)
{
	return copy(vm, root, gva, to, NULL, size);
}

int ucall_memory_write(struct ucall_vm *vm, uint64_t root, uint64_t gva, const void *from, size_t size)
{
	return copy(vm, root, gva, NULL, from, size);
}

int ucall_vm_read(struct ucall_vm *vm, uint64_t gva, void *to, size_t size)
{
	return ucall_memory_read(vm, vm->memory.root, gva, to, size);
}

int ucall_vm_write(struct ucall_vm *vm, uint64_t gva, const void *from, size_t size)
{
	if (ucall_memory_write(vm, vm->memory.root, gva, from, size))
		return -1;
	if (vm->engine->code_written && size && ucall_memory_is_code(vm, vm->memory.root, gva))
		vm->engine->code_written(vm, gva, size);
	return 0;
}

int ucall_vm_read_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t *value)
{
	uint64_t v = 0;
	bool first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ucall_fail(EINVAL, "ucall_vm_read_int: %zu bytes; give 1, 2, 4 or 8", size);
	if (ucall_vm_read(vm, gva, (uint8_t *)&v + (first ? 0 : 8 - size), size))
		return -1;
	v = ucall_guest64(vm->arch, v);
	/* The bytes of a guest of the other order are now at the other end. */
	*value = vm->arch->big_endian == first ? v >> (64 - 8 * size) : v;
	return 0;
}

int ucall_vm_write_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t value)
{
	bool first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	uint64_t v;

	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ucall_fail(EINVAL, "ucall_vm_write_int: %zu bytes; give 1, 2, 4 or 8", size);
	v = ucall_guest64(vm->arch, vm->arch->big_endian == first ? value << (64 - 8 * size) : value);
	return ucall_vm_write(vm, gva, (const uint8_t *)&v + (first ? 0 : 8 - size), size);
}

ptrdiff_t ucall_vm_read_string(struct ucall_vm *vm, uint64_t gva, char *to, size_t size)
{
	size_t done = 0, left;

	while (done < size) {
		const uint8_t *p = page_at(vm, vm->memory.root, gva + done, &left);
		char *end;

		if (!p)
			return unmapped(gva + done, gva, size);
		if (left > size - done)
			left = size - done;
		memcpy(to + done, p, left);
		end = memchr(to + done, 0, left); /* in the copy: the guest may be writing */
		if (end)
			return end - to;
		done += left;
	}
	return ucall_fail(EOVERFLOW, "the string at guest address 0x%llx has no end in %zu bytes",
			  (unsigned long long)gva, size);
}

int ucall_vm_translate(struct ucall_vm *vm, uint64_t gva, uint64_t *gpa)
{
	unsigned int prot;

	if (walk(vm, vm->memory.root, gva, gpa, &prot))
		return unmapped(gva, gva, 1);
	if (vm->flat)
		*gpa = gva;
	return 0;
}

void *ucall_vm_host_pointer(struct ucall_vm *vm, uint64_t gva, size_t size)
{
	unsigned int prot;
	uint64_t first, gpa;
	void *p;

	if (walk(vm, vm->memory.root, gva, &first, &prot)) {
		unmapped(gva, gva, size);
		return NULL;
	}
	p = ucall_memory_pointer(vm, first, size);
	if (!p) {
		unmapped(gva, gva, size);
		return NULL;
	}
	for (uint64_t off = UCALL_PAGE_SIZE - (gva & (UCALL_PAGE_SIZE - 1)); off < size;
	     off += UCALL_PAGE_SIZE) {
		if (walk(vm, vm->memory.root, gva + off, &gpa, &prot) || gpa != first + off) {
			unmapped(gva + off, gva, size);
			return NULL;
		}
	}
	return p;
}
