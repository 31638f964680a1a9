// SPDX-License-Identifier: MIT
/*
 * The launch of a VM with encrypted memory: what is possible before, what after, and its
 * measurement.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "confidential.h"
#include "resources.h"

static uint64_t variable = 5;

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(variable);
	GUEST_DONE();
}

#if defined(__x86_64__)
static UCALL_GUEST void handler(struct ucall_frame *frame)
{
}
#endif

static void refused(const char *what)
{
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), what);
	CHECK_HAS(ucall_error(),
		  "VM has been launched, its memory and page tables are closed to the host; do it "
		  "before ucall_vm_launch()");
}

static void host_states(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const uint8_t *digest;
	uint64_t private, gpa;
	struct ucall uc;

	/* Before. */
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "has no vCPU, and none can be added later");
	private = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE);
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	CHECK_OK(private && vcpu);
	CHECK_EQ(ucall_next(vcpu, &uc), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "cannot run before ucall_vm_launch()");
	CHECK_EQ(ucall_vm_measurement(vm, &digest), -1);
	CHECK_EQ(errno, EPERM);
	variable = 6;
	CHECK_OK(!ucall_sync_to_guest(vm, &variable));
	CHECK(!ucall_vm_host_pointer(vm, private, 8));
	CHECK_EQ(errno, EPERM);

	/* Registers that will be encrypted cannot be stepped on. */
	if (strcmp(ucall_test_protect(), "emulated-sev")) {
		CHECK_OK(!ucall_vcpu_set_stepping(vcpu, true));
		CHECK_EQ(ucall_vm_launch(vm), -1);
		CHECK_EQ(errno, EINVAL);
		CHECK_HAS(ucall_error(), "vCPU 0 is being single-stepped");
		CHECK_OK(!ucall_vcpu_set_stepping(vcpu, false));
	}
	CHECK_OK(!ucall_vm_launch(vm));

	/* After. */
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "has been launched already");
	CHECK(!ucall_vcpu_add(vm, guest_code, 0));
	refused("ucall_vcpu_add");
	CHECK(!ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE));
	refused("ucall_vm_alloc");
	CHECK(!ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED));
	refused("ucall_vm_alloc");
	CHECK(!ucall_shared_alloc(vm, 1));
	refused("ucall_vm_alloc");
	CHECK(!ucall_vm_alias(vm, private, 8, UCALL_MEM_SHARED));
	refused("ucall_vm_alias");
	CHECK_EQ(ucall_sync_to_guest(vm, &variable), -1);
	refused("ucall_sync_to_guest");
	CHECK_EQ(ucall_sync_from_guest(vm, &variable), -1);
	refused("ucall_sync_from_guest");
	CHECK_EQ(ucall_vcpu_restart(vcpu), -1);
	refused("ucall_vcpu_restart");
	CHECK_EQ(ucall_vm_set_param(vm, 0, 1), -1);
	refused("ucall_vm_set_param");
	CHECK(!ucall_vm_map_device(vm, 0xe0000000, 4096));
	refused("ucall_vm_map_device");
#if defined(__x86_64__)
	CHECK_EQ(ucall_vm_set_handler(vm, 6, handler), -1);
	refused("ucall_vm_set_handler");
#endif
	CHECK(!ucall_vm_host_pointer(vm, private, 8));
	CHECK_EQ(errno, EPERM);
	/* The host still knows what it mapped; it cannot look up anything else. */
	CHECK_OK(!ucall_vm_translate(vm, private, &gpa));
	CHECK_EQ(ucall_vm_translate(vm, 0x123456789000, &gpa), -1);
	CHECK_EQ(errno, EFAULT);

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 6);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}

/* ---- the measurement ---- */

/* Each in its own child, so that the program's memory, which the guest uses, is always the same. */
static void launch(uint64_t value, uint64_t argument, unsigned int vcpus, int out)
{
	struct ucall_vm_config config = { 0 };
	uint64_t private, shared;
	const uint8_t *digest;
	struct ucall_vm *vm;

	ucall_test_config(&config);
	vm = ucall_vm_create(&config);
	private = vm ? ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE) : 0;
	shared = vm ? ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED) : 0;
	if (!private || !shared)
		_exit(1);
	/* Shared memory is not measured. */
	if (ucall_vm_write_int(vm, private, 8, value) || ucall_vm_write_int(vm, shared, 8, value))
		_exit(2);
	for (unsigned int i = 0; i < vcpus; i++)
		if (!ucall_vcpu_add_entry(vm, (uintptr_t)guest_code, 1, argument, 0, 0, 0, 0, 0))
			_exit(3);
	if (ucall_vm_launch(vm) || ucall_vm_measurement(vm, &digest) != 48)
		_exit(4);
	_exit(write(out, digest, 48) == 48 ? 0 : 5);
}

static void measure(uint64_t value, uint64_t argument, unsigned int vcpus, uint8_t digest[48])
{
	int ends[2], status;
	pid_t child;

	CHECK(!pipe(ends));
	child = fork();
	if (!child)
		launch(value, argument, vcpus, ends[1]);
	close(ends[1]);
	CHECK(child > 0);
	waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
	CHECK_EQ(read(ends[0], digest, 48), 48);
	close(ends[0]);
}

static void each_measurement(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	bool closed = ucall_vm_protection_bit(vm) != UCALL_PROTECT_SEV;
	uint8_t zero[48] = { 0 }, digests[5][48];

	ucall_test_vm_free(vm);
#if defined(ADDRESS_SANITIZER) && defined(__clang__)
	SKIP("clang's sanitizer keeps its own counts in the program, which is the guest's memory "
	     "too");
#endif
	/* Measure all before checking any: the dynamic linker changes the program as it is used. */
	measure(1, 7, 2, digests[0]);
	measure(1, 7, 2, digests[0]);
	measure(1, 7, 2, digests[1]);
	measure(2, 7, 2, digests[2]);
	measure(1, 8, 2, digests[3]);
	measure(1, 7, 1, digests[4]);
	CHECK(memcmp(digests[0], zero, 48));
	CHECK(!memcmp(digests[0], digests[1], 48)); /* whatever the key */
	CHECK(memcmp(digests[0], digests[2], 48)); /* a byte of memory */
	CHECK_EQ(memcmp(digests[0], digests[3], 48) != 0, closed); /* a register */
	CHECK(memcmp(digests[0], digests[4], 48)); /* a vCPU, and its stack */
}

/* ---- without encryption ---- */

static void host_none(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	const uint8_t *digest;

	CHECK_STR(ucall_vm_protection(vm), "none");
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_OK(!ucall_vm_launch(vm));
	CHECK_OK(ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE));
	CHECK_OK(ucall_vcpu_add(vm, guest_code, 0));
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	CHECK_EQ(ucall_vm_measurement(vm, &digest), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_EQ(ucall_vm_set_private(vm, 0x1000, 0x1000, true), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
}

static void once_wrong(void)
{
	static const struct {
		const char *protect, *says;
	} cases[] = {
		{ "sgx",
		  "unknown memory encryption \"sgx\"; known: none, emulated-sev, emulated-sev-es" },
		{ ",x=1", "does not name a" },
		{ "emulated-sev,trap_cpuid=step", "unknown option \"trap_cpuid\"" },
		{ "emulated-sev-es,trap_cpuid=now", "give one of no|step" },
		{ "none,x=1", "unknown option \"x\"" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ucall_vm_config config = { .protect = cases[i].protect };

		CHECK(!ucall_vm_create(&config));
		CHECK_EQ(errno, EINVAL);
		CHECK_HAS(ucall_error(), cases[i].says);
	}
}

/* The software engine has no page tables to say what is private, as SEV needs. */
static void once_engine(void)
{
	struct ucall_vm_config config = { .protect = "emulated-sev", .engine = "unicorn" };

	if (ucall_engine_check("unicorn"))
		SKIP("%s", ucall_error());
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_HAS(ucall_error(),
		  "engine unicorn does not support protection emulated-sev; engine kvm does (");
}

UCALL_TESTS(EACH_KIND("what launch permits and forbids", .host = host_states,
		      .config.guest_vc = true),
	    EMULATED_KIND("the measurement", .each = each_measurement, .config.guest_vc = true),
	    { "no encryption: launch is a no-op", UCALL_TEST_GUEST(guest_code), .host = host_none },
	    { "invalid protections", .once = once_wrong },
	    { "an engine without encryption", .once = once_engine });
