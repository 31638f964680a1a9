// SPDX-License-Identifier: MIT
/* Allocation, translation, bounded access, strings, protection, exhaustion. */
#include <ucall/test.h>

#define MIB ((size_t)1 << 20)

static UCALL_GUEST void guest_fill(uint64_t *p, uint64_t n, uint64_t *q)
{
	for (uint64_t i = 0; i < n; i += 512) {
		GUEST_ASSERT_EQ(p[i], i);
		p[i] = i + 1;
	}
	*q = 99;
	GUEST_SYNC(1);
	GUEST_DONE();
}

/* Code that the host writes into the guest. */
static UCALL_GUEST void guest_call(uint64_t (*f)(void), uint64_t *data)
{
	GUEST_SYNC(f());
	((uint64_t(*)(void))data)(); /* data is not executable */
}

/* Mappings that are made while vCPUs exist reach all of them. */
static UCALL_GUEST void guest_late(uint64_t **where)
{
	GUEST_SYNC(1);
	GUEST_SYNC(**where); /* the host left it there */
	GUEST_DONE();
}

#if defined(__x86_64__)
/* The stack ends in an unmapped page. */
static UCALL_GUEST void guest_overflow(void)
{
	for (;;)
		__asm__ volatile("push $1");
}
#endif

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <string.h>

/* clang's AddressSanitizer is a part of the program, and so of the guest. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZER (64 * MIB)
#endif
#endif
#ifndef SANITIZER
#define SANITIZER 0
#endif

static void host_alloc(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const uint64_t n = 100 * 512, step = 128;
	uint64_t p = ucall_vm_alloc(vm, n * 8, UCALL_MEM_PRIVATE), gpa, gpa2, value;
	uint64_t q = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
	uint64_t *view;

	CHECK_OK(p && q);
	view = ucall_vm_host_pointer(vm, p, n * 8);
	CHECK_OK(view);
	for (uint64_t i = 0; i < n; i++)
		if (view[i])
			FAIL("word %d at %p is 0x%llx, and 0x%llx follows", (int)i,
			     (void *)&view[i], (unsigned long long)view[i],
			     (unsigned long long)(i + 1 < n ? view[i + 1] : 0));
	for (uint64_t i = 0; i < n; i += step)
		CHECK_OK(!ucall_vm_write_int(vm, p + 8 * i, 8, i));
	vcpu = ucall_vcpu_add(vm, guest_fill, 3, p, n, q);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (uint64_t i = 0; i < n; i += step) {
		CHECK_OK(!ucall_vm_read_int(vm, p + 8 * i, 8, &value));
		CHECK_EQ(value, i % 512 ? i : i + 1);
	}
	CHECK_OK(!ucall_vm_read_int(vm, q, 8, &value));
	CHECK_EQ(value, 99);

	/* Physically contiguous; an unmapped page on either side. */
	CHECK_OK(!ucall_vm_translate(vm, p, &gpa));
	CHECK_OK(!ucall_vm_translate(vm, p + n * 8 - 1, &gpa2));
	CHECK_EQ(gpa2 - gpa, n * 8 - 1);
	CHECK_EQ(ucall_vm_translate(vm, p - 1, &gpa), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_vm_translate(vm, p + n * 8, &gpa), -1);
	CHECK(!ucall_vm_host_pointer(vm, p, n * 8 + 1));
	CHECK_EQ(ucall_vm_translate(vm, 0, &gpa), -1); /* the null page */
}

static void host_access(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t p = ucall_vm_alloc(vm, 3 * 4096, UCALL_MEM_PRIVATE);
	char in[8192], out[8192];

	CHECK_OK(p);
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	CHECK_OK(!ucall_vm_write(vm, p + 2000, in, sizeof(in)));
	CHECK_OK(!ucall_vm_read(vm, p + 2000, out, sizeof(out)));
	CHECK(!memcmp(in, out, sizeof(in)));

	/* All or nothing. */
	memset(out, 'z', sizeof(out));
	CHECK_EQ(ucall_vm_write(vm, p + 8192, out, 4097), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "no guest memory is mapped at");
	CHECK_OK(!ucall_vm_read(vm, p + 8192, out, 1));
	CHECK(out[0] != 'z');
	CHECK_EQ(ucall_vm_read(vm, p - 1, out, 2), -1);
	CHECK_EQ(ucall_vm_read(vm, p, out, SIZE_MAX), -1);
	CHECK_EQ(ucall_vm_read(vm, UINT64_MAX - 3, out, 8), -1);
	CHECK_EQ(ucall_vm_read(vm, 0x8000000000000000, out, 8), -1);
	CHECK_OK(!ucall_vm_read(vm, 0, out, 0));

	/* Strings. */
	CHECK_OK(!ucall_vm_write(vm, p + 4090, "across pages", 13));
	CHECK_EQ(ucall_vm_read_string(vm, p + 4090, out, sizeof(out)), 12);
	CHECK_STR(out, "across pages");
	CHECK_EQ(ucall_vm_read_string(vm, p + 4090, out, 13), 12);
	CHECK_EQ(ucall_vm_read_string(vm, p + 4090, out, 12), -1);
	CHECK_EQ(errno, EOVERFLOW);
	memset(in, 'x', 4096);
	CHECK_OK(!ucall_vm_write(vm, p + 8192, in, 4096));
	CHECK_EQ(ucall_vm_read_string(vm, p + 8192, out, sizeof(out)), -1);
	CHECK_EQ(errno, EFAULT);
}

static void host_exhausted(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	int n = 0;

	CHECK(!ucall_vm_alloc(vm, 500 * MIB, UCALL_MEM_PRIVATE));
	CHECK_EQ(errno, ENOMEM);
	CHECK(!ucall_vm_alloc(vm, 0, UCALL_MEM_PRIVATE));
	CHECK_EQ(errno, EINVAL);
	CHECK(!ucall_vm_alloc(vm, 1, 0x80));
	CHECK_EQ(errno, EINVAL);
	CHECK(!ucall_shared_alloc(vm, SIZE_MAX));
	CHECK_EQ(errno, ENOMEM);
	while (ucall_vm_alloc(vm, MIB, UCALL_MEM_PRIVATE))
		n++;
	CHECK(n > 2 && (SANITIZER || n < 8));
	CHECK_EQ(errno, ENOMEM);
	CHECK_HAS(ucall_error(), "guest memory is exhausted");
	CHECK_HAS(ucall_error(), "set a larger mem_size");
	while (ucall_vm_alloc(vm, 1, UCALL_MEM_SHARED))
		;
	CHECK(!ucall_vcpu_add(vm, guest_fill, 0));
	CHECK_EQ(errno, ENOMEM);
}

static void host_exec(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
#if defined(__x86_64__)
	static const uint8_t code[] = { 0xb8, 0x2a, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
#elif defined(__aarch64__)
	static const uint32_t code[] = { 0x52800540, 0xd65f03c0 }; /* mov w0, #42; ret */
#elif defined(__riscv)
	static const uint32_t code[] = { 0x02a00513, 0x00008067 }; /* li a0, 42; ret */
#else
	static const uint8_t code[] = {
		0xa7, 0x29, 0, 0x2a, 0x07, 0xfe
	}; /* lghi %r2, 42; br %r14 */
#endif
	uint64_t f = ucall_vm_alloc(vm, sizeof(code), UCALL_MEM_EXEC);
	uint64_t data = ucall_vm_alloc(vm, sizeof(code), UCALL_MEM_PRIVATE);
	struct ucall uc;

	CHECK_OK(f && data);
	CHECK_OK(!ucall_vm_write(vm, f, code, sizeof(code)));
	CHECK_OK(!ucall_vm_write(vm, data, code, sizeof(code)));
	vcpu = ucall_vcpu_add(vm, guest_call, 2, f, data);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 42);
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_EQ(ucall_fault(vcpu)->frame.address, data);
}

static void host_late(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t where = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE), p;
	struct ucall uc;

	vcpu = ucall_vcpu_add(vm, guest_late, 1, where);
	CHECK_OK(where && vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	p = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE);
	CHECK_OK(p && !ucall_vm_write_int(vm, p, 8, 4711));
	CHECK_OK(!ucall_vm_write_int(vm, where, 8, p));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 4711);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#if defined(__x86_64__)
static void host_overflow(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_HAS(ucall_error(), "#PF");
	CHECK_EQ(ucall_fault(vcpu)->frame.address, ucall_fault(vcpu)->frame.sp - 8);
}
#endif

UCALL_TESTS({ "allocations, seen from both sides", .host = host_alloc, .any_arch = true },
	    { "reads, writes and strings", .host = host_access, .any_arch = true },
	    { "exhaustion", .host = host_exhausted, .config = { .mem_size = 8 * MIB + SANITIZER } },
	    { "executable and other memory", .host = host_exec },
#if defined(__x86_64__)
	    { "stack overflow", UCALL_TEST_GUEST(guest_overflow), .host = host_overflow,
	      .config = { .ring = 0, .timeout_ms = 60000 } },
#endif
	    { "mappings after the vCPU was added", .host = host_late, .any_arch = true });

#endif
