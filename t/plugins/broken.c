// SPDX-License-Identifier: MIT
/*
 * A backend with one mistake, chosen by BROKEN; without it, all is right.  Each mistake compiles,
 * loads, and often works: what `ucall conform` is for.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>

/* What can be wrong. */
#define NOTHING 0
#define CLOBBERS 1 /* the doorbell overwrites an argument */
#define ADDRESS 2 /* the address is wrong */
#define CLAIMS_ALL 3
#define CLAIMS_NONE 4
#define GLOBAL 5 /* one VM's option is all VMs' */
#define LEAKS 6 /* a descriptor for each VM */
#define LEAKS_REFUSED 7 /* and one for each that it refuses */
#define DEFAULT_ARCH 8 /* the default for an architecture that does not exist */
#define DEFAULT_VALUE 9 /* a default out of range */
#define METADATA 10 /* ucall_ops have another backend's metadata */
#define TWICE 11 /* rings twice */
#define DROPS 12 /* sometimes does not ring */
#define NO_SUMMARY 13
#define CLAIMS_LOADS 14 /* reads of its address too */
#define LOADS 15 /* its doorbell is a load */
#define CHANGES_FIRST 16 /* changes the first register that a function must keep; then the last */
#define CHANGES_LAST 17
#define CHANGES_FLAGS 18 /* x86_64: the direction flag */
#define WRITES_VCPU 19 /* of the mailbox */
#define WRITES_FAULT 20
#define PRINTS 21
#define LEAKS_MEMORY 22 /* 3 MiB a VM */
#define LEAKS_EXITS 23 /* 100 KiB a message */
#define SAYS_NOTHING 24 /* init() sets only errno */
#define EXITS 25 /* in a constructor */
#define CRASHES 26
#define HANGS 27
#define INIT_EXITS 28
#define INIT_HANGS 29
#define RECV_EXITS 30
#define RECV_CRASHES 31
#define SPINS 32 /* the doorbell never returns */
#define LEAKS_THREADS 33
#define SKIPS 34 /* init() refuses all VMs */
#define CLAIMS_OTHERS 35 /* stores to all addresses */
#define STARTS_PROCESS 36 /* in a constructor */
#define STARTS_THREAD 37
#define LEAVES_FD 38
#define SAYS_HELLO 39
#define TAKES_STDIN 40
#define LINE_IN_SUMMARY 41
#define CLAIMS_HALTS 42

#ifndef BROKEN
#define BROKEN NOTHING
#endif

/* clang-format off */
UCALL_BACKEND(
	.name = "broken",
	.version = "1",
#if BROKEN == LINE_IN_SUMMARY
	.summary = "two\nlines",
#elif BROKEN != NO_SUMMARY
	.summary = "a store to a device, more or less",
#endif
	.protections = UCALL_PROTECT_NONE,
#if BROKEN == DEFAULT_ARCH
	.default_for = 1u << 20,
	.default_for_protections = UCALL_PROTECT_NONE,
#endif
	.options = {
		{ .name = "gpa", .type = UCALL_OPTION_UINT, .min = 0xc0000000, .max = 0xffffff000,
#if BROKEN == DEFAULT_VALUE
		  .value = "0x1000",
#else
		  .value = "0xd0100000",
#endif
		  .help = "the doorbell" },
		{ .name = "fail", .type = UCALL_OPTION_BOOL, .value = "0", .help = "init fails" },
	});
/* clang-format on */

UCALL_DOORBELL static void ring(struct ucall *uc, const struct ucall_bell *bell)
{
	volatile uint64_t *device = (volatile uint64_t *)bell->param[0];

#if BROKEN == CLOBBERS
	uc->args[6] = 0;
#elif BROKEN == DROPS
	if ((uc->args[1] & 0xff) == 0xff && uc->cmd == UCALL_SYNC)
		return;
#endif
#if BROKEN == SPINS
	for (;;)
		__asm__ volatile("");
#elif BROKEN == WRITES_VCPU
	ucall_this_mailbox()->vcpu = 99;
#elif BROKEN == WRITES_FAULT
	ucall_this_mailbox()->fault.frame.extra[3] = 1;
#elif defined(__x86_64__) && BROKEN == CHANGES_FIRST
	__asm__ volatile("mov $1, %%ebx" : : : "memory");
#elif defined(__x86_64__) && BROKEN == CHANGES_LAST
	__asm__ volatile("xor %%r15d, %%r15d" : : : "memory");
#elif defined(__aarch64__) && BROKEN == CHANGES_FIRST
	__asm__ volatile("mov x19, #1" : : : "memory");
#elif defined(__aarch64__) && BROKEN == CHANGES_LAST
	__asm__ volatile("mov x29, #1" : : : "memory");
#elif defined(__s390x__) && BROKEN == CHANGES_FIRST
	__asm__ volatile("lghi %%r6, 1" : : : "memory");
#elif defined(__s390x__) && BROKEN == CHANGES_LAST
	__asm__ volatile("lghi %%r13, 1" : : : "memory");
#elif defined(__riscv) && BROKEN == CHANGES_FIRST
	__asm__ volatile("li s0, 1" : : : "memory");
#elif defined(__riscv) && BROKEN == CHANGES_LAST
	__asm__ volatile("li tp, 1" : : : "memory");
#elif defined(__x86_64__) && BROKEN == CHANGES_FLAGS
	__asm__ volatile("std" : : : "memory");
#endif
#if BROKEN == LOADS
	(void)*device;
	return;
#endif
	*device = (uint64_t)uc;
#if BROKEN == TWICE
	*device = (uint64_t)uc;
#endif
}

UCALL_GUEST_CODE(ring, ring);

#if BROKEN == GLOBAL
static uint64_t global_gpa;
#endif

#if BROKEN == EXITS || BROKEN == CRASHES || BROKEN == HANGS
__attribute__((constructor)) static void constructor(void)
{
	while (BROKEN == HANGS)
		pause();
	if (BROKEN == EXITS)
		_exit(0);
	abort();
}
#endif

#if BROKEN == LEAKS_THREADS || BROKEN == STARTS_THREAD
static void *thread(void *data)
{
	for (;;)
		pause();
	return data;
}
#endif

#if BROKEN >= STARTS_PROCESS && BROKEN <= TAKES_STDIN
__attribute__((constructor)) static void constructor(void)
{
#if BROKEN == STARTS_PROCESS
	if (!fork())
		pause();
#elif BROKEN == STARTS_THREAD
	pthread_t t;

	pthread_create(&t, NULL, thread, NULL);
#elif BROKEN == LEAVES_FD
	open("/dev/null", O_RDONLY | O_CLOEXEC);
#elif BROKEN == SAYS_HELLO
	printf("hello\n");
#else
	close(0);
#endif
}
#endif

#if BROKEN == LEAKS_MEMORY || BROKEN == LEAKS_EXITS
static void *volatile sink;
#endif

static int init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t gpa = ucall_args_uint(args, "gpa") & ~7ull, gva;

#if BROKEN == LEAKS_MEMORY
	sink = malloc(3 << 20);
	memset(sink, 1, 3 << 20);
#elif BROKEN == LEAKS_THREADS
	pthread_t t;

	pthread_create(&t, NULL, thread, NULL);
#elif BROKEN == SKIPS
	return ucall_fail(EOPNOTSUPP, "not on this machine");
#elif BROKEN == SAYS_NOTHING
	errno = ENOSPC;
	return -1;
#elif BROKEN == INIT_EXITS
	exit(0);
#elif BROKEN == INIT_HANGS
	for (;;)
		pause();
#endif
#if BROKEN == LEAKS
	open("/dev/null", O_RDONLY | O_CLOEXEC);
#endif
	if (ucall_args_uint(args, "fail")) {
#if BROKEN == LEAKS_REFUSED
		open("/dev/null", O_RDONLY | O_CLOEXEC);
#endif
		return ucall_fail(ENOTSUP, "as requested");
	}
	gva = ucall_vm_map_device(vm, gpa, 8);
	if (!gva)
		return -1;
#if BROKEN == GLOBAL
	global_gpa = gpa;
#endif
	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)gpa);
	return ucall_vm_set_param(vm, 0, gva);
}

static int recv_cmd(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	uint64_t gpa = (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu));

#if BROKEN == GLOBAL
	gpa = global_gpa;
#endif
	*where = exit->u.mmio.data;
#if BROKEN == PRINTS
	printf("recv is called\n");
#elif BROKEN == LEAKS_EXITS
	sink = malloc(100 << 10);
	memset(sink, 1, 100 << 10);
#elif BROKEN == RECV_EXITS
	_exit(0);
#elif BROKEN == RECV_CRASHES
	abort();
#elif BROKEN == LOADS
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.gpa == gpa;
#endif
#if BROKEN == ADDRESS
	*where += 8;
#elif BROKEN == CLAIMS_ALL
	return 1;
#elif BROKEN == CLAIMS_NONE
	return 0;
#elif BROKEN == CLAIMS_LOADS
	return exit->reason == UCALL_EXIT_MMIO;
#elif BROKEN == CLAIMS_HALTS
	if (exit->reason == UCALL_EXIT_HALT)
		return 1;
#elif BROKEN == CLAIMS_OTHERS
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.is_write && exit->u.mmio.size == 8;
#endif
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.is_write && exit->u.mmio.size == 8 &&
	       exit->u.mmio.gpa == gpa;
}

static int recv_cmd_shared(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	uint64_t where;

	return recv_cmd(vcpu, exit, &where);
}

#if BROKEN == METADATA
static const struct ucall_metadata other = { .abi = UCALL_ABI, .name = "other" };
#endif

extern const struct ucall_ops ucall_ops;
const struct ucall_ops ucall_ops = {
	.abi = UCALL_ABI,
	.size = sizeof(struct ucall_ops),
#if BROKEN == METADATA
	.metadata = &other,
#else
	.metadata = &ucall_metadata_note.metadata,
#endif
	.init = init,
	.send_cmd = ring,
	.send_cmd_shared = ring,
	.recv_cmd = recv_cmd,
	.recv_cmd_shared = recv_cmd_shared,
};
