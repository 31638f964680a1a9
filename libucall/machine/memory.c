// SPDX-License-Identifier: MIT
/* Guest memory: pages, mappings, and the host's access by guest-virtual address. */
#include <errno.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "regions.h"
#include "memory.h"
#include "base/handle.h"
#include "base/process.h"
#include "protect/guard.h"
#include "protect/protect.h"

/* ---- the guest's addresses ---- */

static int walk(const struct ucall_machine *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		unsigned int *prot)
{
	const struct ucall_memory *mem = &vm->memory;
	/* Mappings do not say what is private, but each page does, and the guest can change it. */
	const bool by_page = mem->has_private && !mem->private_bits;

	/* No page tables, or the host cannot read them. */
	if (vm->flat || ucall_machine_is_encrypted(vm) || by_page) {
		if (ucall_regions_walk(mem, root, gva, gpa, prot))
			return -1;
		if (by_page)
			*prot = (*prot & ~UCALL_MAP_SHARED) |
				(ucall_memory_is_private(vm, *gpa) ? 0 : UCALL_MAP_SHARED);
		return 0;
	}
	return vm->arch->walk((struct ucall_memory *)(uintptr_t)&vm->memory, root, gva, gpa, prot);
}

int ucall_memory_check_setup(const struct ucall_machine *vm, const char *what)
{
	if (ucall_process_check(vm->process, what))
		return -1;
	if (!ucall_machine_is_encrypted(vm))
		return 0;
	return ucall_fail(
		EPERM,
		"%s: this %s VM has been launched, its memory and page tables are closed to the host; "
		"do it before ucall_vm_launch()",
		what, vm->protection->name);
}

static bool wants_regions(const struct ucall_machine *vm)
{
	return vm->flat || vm->memory.has_private;
}

int ucall_memory_init(struct ucall_machine *vm, size_t size)
{
	struct ucall_memory *mem = &vm->memory;

	if (!size)
		size = UCALL_MEM_DEFAULT;
	if (size < UCALL_MEM_MIN || size > UCALL_MEM_MAX)
		return ucall_fail(EINVAL, "mem_size is %zu bytes; give 2 MiB to 3 GiB", size);
	if (ucall_pages_init(mem, size, vm->guard ? vm->guard->private_memory : UCALL_PRIVATE_SAME))
		return -1;
	mem->heap = UCALL_HEAP_ADDRESS;
	if (wants_regions(vm) && ucall_regions_init(mem))
		return -1;
	if (!vm->flat && !(mem->root = vm->arch->new_root(mem)))
		return -1;
	return vm->engine->set_memory(vm, mem->base, mem->size);
}

void ucall_memory_fini(struct ucall_machine *vm)
{
	ucall_pages_fini(&vm->memory);
	ucall_regions_fini(&vm->memory);
}

bool ucall_memory_is_private(const struct ucall_machine *vm, uint64_t gpa)
{
	const struct ucall_memory *mem = &vm->memory;

	if (vm->guard && vm->guard->is_private)
		return vm->guard->is_private(vm, gpa);
	return mem->has_private && gpa < mem->next;
}

int ucall_memory_map_in(struct ucall_machine *vm, uint64_t root, uint64_t gva, uint64_t gpa,
			size_t size, unsigned int prot)
{
	if (wants_regions(vm) && ucall_regions_map(&vm->memory, root, gva, gpa, size, prot))
		return -1;
	for (uint64_t off = 0; !vm->flat && off < size; off += UCALL_PAGE_SIZE)
		if (vm->arch->map(&vm->memory, root, gva + off, gpa + off, prot))
			return -1;
	return 0;
}

int ucall_memory_map(struct ucall_machine *vm, uint64_t gva, uint64_t gpa, size_t size,
		     unsigned int prot)
{
	if (wants_regions(vm) && ucall_regions_map(&vm->memory, 0, gva, gpa, size, prot))
		return -1;
	for (uint64_t off = 0; !vm->flat && off < size; off += UCALL_PAGE_SIZE) {
		if (vm->arch->map(&vm->memory, vm->memory.root, gva + off, gpa + off, prot))
			return -1;
		for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next)
			vm->arch->share(&vm->memory, vcpu->boot.root, vm->memory.root, gva + off);
	}
	return 0;
}

int ucall_memory_map_device(struct ucall_machine *vm, uint64_t gva, uint64_t gpa, size_t size)
{
	return ucall_memory_map(vm, gva, gpa, size, UCALL_MAP_WRITE | UCALL_MAP_DEVICE);
}

uint64_t ucall_memory_new_root(struct ucall_machine *vm)
{
	uint64_t root;

	if (vm->flat)
		return ++vm->memory.roots;
	root = vm->arch->new_root(&vm->memory);
	if (root)
		memcpy(ucall_memory_entry_pointer(&vm->memory, root, vm->arch->root_size),
		       ucall_memory_entry_pointer(&vm->memory, vm->memory.root,
						  vm->arch->root_size),
		       vm->arch->root_size);
	return root;
}

bool ucall_memory_is_code(struct ucall_machine *vm, uint64_t root, uint64_t gva)
{
	unsigned int prot;
	uint64_t gpa;

	return !walk(vm, root, gva, &gpa, &prot) && (prot & UCALL_MAP_EXEC);
}

/* UCALL_MAP_ bits for UCALL_MEM_ flags. */
static unsigned int prot_of(unsigned int flags)
{
	return (flags & UCALL_MEM_EXEC ? UCALL_MAP_EXEC : UCALL_MAP_WRITE) |
	       (flags & UCALL_MEM_SHARED ? UCALL_MAP_SHARED : 0);
}

uint64_t ucall_memory_alloc(struct ucall_machine *vm, size_t size, unsigned int flags)
{
	struct ucall_memory *mem = &vm->memory;
	uint64_t gva = mem->heap + UCALL_PAGE_SIZE, gpa;

	if (flags & ~(UCALL_MEM_SHARED | UCALL_MEM_EXEC)) {
		ucall_fail(EINVAL, "ucall_vm_alloc: unknown flags 0x%x", flags);
		return 0;
	}
	if (!size || size > mem->size) {
		ucall_fail(size ? ENOMEM : EINVAL,
			   "ucall_vm_alloc: %zu bytes wanted; guest memory has %zu bytes", size,
			   mem->size);
		return 0;
	}
	size = ucall_page_align(size);
	gpa = flags & UCALL_MEM_SHARED
		      ? ucall_memory_alloc_shared_pages(&vm->memory, size / UCALL_PAGE_SIZE)
		      : ucall_memory_alloc_pages(&vm->memory, size / UCALL_PAGE_SIZE);
	if (!gpa)
		return 0;
	if (ucall_memory_map(vm, gva, gpa, size, prot_of(flags)))
		return 0;
	mem->heap = gva + size;
	return gva;
}

uint64_t ucall_vm_alloc(struct ucall_vm *handle, size_t size, unsigned int flags)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_alloc");
	uint64_t gva;

	if (!vm)
		return 0;
	pthread_mutex_lock(&vm->lock);
	gva = ucall_memory_check_setup(vm, "ucall_vm_alloc") ? 0
							     : ucall_memory_alloc(vm, size, flags);
	pthread_mutex_unlock(&vm->lock);
	return gva;
}

/*
 * The guest-physical address of [gva, gva + size), which must be contiguous, and how it is mapped.
 */
static int walk_contiguous(struct ucall_machine *vm, uint64_t gva, size_t size, uint64_t *gpa,
			   unsigned int *prot);

static uint64_t map_again(struct ucall_machine *vm, uint64_t gva, size_t size, unsigned int flags)
{
	struct ucall_memory *mem = &vm->memory;
	uint64_t offset = gva & (UCALL_PAGE_SIZE - 1), at = mem->heap + UCALL_PAGE_SIZE, gpa;
	unsigned int prot;

	if (vm->flat) {
		ucall_fail(EOPNOTSUPP, "ucall_vm_alias: a flat guest cannot map a page twice");
		return 0;
	}
	if ((flags & ~(UCALL_MEM_SHARED | UCALL_MEM_EXEC)) || !size) {
		ucall_fail(EINVAL, "ucall_vm_alias: bad size %zu or flags 0x%x", size, flags);
		return 0;
	}
	if (walk_contiguous(vm, gva, size, &gpa, &prot))
		return 0;
	size = ucall_page_align(offset + size);
	if (ucall_memory_map(vm, at, gpa - offset, size, prot_of(flags)))
		return 0;
	mem->heap = at + size;
	return at + offset;
}

uint64_t ucall_vm_alias(struct ucall_vm *handle, uint64_t gva, size_t size, unsigned int flags)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_alias");
	uint64_t at;

	if (!vm)
		return 0;
	pthread_mutex_lock(&vm->lock);
	at = ucall_memory_check_setup(vm, "ucall_vm_alias") ? 0 : map_again(vm, gva, size, flags);
	pthread_mutex_unlock(&vm->lock);
	return at;
}

uint64_t ucall_shared_alloc(struct ucall_vm *handle, size_t count)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_shared_alloc");

	if (!vm)
		return 0;
	if (count > SIZE_MAX / sizeof(struct ucall)) {
		ucall_fail(ENOMEM, "ucall_shared_alloc: %zu messages are too many", count);
		return 0;
	}
	return ucall_vm_alloc(handle, count * sizeof(struct ucall), UCALL_MEM_SHARED);
}

/* An address and the rest of its page. */
struct spot {
	uint8_t *p;
	uint64_t gpa;
	size_t left;
	bool is_shared; /* the host sees it as the guest does */
};

/* False without a message if no memory is mapped. */
static bool look_up(struct ucall_machine *vm, uint64_t root, uint64_t gva, struct spot *spot)
{
	unsigned int prot;

	spot->left = UCALL_PAGE_SIZE - (gva & (UCALL_PAGE_SIZE - 1));
	if (walk(vm, root, gva, &spot->gpa, &prot))
		return false;
	spot->is_shared = prot & UCALL_MAP_SHARED;
	spot->p = ucall_memory_side(&vm->memory, spot->gpa, spot->left, spot->is_shared);
	return spot->p;
}

/* True if the host would see ciphertext. */
static bool is_ciphertext(const struct ucall_machine *vm, const struct spot *spot)
{
	return ucall_machine_is_encrypted(vm) && !spot->is_shared;
}

/* Copies from or to the spot, as the host sees it. */
static int transfer(struct ucall_machine *vm, const struct spot *spot, void *to, const void *from,
		    size_t n)
{
	if (is_ciphertext(vm, spot) && vm->guard->copy)
		return vm->guard->copy(vm, spot->gpa, to, from, n);
	if (to)
		memcpy(to, spot->p, n);
	else if (from)
		memcpy(spot->p, from, n);
	return 0;
}

static int fail_unmapped(uint64_t gva, uint64_t from, size_t size)
{
	return ucall_fail(EFAULT, "no guest memory is mapped at 0x%llx (range: 0x%llx, %zu bytes)",
			  (unsigned long long)gva, (unsigned long long)from, size);
}

static int fail_encrypted(const struct ucall_machine *vm, uint64_t gva)
{
	return ucall_fail(
		EPERM,
		"guest address 0x%llx is in private memory, which the host of this %s VM sees "
		"encrypted; use shared memory (UCALL_MEM_SHARED, ucall_shared_alloc())",
		(unsigned long long)gva, vm->protection->name);
}

int ucall_memory_check_readable(struct ucall_machine *vm, uint64_t root, uint64_t gva, size_t size)
{
	struct spot spot;

	if (!ucall_machine_is_encrypted(vm))
		return 0;
	for (size_t done = 0; done < size; done += spot.left) {
		if (!look_up(vm, root, gva + done, &spot))
			return fail_unmapped(gva + done, gva, size);
		if (is_ciphertext(vm, &spot))
			return fail_encrypted(vm, gva + done);
	}
	return 0;
}

bool ucall_memory_is_readable(struct ucall_machine *vm, uint64_t root, uint64_t gva,
			      unsigned int *prot)
{
	struct spot spot;
	uint64_t gpa;

	return !walk(vm, root, gva, &gpa, prot) && look_up(vm, root, gva, &spot) &&
	       !is_ciphertext(vm, &spot);
}

void *ucall_memory_at(struct ucall_machine *vm, uint64_t root, uint64_t gva, size_t size)
{
	struct spot spot;

	if (!look_up(vm, root, gva, &spot) || size > spot.left) {
		fail_unmapped(gva, gva, size);
		return NULL;
	}
	if (is_ciphertext(vm, &spot)) {
		fail_encrypted(vm, gva);
		return NULL;
	}
	return spot.p;
}

/* Copies page by page, but first looks all pages up: all or nothing. */
static int copy(struct ucall_machine *vm, uint64_t root, uint64_t gva, void *to, const void *from,
		size_t size)
{
	size_t done, n;
	struct spot spot;

	if (size > vm->memory.size)
		return fail_unmapped(gva, gva, size);
	for (int pass = 0; pass < 2; pass++) {
		for (done = 0; done < size; done += n) {
			if (!look_up(vm, root, gva + done, &spot))
				return fail_unmapped(gva + done, gva, size);
			n = spot.left < size - done ? spot.left : size - done;
			if (pass && transfer(vm, &spot, to ? (uint8_t *)to + done : NULL,
					     from ? (const uint8_t *)from + done : NULL, n))
				return -1;
		}
	}
	return 0;
}

int ucall_memory_told(struct ucall_machine *vm, uint64_t root, uint64_t gva, uint64_t size,
		      bool is_private)
{
	unsigned int prot;
	uint64_t gpa;

	if (!size || (gva | size) % UCALL_PAGE_SIZE || size > vm->memory.size)
		return ucall_fail(
			EPROTO,
			"the guest changed the state of %llu bytes at 0x%llx, which are not "
			"whole pages of its memory",
			(unsigned long long)size, (unsigned long long)gva);
	for (int pass = 0; pass < 2; pass++) {
		for (uint64_t done = 0; done < size; done += UCALL_PAGE_SIZE) {
			if (walk(vm, root, gva + done, &gpa, &prot) || gpa >= vm->memory.size)
				return fail_unmapped(gva + done, gva, size);
			if (is_private && !pass && ucall_memory_is_private(vm, gpa))
				return 1;
			if (pass && vm->guard->told(vm, gpa, UCALL_PAGE_SIZE, is_private))
				return -1;
		}
	}
	return 0;
}

/* Copies by guest-physical address. */
static int copy_physical(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from,
			 size_t size)
{
	struct spot spot;
	size_t n;

	gpa = ucall_memory_entry_address(&vm->memory, gpa); /* it may come from a page table */
	if (gpa >= vm->memory.size || size > vm->memory.size - gpa)
		return ucall_fail(EFAULT,
				  "guest-physical 0x%llx, %zu bytes: outside guest memory, which "
				  "has 0x%zx bytes",
				  (unsigned long long)gpa, size, vm->memory.size);
	for (size_t done = 0; done < size; done += n) {
		spot.gpa = gpa + done;
		spot.left = UCALL_PAGE_SIZE - (spot.gpa & (UCALL_PAGE_SIZE - 1));
		n = spot.left < size - done ? spot.left : size - done;
		spot.is_shared = !ucall_memory_is_private(vm, spot.gpa);
		spot.p = ucall_memory_side(&vm->memory, spot.gpa, n, spot.is_shared);
		if (!spot.p || transfer(vm, &spot, to ? (uint8_t *)to + done : NULL,
					from ? (const uint8_t *)from + done : NULL, n))
			return -1;
	}
	return 0;
}

bool ucall_memory_copy_as_cpu(struct ucall_machine *vm, uint64_t root, uint64_t gva, void *to,
			      const void *from, size_t size)
{
	for (size_t done = 0, n; done < size; done += n) {
		uint64_t left = UCALL_PAGE_SIZE - ((gva + done) & (UCALL_PAGE_SIZE - 1)), gpa;
		unsigned int prot;
		void *p;

		n = size - done < left ? size - done : left;
		if (vm->arch->walk(&vm->memory, root, gva + done, &gpa, &prot) ||
		    (from && !(prot & UCALL_MAP_WRITE)))
			return false;
		p = ucall_memory_side(&vm->memory, gpa, n, prot & UCALL_MAP_SHARED);
		if (!p)
			return false;
		if (to)
			memcpy((uint8_t *)to + done, p, n);
		else
			memcpy(p, (const uint8_t *)from + done, n);
	}
	return true;
}

int ucall_memory_read(struct ucall_machine *vm, uint64_t root, uint64_t gva, void *to, size_t size)
{
	return copy(vm, root, gva, to, NULL, size);
}

int ucall_memory_write(struct ucall_machine *vm, uint64_t root, uint64_t gva, const void *from,
		       size_t size)
{
	return copy(vm, root, gva, NULL, from, size);
}

int ucall_vm_read(struct ucall_vm *handle, uint64_t gva, void *to, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_read");

	if (!vm)
		return -1;
	return ucall_memory_read(vm, vm->memory.root, gva, to, size);
}

int ucall_vm_write(struct ucall_vm *handle, uint64_t gva, const void *from, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_write");

	if (!vm)
		return -1;
	if (ucall_memory_write(vm, vm->memory.root, gva, from, size))
		return -1;
	if (vm->engine->code_written && size && ucall_memory_is_code(vm, vm->memory.root, gva))
		vm->engine->code_written(vm, gva, size);
	return 0;
}

int ucall_vm_read_physical(struct ucall_vm *handle, uint64_t gpa, void *to, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_read_physical");

	if (!vm)
		return -1;
	return copy_physical(vm, gpa, to, NULL, size);
}

int ucall_vm_write_physical(struct ucall_vm *handle, uint64_t gpa, const void *from, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_write_physical");

	if (!vm)
		return -1;
	return copy_physical(vm, gpa, NULL, from, size);
}

int ucall_vm_sync_to(struct ucall_vm *handle, const void *variable, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_sync_to");

	if (!vm)
		return -1;
	if (ucall_memory_check_setup(vm, "ucall_sync_to_guest"))
		return -1;
	return ucall_vm_write(handle, (uint64_t)(uintptr_t)variable, variable, size);
}

int ucall_vm_sync_from(struct ucall_vm *handle, void *variable, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_sync_from");

	if (!vm)
		return -1;
	if (ucall_memory_check_setup(vm, "ucall_sync_from_guest"))
		return -1;
	return ucall_vm_read(handle, (uint64_t)(uintptr_t)variable, variable, size);
}

int ucall_vm_read_int(struct ucall_vm *handle, uint64_t gva, size_t size, uint64_t *value)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_read_int");
	uint64_t v = 0;
	bool first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;

	if (!vm)
		return -1;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ucall_fail(EINVAL, "ucall_vm_read_int: %zu bytes; give 1, 2, 4 or 8", size);
	if (ucall_vm_read(handle, gva, (uint8_t *)&v + (first ? 0 : 8 - size), size))
		return -1;
	v = ucall_guest64(vm->arch, v);
	/* If the guest has the other byte order, its bytes are now at the other end. */
	*value = vm->arch->big_endian == first ? v >> (64 - 8 * size) : v;
	return 0;
}

int ucall_vm_write_int(struct ucall_vm *handle, uint64_t gva, size_t size, uint64_t value)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_write_int");
	bool first = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
	uint64_t v;

	if (!vm)
		return -1;
	if (size != 1 && size != 2 && size != 4 && size != 8)
		return ucall_fail(EINVAL, "ucall_vm_write_int: %zu bytes; give 1, 2, 4 or 8", size);
	v = ucall_guest64(vm->arch,
			  vm->arch->big_endian == first ? value << (64 - 8 * size) : value);
	return ucall_vm_write(handle, gva, (const uint8_t *)&v + (first ? 0 : 8 - size), size);
}

ptrdiff_t ucall_vm_read_string(struct ucall_vm *handle, uint64_t gva, char *to, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_read_string");
	size_t done = 0, n;
	struct spot spot;
	char *end;

	if (!vm)
		return -1;
	for (; done < size; done += n) {
		if (!look_up(vm, vm->memory.root, gva + done, &spot))
			return fail_unmapped(gva + done, gva, size);
		n = spot.left < size - done ? spot.left : size - done;
		if (transfer(vm, &spot, to + done, NULL, n))
			return -1;
		end = memchr(to + done, 0, n); /* in the copy: the guest may be writing */
		if (end)
			return end - to;
	}
	return ucall_fail(EOVERFLOW, "the string at guest address 0x%llx has no NUL in %zu bytes",
			  (unsigned long long)gva, size);
}

int ucall_vm_translate(struct ucall_vm *handle, uint64_t gva, uint64_t *gpa)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_translate");
	unsigned int prot;

	if (!vm)
		return -1;
	if (walk(vm, vm->memory.root, gva, gpa, &prot))
		return fail_unmapped(gva, gva, 1);
	if (vm->flat)
		*gpa = gva;
	return 0;
}

static int walk_contiguous(struct ucall_machine *vm, uint64_t gva, size_t size, uint64_t *gpa,
			   unsigned int *prot)
{
	unsigned int next_prot;
	uint64_t next;

	if (walk(vm, vm->memory.root, gva, gpa, prot) ||
	    !ucall_memory_pointer(&vm->memory, *gpa, size))
		return fail_unmapped(gva, gva, size);
	for (uint64_t off = UCALL_PAGE_SIZE - (gva & (UCALL_PAGE_SIZE - 1)); off < size;
	     off += UCALL_PAGE_SIZE) {
		if (walk(vm, vm->memory.root, gva + off, &next, &next_prot) || next != *gpa + off ||
		    ((next_prot ^ *prot) & UCALL_MAP_SHARED))
			return fail_unmapped(gva + off, gva, size);
	}
	return 0;
}

void *ucall_memory_view(struct ucall_machine *vm, uint64_t gva, size_t size)
{
	unsigned int prot;
	uint64_t gpa;

	return walk_contiguous(vm, gva, size, &gpa, &prot)
		       ? NULL
		       : ucall_memory_side(&vm->memory, gpa, size, prot & UCALL_MAP_SHARED);
}

void *ucall_vm_host_pointer(struct ucall_vm *handle, uint64_t gva, size_t size)
{
	struct ucall_machine *vm = ucall_machine_of(handle, "ucall_vm_host_pointer");
	unsigned int prot;
	uint64_t gpa;

	if (!vm)
		return NULL;
	if (walk_contiguous(vm, gva, size, &gpa, &prot))
		return NULL;
	if (vm->memory.has_private && !(prot & UCALL_MAP_SHARED)) {
		ucall_fail(EPERM,
			   "ucall_vm_host_pointer: guest address 0x%llx is in private memory, to "
			   "which a VM with %s gives no host pointers; write it with "
			   "ucall_vm_write() before ucall_vm_launch(), or use UCALL_MEM_SHARED",
			   (unsigned long long)gva, vm->protection->name);
		return NULL;
	}
	return ucall_memory_side(&vm->memory, gpa, size, true);
}
