// SPDX-License-Identifier: MIT
/*
 * Names that host, guest and library share.  If a program defines functions with libucall's names,
 * the library still calls its own; memcpy() and the like are the guest runtime's in the guest, and
 * the C library's in the host.
 */
#include <dlfcn.h>
#include <string.h>

#include <ucall/test.h>

/*
 * libucall calls functions with these names.  The program exports them, like any program that
 * defines a library's functions.
 */
#define NOT_CALLED(what) \
	{ \
		FAIL("the library called the program's " what); \
	}

int ucall_fail(int error, const char *format, ...);
int ucall_fail(int error, const char *format, ...) NOT_CALLED("ucall_fail()");
uint64_t ucall_vm_alloc(struct ucall_vm *vm, size_t size, unsigned int flags)
	NOT_CALLED("ucall_vm_alloc()");
int ucall_vm_write(struct ucall_vm *vm, uint64_t gva, const void *from, size_t size)
	NOT_CALLED("ucall_vm_write()");
uint64_t ucall_vm_symbol(struct ucall_vm *vm, const char *name) NOT_CALLED("ucall_vm_symbol()");
int ucall_vcpu_run(struct ucall_vcpu *vcpu) NOT_CALLED("ucall_vcpu_run()");
int get_ucall(struct ucall_vcpu *vcpu, struct ucall *uc) NOT_CALLED("get_ucall()");

static volatile size_t size = 1000; /* unknown to the compiler */
static char from[4096], to[4096];

/*
 * Each function that a compiler emits calls to.  (By their plain names, fortified headers make them
 * functions that the compiler refuses to inline into one with general registers only.)
 */
static UCALL_GUEST void guest_code(void)
{
	__builtin_memset(from, 'x', size);
	__builtin_memcpy(to, from, size);
	GUEST_SYNC(__builtin_memcmp(from, to, size));
	__builtin_memmove(to + 1, to, size);
	GUEST_ASSERT_EQ(to[size], 'x');
	GUEST_SYNC(__builtin_strlen(to));
	to[3] = 'w';
	GUEST_SYNC(__builtin_memcmp(from, to, size) > 0);
	__builtin___memset_chk(from, 'y', size, sizeof(from));
	__builtin___memcpy_chk(to, from, size, sizeof(to));
	__builtin___memmove_chk(to + 1, to, size, sizeof(to) - 1);
	GUEST_ASSERT_EQ(to[size], 'y');
	GUEST_DONE();
}

static void each_calls(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 0);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 0);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], size + 1);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 1);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_EQ(to[0], 0); /* only the guest's copy changed */
}

/*
 * The guest sees a pointer that the host has changed as the host left it; an unchanged one points
 * to the guest runtime.
 */
static size_t mine(const char *s);
static size_t (*volatile changed)(const char *s) = strlen,
					     (*volatile unchanged)(const char *s) = strlen;
static size_t (*volatile cleared)(const char *s) = strlen;

static UCALL_GUEST size_t mine(const char *s)
{
	return 4242;
}

static UCALL_GUEST void guest_pointers(void)
{
	GUEST_SYNC(changed("abc"));
	GUEST_SYNC(unchanged("abc"));
	GUEST_SYNC(!cleared);
	GUEST_DONE();
}

static void each_pointers(void)
{
	static const uint64_t wanted[] = { 4242, 3, 1 };
	struct ucall_vcpu *vcpu;
	struct ucall uc;

	changed = mine;
	cleared = NULL;
	vcpu = ucall_vcpu_add(ucall_test_vm(NULL), guest_pointers, 0);
	CHECK_OK(vcpu);
	for (int i = 0; i < 3; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], wanted[i]);
	}
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* The host calls the same functions as any program. */
static void once_host(void)
{
	static const char *const names[] = { "memcpy", "memmove", "memset", "memcmp", "strlen" };
	void *(*const program[])(void) = {
		(void *(*)(void))(uintptr_t)memcpy, (void *(*)(void))(uintptr_t)memmove,
		(void *(*)(void))(uintptr_t)memset, (void *(*)(void))(uintptr_t)memcmp,
		(void *(*)(void))(uintptr_t)strlen,
	};
	Dl_info info;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		CHECK((void *)(uintptr_t)program[i] == dlsym(RTLD_DEFAULT, names[i]));
		/*
		 * Without PIE, an entry of the program's procedure linkage table; with a sanitizer,
		 * its own function.
		 */
		CHECK(dladdr((void *)(uintptr_t)program[i], &info));
		if (info.dli_sname)
			CHECK(!strstr(info.dli_sname, "ucall"));
	}
}

UCALL_TESTS({ "the program's own functions", .each = each_calls },
	    { "pointers to them", .each = each_pointers },
	    { "the host's memcpy() and the like", .once = once_host });
