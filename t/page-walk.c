// SPDX-License-Identifier: MIT
/* Page tables corrupted by the guest: the host's walk ends, within guest memory or with nothing. */
#include <pthread.h>

#include <ucall/test.h>

#include "arch/x86_64/x86_64.h"
#include "bare-machine.h"

#define SIZE ((size_t)2 << 20)
#define ROOT 0x1000

static void start(struct bare_machine *m)
{
	CHECK_OK(!bare_machine_open(m, &bare_paging, &ucall_arch_x86_64, SIZE));
	CHECK_EQ(m->vm.memory.root, ROOT);
}

static uint64_t *table(struct bare_machine *m, uint64_t gpa)
{
	return (uint64_t *)(void *)(m->vm.memory.base + gpa);
}

static int walk(struct bare_machine *m, uint64_t gva, uint64_t *gpa)
{
	unsigned int prot;

	return ucall_x86_64_walk(&m->vm.memory, ROOT, gva, gpa, &prot);
}

static void once_loop(void)
{
	struct bare_machine m;
	uint64_t gpa;

	start(&m);
	for (int i = 0; i < 512; i++)
		table(&m, ROOT)[i] = ROOT | 7; /* every level is the root */
	CHECK_EQ(walk(&m, 0, &gpa), 0);
	CHECK_EQ(gpa, ROOT);
	CHECK_EQ(walk(&m, 0xffffffffffffffff, &gpa), 0);
	CHECK_EQ(gpa, ROOT + 0xfff);
	CHECK_EQ(walk(&m, 0x0000800000000000, &gpa), -1); /* not canonical */
	bare_machine_close(&m);
}

static void once_outside(void)
{
	static const uint64_t wild[] = { SIZE, SIZE - 8, 0xffffffffff000, 1ull << 40, 0x1800 };
	struct bare_machine m;
	uint64_t gpa;
	char byte;

	start(&m);
	for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
		table(&m, ROOT)[0] = wild[i] | 7;
		if (walk(&m, 0, &gpa) == 0)
			CHECK(wild[i] < SIZE);
		CHECK_EQ(walk(&m, 1ull << 39, &gpa), -1);
	}
	/* A leaf outside of memory can be walked to, but not read. */
	table(&m, ROOT)[0] = 0x2000 | 7;
	table(&m, 0x2000)[0] = 0x3000 | 7;
	table(&m, 0x3000)[0] = 0x4000 | 7;
	table(&m, 0x4000)[0] = (1ull << 40) | 7;
	CHECK_EQ(walk(&m, 0x123, &gpa), 0);
	CHECK_EQ(gpa, (1ull << 40) + 0x123);
	CHECK_EQ(ucall_memory_read(&m.vm, ROOT, 0x123, &byte, 1), -1);
	CHECK_EQ(ucall_memory_write(&m.vm, ROOT, 0x123, &byte, 1), -1);
	CHECK(!ucall_vm_host_pointer(&m.handle, 0x123, 1));
	/* Mapping over tables that are outside of memory is refused. */
	table(&m, ROOT)[1] = (1ull << 40) | 7;
	CHECK_EQ(ucall_x86_64_map(&m.vm.memory, ROOT, 1ull << 39, 0x5000, 0), -1);
	CHECK_HAS(ucall_error(), "damaged its page tables");
	bare_machine_close(&m);
}

static void once_large(void)
{
	struct bare_machine m;
	uint64_t gpa;

	start(&m);
	table(&m, ROOT)[0] = 0x2000 | 0x87; /* the bit is reserved at the top level */
	CHECK_EQ(walk(&m, 0, &gpa), -1);
	table(&m, ROOT)[0] = 0x2000 | 7;
	table(&m, 0x2000)[0] = (5ull << 30) | 0x87; /* 1 GiB */
	CHECK_EQ(walk(&m, 0x12345678, &gpa), 0);
	CHECK_EQ(gpa, (5ull << 30) + 0x12345678);
	table(&m, 0x2000)[0] = 0x3000 | 7;
	table(&m, 0x3000)[1] = (7ull << 21) | 0x1087; /* 2 MiB; lower bits are ignored */
	CHECK_EQ(walk(&m, 0x2abcde, &gpa), 0);
	CHECK_EQ(gpa, (7ull << 21) + 0xabcde);
	bare_machine_close(&m);
}

/* The tables while another thread writes them. */
static bool spoiling;

/* Acts as a vCPU, whose writes no sanitizer sees either. */
static UCALL_NO_SANITIZE void *spoil(void *data)
{
	struct bare_machine *m = data;
	uint64_t seed = 1;

	while (__atomic_load_n(&spoiling, __ATOMIC_RELAXED)) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		__atomic_store_n(&table(m, ROOT + 0x1000 * (seed % 4))[seed / 4 % 512],
				 seed % 3 ? (ROOT + 0x1000 * (seed % 5)) | 7 : seed,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

static void once_changing(void)
{
	struct bare_machine m;
	char bytes[5000];
	pthread_t thread;
	uint64_t seed = 2;

	start(&m);
	__atomic_store_n(&spoiling, true, __ATOMIC_RELAXED);
	CHECK(!pthread_create(&thread, NULL, spoil, &m));
	for (int i = 0; i < 100000; i++) {
		seed = seed * 6364136223846793005 + 1442695040888963407;
		ucall_memory_read(&m.vm, ROOT, seed >> 17, bytes, 1 + seed % sizeof(bytes));
		ucall_vm_read_string(&m.handle, seed >> 16, bytes, sizeof(bytes));
		ucall_vm_host_pointer(&m.handle, seed >> 16, seed % 9000);
	}
	__atomic_store_n(&spoiling, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	bare_machine_close(&m);
}

UCALL_TESTS({ "tables that loop", .once = once_loop },
	    { "tables and pages outside of memory", .once = once_outside },
	    { "large pages", .once = once_large },
	    { "tables that change during the walk", .once = once_changing });
