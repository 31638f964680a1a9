// SPDX-License-Identifier: MIT
/* VM options, which backend refuses which, and what is out of range. */
#include <errno.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

#if defined(__x86_64__)
/* Checks the privilege level that the guest runs at. */
static UCALL_GUEST void guest_ring(uint64_t ring)
{
	uint64_t cs;

	__asm__ volatile("mov %%cs, %0" : "=r"(cs));
	GUEST_ASSERT_EQ(cs & 3, ring);
	GUEST_DONE();
}

static void host_done(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}
#endif

/* A guest exception is reported even if HLT does not exit. */
static UCALL_GUEST void guest_fault(void)
{
	__builtin_trap();
}

static void host_fault(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_error(), "in guest_fault");
}

#if defined(__x86_64__)
#define BACKEND "pio"
#else
#define BACKEND "mmio"
#endif

static void refused(const struct ucall_vm_config *config, int error, const char *text)
{
	CHECK(!ucall_vm_create(config));
	CHECK_HAS(ucall_error(), text);
	CHECK_EQ(errno, error);
}

static void once_refusals(void)
{
#if defined(__x86_64__)
	/* Without KVM, it is the engine that has no rings. */
	const char *ring = ucall_engine_check("kvm") ? "guest functions in ring 3"
						     : "needs guest functions in ring 0";

	refused(&(struct ucall_vm_config){ .backend = "halt", .irqchip = true }, EOPNOTSUPP,
		"in-kernel interrupt controller");
	refused(&(struct ucall_vm_config){ .backend = "halt", .ring = 3 }, EOPNOTSUPP, ring);
	refused(&(struct ucall_vm_config){ .backend = "ring", .via = UCALL_VIA_ADDRESS },
		EOPNOTSUPP, "has no send_cmd and recv_cmd");
#endif
	refused(&(struct ucall_vm_config){ .backend = BACKEND, .ring = 1 }, EINVAL, "ring is 1");
	refused(&(struct ucall_vm_config){ .backend = BACKEND, .timeout_ms = -2 }, EINVAL,
		"timeout_ms is -2");
	refused(&(struct ucall_vm_config){ .backend = BACKEND, .via = (enum ucall_via)7 }, EINVAL,
		"via is 7");
}

static void once_memory_size(void)
{
	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	refused(&(struct ucall_vm_config){ .backend = BACKEND, .mem_size = 4096 }, EINVAL,
		"give 2 MiB to 3 GiB");
	refused(&(struct ucall_vm_config){ .backend = BACKEND, .mem_size = (size_t)4 << 30 },
		EINVAL, "give 2 MiB to 3 GiB");
	refused(&(struct ucall_vm_config){ .backend = "mmio,gpa=0x1000" }, EINVAL,
		"is guest memory, where no access exits");
	refused(&(struct ucall_vm_config){ .backend = "mmio,gpa=0xd0000001" }, EINVAL,
		"not a multiple of 8");
}

/* The minimum memory holds a small program; for a larger one, the error says what to do. */
static void each_least_memory(void)
{
	struct ucall_vm_config config = { .backend = ucall_test_backend(),
					  .mem_size = (size_t)2 << 20 };
	struct ucall_vm *vm;

	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	vm = ucall_vm_create(&config);
	if (!vm) {
		CHECK_EQ(errno, ENOMEM);
		CHECK_HAS(ucall_error(), "copying the program into the guest: guest memory is "
					 "exhausted");
		CHECK_HAS(ucall_error(), "set a larger mem_size");
		SKIP("this build of the program is too large for 2 MiB");
	}
	ucall_vm_free(vm);
	vm = ucall_test_vm(&config);
	host_code(vm, ucall_vcpu_add(vm, guest_code, 0));
}

/* Fields that a later header may add: refused if they are set, otherwise ignored. */
static void once_larger_config(void)
{
	struct {
		struct ucall_vm_config config;
		uint64_t later[4];
	} large;
	struct ucall_vm *vm;

	memset(&large, 0, sizeof(large));
	large.config.backend = BACKEND;
	large.later[2] = 1;
	CHECK(!ucall_vm_create_sized(&large.config, sizeof(large)));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "install a newer one");
	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	large.later[2] = 0;
	vm = ucall_vm_create_sized(&large.config, sizeof(large));
	CHECK_OK(vm);
	ucall_vm_free(vm);
	vm = ucall_vm_create_sized(&large.config, sizeof(large.config.backend));
	CHECK_OK(vm);
	ucall_vm_free(vm);
}

UCALL_TESTS({ "refused options", .once = once_refusals },
	    { "sizes and addresses", .once = once_memory_size },
	    { "a configuration of another size", .once = once_larger_config },
	    { "an in-kernel interrupt controller", UCALL_TEST_GUEST(guest_code), .host = host_code,
	      .config = { .irqchip = true } },
	    { "an exception with an interrupt controller", UCALL_TEST_GUEST(guest_fault),
	      .host = host_fault, .config = { .irqchip = true } },
#if defined(__x86_64__)
	    { "ring 0", UCALL_TEST_GUEST(guest_ring), .nargs = 1, .args = { 0 },
	      .host = host_done },
	    { "ring 3", UCALL_TEST_GUEST(guest_ring), .nargs = 1, .args = { 3 }, .host = host_done,
	      .config = { .ring = 3 } },
	    { "ring 3 with an interrupt controller", UCALL_TEST_GUEST(guest_code),
	      .host = host_code, .config = { .ring = 3, .irqchip = true } },
#endif
	    { "2 MiB of memory", .each = each_least_memory },
	    { "3 GiB of memory", UCALL_TEST_GUEST(guest_code), .host = host_code,
	      .config = { .mem_size = (size_t)3 << 30 } },
	    { "no time limit", UCALL_TEST_GUEST(guest_code), .host = host_code,
	      .config = { .timeout_ms = -1 } });
