// SPDX-License-Identifier: MIT
/* Page tables that the guest has spoilt: the host's walk ends, within guest memory or with nothing. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/test.h>

#include "arch/x86_64/x86_64.h"
#include "machine/memory.h"

#define SIZE ((size_t)1 << 20)
#define ROOT 0x1000

/* No exception stubs are needed for a walk. */
static const struct ucall_arch arch = {
	.map = ucall_x86_64_map,
	.share = ucall_x86_64_share,
	.walk = ucall_x86_64_walk,
};

static void start(struct ucall_vm *vm)
{
	memset(vm, 0, sizeof(*vm));
	vm->arch = &arch;
	vm->memory.base = calloc(1, SIZE);
	CHECK(vm->memory.base);
	vm->memory.size = vm->memory.end = SIZE;
	vm->memory.next = ROOT + 0x1000;
	vm->memory.root = ROOT;
}

static uint64_t *table(struct ucall_vm *vm, uint64_t gpa)
{
	return (uint64_t *)(void *)(vm->memory.base + gpa);
}

static int walk(struct ucall_vm *vm, uint64_t gva, uint64_t *gpa)
{
	unsigned int prot;

	return ucall_x86_64_walk(vm, ROOT, gva, gpa, &prot);
}

static void once_loop(void)
{
	struct ucall_vm vm;
	uint64_t gpa;

	start(&vm);
	for (int i = 0; i < 512; i++)
		table(&vm, ROOT)[i] = ROOT | 7; /* every level is the root */
	CHECK_EQ(walk(&vm, 0, &gpa), 0);
	CHECK_EQ(gpa, ROOT);
	CHECK_EQ(walk(&vm, 0xffffffffffffffff, &gpa), 0);
	CHECK_EQ(gpa, ROOT + 0xfff);
	CHECK_EQ(walk(&vm, 0x0000800000000000, &gpa), -1); /* not canonical */
	free(vm.memory.base);
}

static void once_outside(void)
{
	static const uint64_t wild[] = { SIZE, SIZE - 8, 0xffffffffff000, 1ull << 40, 0x1800 };
	struct ucall_vm vm;
	uint64_t gpa;
	char byte;

	start(&vm);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		table(&vm, ROOT)[0] = wild[i] | 7;
		if (walk(&vm, 0, &gpa) == 0)
			CHECK(wild[i] < SIZE);
		CHECK_EQ(walk(&vm, 1ull << 39, &gpa), -1);
	}
	/* A leaf outside of memory can be walked to, but not read. */
	table(&vm, ROOT)[0] = 0x2000 | 7;
	table(&vm, 0x2000)[0] = 0x3000 | 7;
	table(&vm, 0x3000)[0] = 0x4000 | 7;
	table(&vm, 0x4000)[0] = (1ull << 40) | 7;
	CHECK_EQ(walk(&vm, 0x123, &gpa), 0);
	CHECK_EQ(gpa, (1ull << 40) + 0x123);
	CHECK_EQ(ucall_memory_read(&vm, ROOT, 0x123, &byte, 1), -1);
	CHECK_EQ(ucall_memory_write(&vm, ROOT, 0x123, &byte, 1), -1);
	CHECK(!ucall_vm_host_pointer(&vm, 0x123, 1));
	/* Mapping over tables that are outside of memory is refused. */
	table(&vm, ROOT)[1] = (1ull << 40) | 7;
	CHECK_EQ(ucall_x86_64_map(&vm, ROOT, 1ull << 39, 0x5000, 0), -1);
	CHECK_HAS(ucall_error(), "damaged its page tables");
	free(vm.memory.base);
}

static void once_large(void)
{
	struct ucall_vm vm;
	uint64_t gpa;

	start(&vm);
	table(&vm, ROOT)[0] = 0x2000 | 0x87; /* the bit is reserved at the top */
	CHECK_EQ(walk(&vm, 0, &gpa), -1);
	table(&vm, ROOT)[0] = 0x2000 | 7;
	table(&vm, 0x2000)[0] = (5ull << 30) | 0x87; /* 1 GiB */
	CHECK_EQ(walk(&vm, 0x12345678, &gpa), 0);
	CHECK_EQ(gpa, (5ull << 30) + 0x12345678);
	table(&vm, 0x2000)[0] = 0x3000 | 7;
	table(&vm, 0x3000)[1] = (7ull << 21) | 0x1087; /* 2 MiB; what lies below is ignored */
	CHECK_EQ(walk(&vm, 0x2abcde, &gpa), 0);
	CHECK_EQ(gpa, (7ull << 21) + 0xabcde);
	free(vm.memory.base);
}

/* While another thread writes them. */
static bool spoiling;

/* Stands for a vCPU, whose writes no sanitizer sees either. */
static UCALL_NO_SANITIZE void *spoil(void *data)
{
	struct ucall_vm *vm = data;
	uint64_t seed = 1;

	while (__atomic_load_n(&spoiling, __ATOMIC_RELAXED)) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		__atomic_store_n(&table(vm, ROOT + 0x1000 * (seed % 4))[seed / 4 % 512],
				 seed % 3 ? (ROOT + 0x1000 * (seed % 5)) | 7 : seed,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static void once_changing(void)
{
	struct ucall_vm vm;
	char bytes[5000];
	pthread_t thread;
	uint64_t seed = 2;

	start(&vm);
	__atomic_store_n(&spoiling, true, __ATOMIC_RELAXED);
	CHECK(!pthread_create(&thread, NULL, spoil, &vm));
	for (int i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		ucall_memory_read(&vm, ROOT, seed >> 17, bytes, 1 + seed % sizeof(bytes));
		ucall_vm_read_string(&vm, seed >> 16, bytes, sizeof(bytes));
		ucall_vm_host_pointer(&vm, seed >> 16, seed % 9000);
	}
	__atomic_store_n(&spoiling, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	free(vm.memory.base);
}

UCALL_TESTS({ "tables that loop", .once = once_loop },
	    { "tables and pages outside of memory", .once = once_outside },
	    { "large pages", .once = once_large },
	    { "tables that change under the walk", .once = once_changing });
