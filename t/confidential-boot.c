// SPDX-License-Identifier: MIT
/*
 * A guest with encrypted memory boots, sees what the host gave it, and keeps its writes private:
 * the host reads private pages as ciphertext, before and after, and shared ones as plaintext.
 */
#include <string.h>

#include "confidential.h"

#define PAGES 40
#define SIZE (PAGES * 4096ul)

UCALL_INLINE void cpuid(uint32_t function, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(function), "c"(0));
}

/* One word of each page: a ring-0 instruction may be slow. */
static UCALL_GUEST void check_and_write(uint64_t *buffer, uint64_t from, uint64_t to)
{
	for (uint64_t i = 0; i < SIZE / 8; i += 512) {
		GUEST_ASSERT_EQ(buffer[i], from + i);
		GUEST_ASSERT_EQ(buffer[i + 511], from + i + 511);
		buffer[i] = to + i;
		buffer[i + 511] = to + i + 511;
	}
}

static UCALL_GUEST void guest_code(uint64_t *private, uint64_t *shared)
{
	uint32_t r[4];

	cpuid(0x80000000, r);
	GUEST_ASSERT(r[0] >= 0x8000001f);
	cpuid(0x8000001f, r);
	GUEST_SYNC_ARGS(1, r[0], r[1], ucall_rdmsr(UCALL_MSR_SEV_STATUS), (uintptr_t)&r);
	check_and_write(private, 0x1111000000000000, 0x2222000000000000);
	check_and_write(shared, 0x3333000000000000, 0x4444000000000000);
	GUEST_SYNC(2);
	GUEST_ASSERT_EQ(shared[0], 0x55);
	GUEST_ASSERT_EQ(private[0], 0x2222000000000000);
	GUEST_DONE();
}

static void fill(uint64_t *words, uint64_t from)
{
	for (uint64_t i = 0; i < SIZE / 8; i++)
		words[i] = from + i;
}

/* The number of 16-byte encryption blocks that the host sees as the guest does. */
static unsigned int readable(const uint64_t *plain, const uint64_t *seen)
{
	unsigned int n = 0;

	for (uint64_t i = 0; i < SIZE / 8; i += 2)
		n += !memcmp(plain + i, seen + i, 16);
	return n;
}

static uint64_t plain[SIZE / 8], seen[SIZE / 8], before[SIZE / 8];

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t private = ucall_vm_alloc(vm, SIZE, UCALL_MEM_PRIVATE);
	uint64_t shared = ucall_vm_alloc(vm, SIZE, UCALL_MEM_SHARED);
	uint32_t status = expected_status(vm);
	struct ucall uc;

	CHECK_OK(private && shared);
	vcpu = ucall_vcpu_add(vm, guest_code, 2, private, shared);
	CHECK_OK(vcpu);
	fill(plain, 0x1111000000000000);
	CHECK_OK(!ucall_vm_write(vm, private, plain, SIZE));
	CHECK_OK(!ucall_vm_read(vm, private, seen, SIZE));
	CHECK(!memcmp(seen, plain, SIZE));
	fill(seen, 0x3333000000000000);
	CHECK_OK(!ucall_vm_write(vm, shared, seen, SIZE));
	CHECK_OK(!ucall_vm_launch(vm));

	CHECK_OK(!ucall_vm_read(vm, private, before, SIZE));
	CHECK_EQ(readable(plain, before), 0);

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	/* CPUID 0x8000001f: SEV, SEV-ES and SEV-SNP in bits 1, 3 and 4; the C-bit's position. */
	CHECK_EQ(uc.args[2] & 0x1a, (status & 1) << 1 | (status & 2) << 2 | (status & 4) << 2);
	CHECK((uc.args[3] & 0x3f) >= 32 && (uc.args[3] & 0x3f) <= 51);
	CHECK_EQ(uc.args[4], status);

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	fill(plain, 0x2222000000000000);
	CHECK_OK(!ucall_vm_read(vm, private, seen, SIZE));
	CHECK_EQ(readable(plain, seen), 0);
	/* Only what the guest wrote has changed; checked where KVM shows private memory at all. */
	for (uint64_t i = 0; strcmp(ucall_vm_protection(vm), "sev-snp") && i < SIZE / 8; i += 512) {
		CHECK(memcmp(seen + i, before + i, 16));
		CHECK(!memcmp(seen + i + 2, before + i + 2, 508 * 8));
		CHECK(memcmp(seen + i + 510, before + i + 510, 16));
	}
	CHECK_OK(!ucall_vm_read(vm, shared, seen, SIZE));
	for (uint64_t i = 0; i < SIZE / 8; i++)
		CHECK_EQ(seen[i], i + (i % 512 == 0 || i % 512 == 511 ? 0x4444000000000000
								      : 0x3333000000000000));
	CHECK_OK(!ucall_vm_write_int(vm, shared, 8, 0x55));
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* ---- what a host can do to ciphertext ---- */

static UCALL_GUEST void guest_words(const uint64_t *private)
{
	GUEST_SYNC_ARGS(1, private[0], private[1], private[2], private[512]);
	GUEST_SYNC_ARGS(2, private[0], private[1], private[2], private[512]);
	GUEST_SYNC_ARGS(3, private[0], private[1], private[2], private[512]);
	GUEST_DONE();
}

static void host_corrupts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t private = ucall_vm_alloc(vm, 8192, UCALL_MEM_PRIVATE), words[4];
	uint64_t gpa, at[2];
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_words, 1, private);
	CHECK_OK(private && vcpu);
	for (uint64_t i = 0; i < 8192; i += 8)
		CHECK_OK(!ucall_vm_write_int(vm, private + i, 8, 42));
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2], 42);
	/* The same bytes look different in every block and every page. */
	CHECK_OK(!ucall_vm_read(vm, private, words, sizeof(words)));
	CHECK(memcmp(words, words + 2, 16));
	CHECK_OK(!ucall_vm_read(vm, private + 4096, at, sizeof(at)));
	CHECK(memcmp(words, at, 16));
	/* Reading by guest-physical address gives the same ciphertext. */
	CHECK_OK(!ucall_vm_translate(vm, private, &gpa));
	CHECK_OK(!ucall_vm_read_physical(vm, gpa, at, sizeof(at)));
	CHECK(!memcmp(words, at, 16));

	/* A byte that the host writes corrupts its block of 16 bytes, and no other. */
	CHECK_OK(!ucall_vm_write_int(vm, private, 1, (words[0] & 0xff) ^ 1));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK(uc.args[2] != 42);
	CHECK(uc.args[3] != 42);
	CHECK_EQ(uc.args[4], 42);
	CHECK_EQ(uc.args[5], 42);
	/* Restoring the ciphertext restores the plaintext: nothing here protects integrity. */
	CHECK_OK(!ucall_vm_write_physical(vm, gpa, words, sizeof(words)));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[2], 42);
	CHECK_EQ(uc.args[3], 42);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

UCALL_TESTS(EACH_KIND("boot", .host = host_code, .config.guest_vc = true),
	    EACH_KIND("boot, with an interrupt controller", .host = host_code,
		      .config.guest_vc = true, .config.irqchip = true),
	    SEV("a host that writes ciphertext", .host = host_corrupts, .config.guest_vc = true),
	    SEV_ES("a host that writes ciphertext", .host = host_corrupts, .config.guest_vc = true),
	    KIND("emulated-sev-snp", "a host that writes ciphertext", .host = host_corrupts,
		 .config.guest_vc = true));
