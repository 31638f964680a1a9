// SPDX-License-Identifier: MIT
/* A backend that the program itself provides, without a .so: `.ops` in the configuration. */
#include <errno.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "own",
	.version = "1",
	.summary = "two bytes to a port, or to an address",
	.protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x123",
		  .help = "the I/O port" },
	});
/* clang-format on */

/* On machines without ports: two bytes to the page of the port's number. */
UCALL_DOORBELL static void own_send(struct ucall *uc, const struct ucall_bell *bell)
{
#if defined(__x86_64__)
	__asm__ volatile("outw %%ax, %w0" : : "d"(bell->param[3]), "D"(uc) : "memory");
#elif defined(__aarch64__)
	register struct ucall *first __asm__("x0") = uc;

	__asm__ volatile("strh wzr, [%0]" : : "r"(bell->param[3]), "r"(first) : "memory");
#else
	register struct ucall *first __asm__("a0") = uc;

	__asm__ volatile("sh zero, 0(%0)" : : "r"(bell->param[3]), "r"(first) : "memory");
#endif
}

#define PAGE_OF(port) (0xd0000000 + (uint64_t)(port)*4096)

static bool is_ring(const struct ucall_exit *exit, uint64_t port)
{
#if defined(__x86_64__)
	return exit->reason == UCALL_EXIT_IO && exit->u.io.size == 2 && exit->u.io.port == port;
#else
	return ucall_exit_is_store(exit, PAGE_OF(port), 2);
#endif
}

static int inits, uninits, recvs;

static int own_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t port = ucall_args_uint(args, "port"), where = port;

	inits++;
	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)port);
#if !defined(__x86_64__)
	where = ucall_vm_map_device(vm, PAGE_OF(port), 8);
	if (!where)
		return -1;
#endif
	return ucall_vm_set_param(vm, 3, where);
}

static void own_uninit(struct ucall_vm *vm)
{
	uninits++;
}

static int own_recv_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	recvs++;
	return is_ring(exit, (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu)));
}

static int own_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	*where = ucall_vcpu_argument(vcpu);
	return own_recv_shared(vcpu, exit);
}

static const struct ucall_ops own_ops = {
	UCALL_OPS,
	.init = own_init,
	.uninit = own_uninit,
	.send_cmd = own_send,
	.send_cmd_shared = own_send,
	.recv_cmd = own_recv,
	.recv_cmd_shared = own_recv_shared,
};

static UCALL_GUEST void guest_code(uint64_t n)
{
	GUEST_SYNC(n);
	GUEST_PRINTF("%s", "");
	GUEST_DONE();
}

static void run(enum ucall_via via, const char *options, uint16_t port)
{
	struct ucall_vm_config config = { .ops = &own_ops, .ops_options = options, .via = via };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_code, 1, 77);
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_STR(ucall_vm_backend(vm), "own");
	CHECK(!ucall_vm_backend_path(vm));
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 77);
	CHECK(is_ring(ucall_vcpu_exit(vcpu), port));
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
	CHECK_EQ(inits - uninits, 1);
	ucall_test_vm_free(vm);
	CHECK_EQ(inits - uninits, 0);
	CHECK(recvs > 0);
}

static void once_mailbox(void)
{
	run(UCALL_VIA_MAILBOX, NULL, 0x123);
}

static void once_address(void)
{
	run(UCALL_VIA_ADDRESS, "port=0x77", 0x77);
}

static void once_wrong(void)
{
	struct ucall_vm_config config = { .ops = &own_ops, .ops_options = "speed=3" };
	struct ucall_ops ops = own_ops;

	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, EINVAL);
	CHECK_HAS(ucall_error(), "unknown option \"speed\"; its options are: port");

	config.ops_options = NULL;
	config.ops = &ops;
	ops.abi = UCALL_ABI + 1;
	CHECK(!ucall_vm_create(&config));
	CHECK_HAS(ucall_error(), "plugin ABI 2");
	ops = own_ops;
	ops.recv_cmd = NULL;
	CHECK(!ucall_vm_create(&config));
	CHECK_HAS(ucall_error(), "no complete pair");
}

/* init() may use the VM, which is ready except for its backend. */
static int launching_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	return ucall_vm_launch(vm);
}

static void once_launch(void)
{
	struct ucall_ops ops = own_ops;
	struct ucall_vm_config config = { .ops = &ops };

	ops.init = launching_init;
	ops.uninit = NULL;
	ucall_test_vm(&config);
}

/* init() fails: the VM is not made, and uninit() is not called. */
static int failing_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	return ucall_fail(ENOSPC, "there is no room in here");
}

static void once_init_fails(void)
{
	struct ucall_ops ops = own_ops;
	struct ucall_vm_config config = { .ops = &ops };
	int before = uninits;

	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	ops.init = failing_init;
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, ENOSPC);
	CHECK_STR(ucall_error(), "backend own: there is no room in here");
	CHECK_EQ(uninits, before);
}

/* A function that fails without a message: an older error is not reported. */
static int silent_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	errno = ENOSPC;
	return -1;
}

static void once_silent(void)
{
	struct ucall_ops ops = own_ops;
	struct ucall_vm_config config = { .ops = &ops };

	if (ucall_engine_check(NULL))
		SKIP("%s", ucall_error());
	ucall_fail(EINVAL, "an older error");
	ops.init = silent_init;
	CHECK(!ucall_vm_create(&config));
	CHECK_EQ(errno, ENOSPC);
	CHECK_STR(ucall_error(),
		  "backend own: its init() failed without calling ucall_fail(): No space left on "
		  "device");
}

/* ---- for each vCPU ---- */

static unsigned int vcpu_inits, vcpu_finis, refuse_from = 100;
static struct ucall_frame first_regs;

static int own_vcpu_init(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t value;

	CHECK(ucall_vcpu_vm(vcpu) == vm);
	CHECK_EQ(ucall_vcpu_number(vcpu), vcpu_inits);
	if (vcpu_inits == refuse_from)
		return -1;
	vcpu_inits++;
	/* All of these may be called: the VM's lock is not held. */
	CHECK_OK(!ucall_vcpu_get_regs(vcpu, &first_regs) &&
		 !ucall_vcpu_set_regs(vcpu, &first_regs));
	CHECK_OK(!ucall_vm_read_int(vm, UCALL_BELL_ADDRESS, 8, &value) || errno == EFAULT);
	CHECK_OK(ucall_vm_alloc(vm, 4096, 0));
	return 0;
}

static void own_vcpu_fini(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK(ucall_vcpu_vm(vcpu) == vm);
	CHECK_EQ(uninits, 0); /* before uninit() */
	vcpu_finis++;
}

static void once_vcpus(void)
{
	struct ucall_ops ops = own_ops;
	struct ucall_vm_config config = { .ops = &ops };
	struct ucall_vcpu *vcpus[3];
	struct ucall_vm *vm;
	struct ucall uc;

	ops.vcpu_init = own_vcpu_init;
	ops.vcpu_fini = own_vcpu_fini;
	inits = uninits = 0;
	vm = ucall_test_vm(&config);
	for (uint64_t i = 0; i < 3; i++) {
		CHECK_OK(vcpus[i] = ucall_vcpu_add(vm, guest_code, 1, i));
		CHECK_EQ(vcpu_inits, i + 1);
	}
	CHECK_EQ(first_regs.pc, (uintptr_t)guest_code);
	for (uint64_t i = 0; i < 3; i++) {
		CHECK_NEXT(vcpus[i], &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		CHECK_NEXT(vcpus[i], &uc, UCALL_DONE);
	}
	refuse_from = 3;
	CHECK(!ucall_vcpu_add(vm, guest_code, 1, 3));
	CHECK_HAS(ucall_error(),
		  "backend own: its vcpu_init() failed without calling ucall_fail()");
	CHECK_EQ(vcpu_finis, 0);
	ucall_test_vm_free(vm);
	CHECK_EQ(vcpu_finis, 3);
	CHECK_EQ(uninits, 1);
}

UCALL_TESTS({ "the program's own backend, by the mailbox", .once = once_mailbox },
	    { "init() launches the VM", .once = once_launch },
	    { "the program's own backend, by the address", .once = once_address },
	    { "wrong options, another ABI, half a pair", .once = once_wrong },
	    { "init fails", .once = once_init_fails },
	    { "init fails and does not say why", .once = once_silent },
	    { "vcpu_init and vcpu_fini", .once = once_vcpus });
