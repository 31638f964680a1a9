// SPDX-License-Identifier: MIT
/* Fuzz: page tables, and the host's reads and writes by them. */
#include <stdlib.h>
#include <string.h>

#include "arch/x86_64/x86_64.h"
#include "machine/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 8
#define ROOT 0x1000

/* Each entry of the input: which table, which index, which value. */
struct entry {
	uint8_t table, kind;
	uint16_t index;
	uint32_t value;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct ucall_arch arch = {
		.map = ucall_x86_64_map,
		.share = ucall_x86_64_share,
		.walk = ucall_x86_64_walk,
	};
	struct ucall_vm vm = { .arch = &arch };
	uint64_t gva, gpa;
	unsigned int prot;
	char bytes[6000];
	struct entry e;

	if (size < 8)
		return 0;
	vm.memory.base = calloc(PAGES, UCALL_PAGE_SIZE);
	if (!vm.memory.base)
		return 0;
	vm.memory.size = (size_t)PAGES * UCALL_PAGE_SIZE;
	vm.memory.next = vm.memory.size;
	vm.memory.root = ROOT;
	memcpy(&gva, data, 8);
	for (data += 8, size -= 8; size >= sizeof(e); data += sizeof(e), size -= sizeof(e)) {
		uint64_t value;

		memcpy(&e, data, sizeof(e));
		value = e.kind & 1 ? (uint64_t)e.value << 12 | e.kind : e.value;
		memcpy(vm.memory.base + (e.table % PAGES) * UCALL_PAGE_SIZE + e.index % 512 * 8,
		       &value, 8);
	}
	ucall_x86_64_walk(&vm, ROOT, gva, &gpa, &prot);
	ucall_memory_read(&vm, ROOT, gva, bytes, 1 + gva % sizeof(bytes));
	ucall_vm_read_string(&vm, gva, bytes, sizeof(bytes));
	ucall_vm_host_pointer(&vm, gva, 1 + gva % 9000);
	ucall_memory_write(&vm, ROOT, gva, bytes, 1 + gva % sizeof(bytes));
	ucall_x86_64_map(&vm, ROOT, gva & ~0xfffull, 0x3000, UCALL_MAP_WRITE);
	free(vm.memory.base);
	return 0;
}
