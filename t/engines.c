// SPDX-License-Identifier: MIT
/* Which engine a VM gets; what an engine cannot do is refused. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

static UCALL_GUEST void guest_code(void)
{
	GUEST_SYNC(1);
	GUEST_DONE();
}

static bool has(const char *engine)
{
	return !ucall_engine_check(engine);
}

static void check_engine(const char *named, const char *expected, const char *reason)
{
	struct ucall_vm_config config = { .engine = named };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 0);

	CHECK_OK(vcpu);
	CHECK_STR(ucall_vm_engine(vm), expected);
	CHECK_HAS(ucall_vm_engine_reason(vm), reason);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
}

static void once_default(void)
{
	unsetenv("UCALL_ENGINE");
	if (has("kvm"))
		check_engine(NULL, "kvm", "its KVM works");
	else
		check_engine(NULL, "unicorn", "/dev/kvm");
}

static void once_environment(void)
{
	struct ucall_vm_config config = { 0 };

	if (has("unicorn")) {
		setenv("UCALL_ENGINE", "unicorn", 1);
		check_engine(NULL, "unicorn", "named by $UCALL_ENGINE");
	}
	if (has("kvm")) /* the configuration wins */
		check_engine("kvm", "kvm", "named by the VM's configuration");
	setenv("UCALL_ENGINE", "qemu", 1);
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "unknown engine \"qemu\"; known: kvm, unicorn");
	unsetenv("UCALL_ENGINE");
}

static void refused(const struct ucall_vm_config *config, const char *text)
{
	CHECK(!ucall_vm_create(config));
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_HAS(ucall_error(), text);
}

static void once_flat(void)
{
	struct ucall_vm_config config = { .engine = "unicorn" };
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	uint64_t gva, gpa;

	if (!has("unicorn"))
		SKIP("%s", ucall_error());
	refused(&(struct ucall_vm_config){ .engine = "unicorn", .backend = "pio", .irqchip = true },
		"does not support an in-kernel interrupt controller");
	refused(&(struct ucall_vm_config){ .engine = "unicorn", .backend = "pio", .ring = 3 },
#if defined(__x86_64__)
		"does not support guest functions in ring 3 for guests of x86_64; engine kvm does");
#else
		"does not support guest functions in ring 3 for guests of "); /* no engine does */
#endif
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	CHECK_OK(vcpu);
	CHECK(ucall_vm_is_flat(vm));
	CHECK_EQ(ucall_vm_fd(vm), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_EQ(ucall_vcpu_fd(vcpu), -1);
	CHECK(!ucall_vcpu_kvm_run(vcpu));
	CHECK_EQ(errno, EOPNOTSUPP);
	gva = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE);
	CHECK_OK(gva && !ucall_vm_translate(vm, gva, &gpa));
	CHECK_EQ(gpa, gva);
}

/* One address space for memory and devices: what would overlap is refused. */
static void once_overlap(void)
{
	struct ucall_vm_config config = { .engine = "unicorn" };
	char backend[64];

	if (!has("unicorn"))
		SKIP("%s", ucall_error());
	/* Where there is no guest memory, a device is fine. */
	snprintf(backend, sizeof(backend), "mmio,gpa=0xd0000000");
	config.backend = backend;
	CHECK_OK(ucall_test_vm(&config));
	config.backend = "mmio,gpa=0x2000";
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "is guest memory, where no access exits");
}

/* Registers that the host writes take effect at the guest's next instruction. */
static UCALL_GUEST void guest_registers(uint64_t a, uint64_t b)
{
	GUEST_SYNC(b);
	GUEST_DONE();
}

/* The number of the register with a function's second argument. */
#if defined(__x86_64__)
#define SECOND 6
#elif defined(__aarch64__)
#define SECOND 1
#elif defined(__riscv)
#define SECOND 11
#else
#define SECOND 3
#endif

static void each_registers(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_registers, 2, 1, 2);
	struct ucall_frame regs;
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, &regs));
	CHECK_EQ(regs.gpr[SECOND], 2);
	regs.gpr[SECOND] = 77;
	CHECK_OK(!ucall_vcpu_set_regs(vcpu, &regs));
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, &regs));
	CHECK_EQ(regs.gpr[SECOND], 77);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 77);
	/* Another PC: the function from its start, with another argument. */
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, &regs));
	regs.pc = (uint64_t)(uintptr_t)guest_registers;
	regs.gpr[SECOND] = 88;
	CHECK_OK(!ucall_vcpu_set_regs(vcpu, &regs));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 88);
}

/* The maximum number of vCPUs; a refused one does not affect the others, nor the next one. */
static void once_vcpus(void)
{
	struct ucall_vm_config config = { .engine = "unicorn" };
	struct rlimit limit, small;
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	int n = 0;

	if (!has("unicorn"))
		SKIP("%s", ucall_error());
	vm = ucall_test_vm(&config);
	CHECK_OK(ucall_vcpu_add(vm, guest_code, 0));
	CHECK(!getrlimit(RLIMIT_AS, &limit));
	small = limit;
	small.rlim_cur = (rlim_t)1 << 30;
	setrlimit(RLIMIT_AS, &small);
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	setrlimit(RLIMIT_AS, &limit);
	CHECK(!vcpu);
	CHECK_EQ(errno, ENOMEM);
	CHECK_HAS(ucall_error(), "ulimit -v");
	vcpu = ucall_vcpu_add(vm, guest_code, 0);
	CHECK_OK(vcpu);
	CHECK_EQ(ucall_vcpu_number(vcpu), 1);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	for (n = 2; (vcpu = ucall_vcpu_add(vm, guest_code, 0)); n++)
		;
	CHECK_EQ(n, 64);
	CHECK_EQ(errno, ENOSPC);
	CHECK_HAS(ucall_error(), "at most 64 vCPUs");
}

/* If the host rewrites code, the new code runs. */
#if defined(__x86_64__)
static UCALL_GUEST void guest_call(uint64_t (*f)(void))
{
	for (;;)
		GUEST_SYNC(f());
}
#endif

#if defined(__x86_64__)
static void each_new_code(void)
{
	static const uint8_t first[] = { 0xb8, 1, 0, 0, 0, 0xc3 }; /* mov $1, %eax; ret */
	static const uint8_t second[] = { 0xb8, 2, 0, 0, 0, 0xc3 };
	struct ucall_vm *vm = ucall_test_vm(NULL);
	uint64_t f = ucall_vm_alloc(vm, sizeof(first), UCALL_MEM_EXEC);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_call, 1, f);
	struct ucall uc;

	CHECK_OK(f && vcpu);
	CHECK_OK(!ucall_vm_write(vm, f, first, sizeof(first)));
	for (int i = 0; i < 3; i++) {
		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], 1);
	}
	CHECK_OK(!ucall_vm_write(vm, f, second, sizeof(second)));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 2);
}
#endif

UCALL_TESTS({ "the default", .once = once_default }, { "UCALL_ENGINE", .once = once_environment },
	    { "what a flat guest cannot have", .once = once_flat },
	    { "memory and devices", .once = once_overlap },
	    { "the maximum number of vCPUs", .once = once_vcpus },
#if defined(__x86_64__)
	    { "code that the host writes", .each = each_new_code },
#endif
	    { "registers that the host writes", .each = each_registers });
