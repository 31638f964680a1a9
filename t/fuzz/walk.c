// SPDX-License-Identifier: MIT
/* Fuzz: page tables, and the host's reads and writes through them. */
#include <string.h>

#include "arch/x86_64/x86_64.h"
#include "../bare-machine.h"

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
	struct bare_machine m;
	struct ucall_memory *mem = &m.vm.memory;
	uint64_t gva, gpa;
	unsigned int prot;
	char bytes[6000];
	struct entry e;

	if (size < 8 || bare_machine_open(&m, &bare_paging, &ucall_arch_x86_64, UCALL_MEM_MIN))
		return 0;
	memcpy(&gva, data, 8);
	for (data += 8, size -= 8; size >= sizeof(e); data += sizeof(e), size -= sizeof(e)) {
		uint64_t value;

		memcpy(&e, data, sizeof(e));
		value = e.kind & 1 ? (uint64_t)e.value << 12 | e.kind : e.value;
		memcpy(mem->base + (e.table % PAGES) * UCALL_PAGE_SIZE + e.index % 512 * 8, &value,
		       8);
	}
	ucall_x86_64_walk(mem, ROOT, gva, &gpa, &prot);
	ucall_memory_read(&m.vm, ROOT, gva, bytes, 1 + gva % sizeof(bytes));
	ucall_vm_read_string(&m.handle, gva, bytes, sizeof(bytes));
	ucall_vm_host_pointer(&m.handle, gva, 1 + gva % 9000);
	ucall_memory_write(&m.vm, ROOT, gva, bytes, 1 + gva % sizeof(bytes));
	ucall_x86_64_map(mem, ROOT, gva & ~0xfffull, 0x3000, UCALL_MAP_WRITE);
	bare_machine_close(&m);
	return 0;
}
