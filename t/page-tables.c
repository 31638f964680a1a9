// SPDX-License-Identifier: MIT
/*
 * Page tables of every architecture: what is mapped is found, with its protection, and nothing
 * else.
 */
#include <string.h>

#include <ucall/test.h>

#include "bare-machine.h"

#define SIZE ((size_t)4 << 20)

static void start(struct bare_machine *m, const struct ucall_arch *arch)
{
	CHECK_OK(!bare_machine_open(m, &bare_paging, arch, SIZE));
}

static const uint64_t addresses[] = {
	0x1000,
	0x400000,
	0x401000,
	0x7ffff000,
	UCALL_STACK_ADDRESS,
	UCALL_HEAP_ADDRESS,
	UCALL_MAILBOX_ADDRESS,
	UCALL_CODE_ADDRESS,
};

#define COUNT (sizeof(addresses) / sizeof(addresses[0]))

/* The protection, which differs from page to page. */
static unsigned int prot_of(size_t i)
{
	return (i & 1 ? UCALL_MAP_WRITE : 0) | (i & 2 ? UCALL_MAP_EXEC : 0);
}

static void check_map(const struct ucall_arch *arch)
{
	struct bare_machine m;
	struct ucall_machine *vm = &m.vm;
	struct ucall_memory *mem = &vm->memory;
	uint64_t gpa, second;
	unsigned int prot;

	start(&m, arch);
	for (size_t i = 0; i < COUNT; i++)
		CHECK_EQ(arch->walk(mem, mem->root, addresses[i], &gpa, &prot), -1);
	for (size_t i = 0; i < COUNT; i++)
		CHECK_OK(!arch->map(mem, mem->root, addresses[i], 0x100000 + i * 0x1000,
				    prot_of(i)));
	for (size_t i = 0; i < COUNT; i++) {
		CHECK_EQ(arch->walk(mem, mem->root, addresses[i] + 0xabc, &gpa, &prot), 0);
		CHECK_EQ(gpa, 0x100000 + i * 0x1000 + 0xabc);
		CHECK_EQ(prot & (UCALL_MAP_WRITE | UCALL_MAP_EXEC), prot_of(i));
	}
	/* Neighbours, the null page, and invalid addresses. */
	CHECK_EQ(arch->walk(mem, mem->root, 0, &gpa, &prot), -1);
	CHECK_EQ(arch->walk(mem, mem->root, 0x402000, &gpa, &prot), -1);
	CHECK_EQ(arch->walk(mem, mem->root, 0x400000 + (1ull << 31), &gpa, &prot), -1);
	CHECK_EQ(arch->walk(mem, mem->root, UINT64_MAX, &gpa, &prot), -1);
	CHECK_EQ(arch->walk(mem, mem->root, 1ull << 63, &gpa, &prot), -1);

	/* A new root has the mappings so far, and later ones that are shared with it. */
	second = ucall_memory_new_root(vm);
	CHECK_OK(second && second != mem->root);
	CHECK_EQ(arch->walk(mem, second, 0x400000, &gpa, &prot), 0);
	CHECK_OK(!arch->map(mem, mem->root, 0x4000000000, 0x200000, UCALL_MAP_WRITE));
	CHECK_OK(!arch->map(mem, second, UCALL_MAILBOX_ADDRESS + 0x5000, 0x201000, 0));
	arch->share(mem, second, mem->root, 0x4000000000);
	CHECK_EQ(arch->walk(mem, second, 0x4000000000, &gpa, &prot), 0);
	CHECK_EQ(gpa, 0x200000);
	bare_machine_close(&m);
}

/* Tables that the guest has filled with random values. */
static void check_damaged(const struct ucall_arch *arch)
{
	struct bare_machine m;
	struct ucall_machine *vm = &m.vm;
	struct ucall_memory *mem = &vm->memory;
	uint64_t seed = 88172645463325252, gpa;
	unsigned int prot;
	char byte;

	start(&m, arch);
	for (size_t i = 0; i < COUNT; i++)
		CHECK_OK(!arch->map(mem, mem->root, addresses[i], 0x100000, 0));
	for (int round = 0; round < 3000; round++) {
		uint64_t *words = (uint64_t *)(void *)mem->base;

		for (int n = 0; n < 16; n++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			words[512 + seed % (mem->next / 8)] = seed >> (seed % 3 * 20);
		}
		for (size_t i = 0; i < COUNT; i++) {
			arch->walk(mem, mem->root, addresses[i], &gpa, &prot);
			ucall_memory_read(vm, mem->root, addresses[i], &byte, 1);
			ucall_memory_write(vm, mem->root, addresses[i], &byte, 1);
		}
		if (mem->next < SIZE / 2)
			arch->map(mem, mem->root, addresses[round % (int)COUNT], 0x100000, 0);
	}
	bare_machine_close(&m);
}

static void each(void (*check)(const struct ucall_arch *arch))
{
	for (int i = 0; i < UCALL_ARCHS; i++) {
		ucall_test_diag("%s", ucall_archs[i]->name);
		check(ucall_archs[i]);
	}
}

static void once_map(void)
{
	each(check_map);
}

static void once_damaged(void)
{
	each(check_damaged);
}

UCALL_TESTS({ "map and walk", .once = once_map }, { "damaged by the guest", .once = once_damaged });
