// SPDX-License-Identifier: MIT
/* Guests that misuse doorbell and mailbox: the host reports what is wrong, and survives. */
#include "confidential.h"

#define ROUNDS 300

/* xorshift64: the guest and the host draw the same numbers. */
UCALL_INLINE uint64_t draw(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

UCALL_INLINE void ring(uint64_t uc)
{
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	((void (*)(uint64_t, const struct ucall_bell *))bell->ring)(uc, bell);
}

/* memset() of a fortified C library cannot be inlined into a guest function. */
static UCALL_GUEST void fill(void *to, uint64_t value, size_t size)
{
	volatile uint64_t *words = to;

	for (size_t i = 0; i < size / 8; i++)
		words[i] = value;
}

/* Garbage in the head, the arguments and the text, then a doorbell, repeatedly. */
static UCALL_GUEST void guest_garbage(uint64_t seed)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	uint64_t *words = (uint64_t *)(void *)m;

	for (int i = 0; i < ROUNDS; i++) {
		words[draw(&seed) % (sizeof(m->uc) / 8)] = draw(&seed);
		words[0] = draw(&seed) & draw(&seed) & draw(&seed);
		m->shared = i % 3 ? 0 : draw(&seed);
		ring(i % 5 ? UCALL_MAILBOX_ADDRESS : draw(&seed));
	}
	fill(m, 0, UCALL_NEST_SIZE);
	GUEST_DONE();
}

/* Another vCPU writes the message while the host reads it. */
static UCALL_GUEST void guest_scribble(uint64_t *words, volatile uint64_t *stop)
{
	for (uint64_t i = 0; !*stop; i++) {
		words[0] = i << 32 | (i & 15) << 16 | 1;
		words[8 + i % 120] = i;
	}
	GUEST_DONE();
}

static UCALL_GUEST void guest_ring_it(struct ucall *uc)
{
	for (int i = 0; i < ROUNDS; i++) {
		ucall_this_mailbox()->shared = (uint64_t)(uintptr_t)uc;
		ring((uint64_t)(uintptr_t)uc);
	}
	GUEST_DONE();
}

static UCALL_GUEST void guest_ring_on(void)
{
	for (;;)
		ring(UCALL_MAILBOX_ADDRESS);
}

static UCALL_GUEST void guest_trap(void)
{
	__builtin_trap();
}

#if defined(__x86_64__)
/* Endless exceptions in handlers, and a fault area full of lies. */
static UCALL_GUEST void guest_again(struct ucall_frame *frame)
{
	__asm__ volatile("ud2");
}
#endif

static UCALL_GUEST void guest_lies(void)
{
	fill(&ucall_this_mailbox()->fault, ~0ull, sizeof(struct ucall_fault_area));
	ring(UCALL_MAILBOX_ADDRESS);
}

#if defined(__x86_64__)
/* Restarted in the middle of a message: nothing of it is left. */
static UCALL_GUEST void guest_halfway(uint64_t *again, struct ucall *uc)
{
	if (!*again) {
		*again = 1;
		uc->args[1] = 1;
		ucall_this_mailbox()->uc.args[1] = 66;
		ucall_this_mailbox()->shared = (uint64_t)(uintptr_t)uc;
		*(uint64_t *)(void *)&ucall_this_mailbox()->uc = ucall_head(UCALL_SYNC, 2, 0, 0);
		__asm__ volatile("outb %%al, %w0" : : "d"(0x5555) : "memory");
	}
	__asm__ volatile("outb %%al, %w0" : : "d"(0x5556) : "memory");
	GUEST_SYNC(7);
	GUEST_DONE();
}
#endif

#if defined(__x86_64__)
/* Garbage in the GHCB and its MSR. */
static UCALL_GUEST void guest_ghcb(uint64_t seed)
{
	volatile struct ucall_ghcb *g = ucall_this_ghcb();
	volatile uint64_t *words = (volatile uint64_t *)g;

	ucall_ghcb_call(0, 0, 0, 0); /* registers it */
	for (int i = 0; i < ROUNDS; i++) {
		words[draw(&seed) % 512] = draw(&seed);
		words[draw(&seed) % 512] = draw(&seed) & draw(&seed) & 0xff;
		g->sw_exit_code = i & 1 ? UCALL_SVM_EXIT_IOIO + draw(&seed) % 2
					: UCALL_SVM_EXIT_CPUID + draw(&seed) % 16;
		g->valid_bitmap[0] = draw(&seed);
		g->valid_bitmap[1] = draw(&seed) | 7ull << 50;
		g->protocol_version = 1 + draw(&seed) % 2;
		g->usage = i % 16 == 0;
		/* The GHCB itself, any request except to terminate, any page. */
		ucall_wrmsr(UCALL_MSR_GHCB, i % 4   ? ucall_this_mailbox()->ghcb
					    : i & 4 ? draw(&seed) & 0xffffffffffffeffull
						    : draw(&seed) & ~0xfffull);
		ucall_vmgexit();
	}
	GUEST_DONE();
}
#endif

/* W^X, the null page, the guard pages: a write there is reported. */
static UCALL_GUEST void guest_writes(uint64_t address)
{
	*(volatile uint64_t *)address = 1;
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <pthread.h>

static void check_sane(int cmd, const struct ucall *uc)
{
	if (cmd <= 0)
		return;
	CHECK_EQ(uc->cmd, cmd);
	CHECK(uc->nargs <= UCALL_MAX_ARGS);
	CHECK(uc->text_size < UCALL_TEXT_SIZE);
	CHECK_EQ(uc->text[uc->text_size], 0);
}

static void run_garbage(struct ucall_vcpu *vcpu)
{
	struct ucall uc;
	int cmd, messages = 0, refused = 0;

	for (int i = 0; i < 2 * ROUNDS; i++) {
		CHECK_OK(!ucall_vcpu_run(vcpu));
		cmd = get_ucall(vcpu, &uc);
		check_sane(cmd, &uc);
		messages += cmd > 0;
		refused += cmd < 0;
		if (cmd == UCALL_DONE && !uc.nargs && !uc.text_size && i >= ROUNDS)
			break;
	}
	CHECK(messages > 0);
	CHECK(refused > 0);
}

static void each_garbage(enum ucall_via via, int ring_)
{
	struct ucall_vm_config config = { .via = via, .ring = ring_ };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_garbage, 1, 88172645463325252);

	CHECK_OK(vcpu && !ucall_vm_launch(vm));
	run_garbage(vcpu);
}

static void each_mailbox(void)
{
	each_garbage(UCALL_VIA_MAILBOX, 0);
}

static void each_address(void)
{
	each_garbage(UCALL_VIA_ADDRESS, 0);
}

static void each_ring3(void)
{
	each_garbage(UCALL_VIA_MAILBOX, 3);
}

/* All vCPUs at once. */
static void *run_thread(void *data)
{
	run_garbage(data);
	return data;
}

static void host_all(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall_vcpu *vcpus[4];
	pthread_t threads[4];
	void *result;

	for (int i = 0; i < 4; i++) {
		vcpus[i] = ucall_vcpu_add(vm, guest_garbage, 1, i + 1);
		CHECK_OK(vcpus[i]);
	}
	CHECK_OK(!ucall_vm_launch(vm));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&threads[i], NULL, run_thread, vcpus[i]));
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &result);
		CHECK(result);
	}
}

static void *run_scribbler(void *data)
{
	return ucall_next(data, NULL) == UCALL_DONE ? data : NULL;
}

static void host_race(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t gva = ucall_shared_alloc(vm, 1), stop = ucall_vm_alloc(vm, 8, UCALL_MEM_SHARED);
	struct ucall_vcpu *scribbler = ucall_vcpu_add(vm, guest_scribble, 2, gva, stop);
	uint64_t one = 1;
	pthread_t thread;
	struct ucall uc;
	void *result;
	int cmd = 0;

	vcpu = ucall_vcpu_add(vm, guest_ring_it, 1, gva);
	CHECK_OK(gva && stop && scribbler && vcpu && !ucall_vm_launch(vm));
	CHECK(!pthread_create(&thread, NULL, run_scribbler, scribbler));
	for (int i = 0; i < ROUNDS; i++) {
		if (ucall_vcpu_run(vcpu))
			break;
		cmd = get_ucall(vcpu, &uc);
		check_sane(cmd, &uc);
	}
	CHECK_OK(!ucall_vm_write(vm, stop, &one, sizeof(one)));
	pthread_join(thread, &result);
	CHECK(result);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* The same from the host's side, on the mailbox itself. */
static bool scribbling;

/* Acts as a vCPU, whose writes no sanitizer sees either. */
static UCALL_NO_SANITIZE void *scribble_mailbox(void *data)
{
	volatile uint64_t *words = (volatile uint64_t *)ucall_vcpu_mailbox(data);
	uint64_t seed = 4711;

	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED))
		words[draw(&seed) % 3 ? 0 : draw(&seed) % 136] = draw(&seed) & 0x7ff00070101;
	return NULL;
}

static void host_rewritten(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	pthread_t thread;
	struct ucall uc;
	int cmd;

	__atomic_store_n(&scribbling, true, __ATOMIC_RELAXED);
	CHECK(!pthread_create(&thread, NULL, scribble_mailbox, vcpu));
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (ucall_vcpu_run(vcpu))
			break;
		cmd = get_ucall(vcpu, &uc);
		if (cmd > 0 && (uc.nargs > UCALL_MAX_ARGS || uc.text_size >= UCALL_TEXT_SIZE ||
				uc.text[uc.text_size] || uc.cmd != cmd))
			break;
		cmd = 0;
	}
	__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	CHECK_EQ(cmd, 0);
}

#if defined(__x86_64__)
/* Each request gets an answer, an exit or an error, and the guest continues. */
static void host_ghcb(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;
	int exits = 0, errors = 0, cmd = 0;

	for (int i = 0; i < 3 * ROUNDS && cmd != UCALL_DONE; i++) {
		if (ucall_vcpu_run(vcpu)) {
			CHECK_EQ(errno, EINVAL);
			errors++;
		} else {
			cmd = get_ucall(vcpu, &uc);
			exits++;
		}
	}
	CHECK_EQ(cmd, UCALL_DONE);
	CHECK(exits > 1 && errors > 0);
}
#endif

#if defined(__x86_64__)
static void host_endless(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_OK(!ucall_vm_set_handler(vm, 6, guest_again));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
}
#endif

static void host_lies(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, EFAULT);
	CHECK_HAS(ucall_fault_report(vcpu), "ffffffffffffffff");
}

#if defined(__x86_64__)
static void host_halfway(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t again = ucall_vm_alloc(vm, 8, UCALL_MEM_PRIVATE), uc_gva;
	struct ucall uc;

	uc_gva = ucall_shared_alloc(vm, 1);
	vcpu = ucall_vcpu_add(vm, guest_halfway, 2, again, uc_gva);
	CHECK_OK(again && uc_gva && vcpu);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(ucall_vcpu_exit(vcpu)->u.io.port, 0x5555);
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_NONE);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(ucall_vcpu_exit(vcpu)->u.io.port, 0x5556);
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_NONE);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], 7);
	CHECK_NEXT(vcpu, &uc, UCALL_DONE);
}
#endif

/* Restarted 200 times: no memory is used up. */
static void host_restarts(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t before = ucall_vm_alloc(vm, 1, UCALL_MEM_PRIVATE), after;

	for (int i = 0; i < 200; i++) {
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_OK(!ucall_vcpu_restart(vcpu));
	}
	after = ucall_vm_alloc(vm, 1, UCALL_MEM_PRIVATE);
	CHECK_EQ(after - before, 2 * 4096);
}

#define CODE 1

static void each_protected(void)
{
	const uint64_t addresses[] = {
		0,
		0xff8, /* the null page */
		CODE, /* of the guest itself */
		UCALL_BELL_ADDRESS,
		UCALL_CODE_ADDRESS, /* the backend's */
		UCALL_MAILBOX_ADDRESS + 0x1000,
		UCALL_MAILBOX_ADDRESS - 8,
		0x8000100000, /* descriptor tables */
		0x10000000000 - 8,
		0x10000010000, /* around the stack */
	};

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct ucall_vm *vm = ucall_test_vm(NULL);
		uint64_t address = addresses[i];
		struct ucall_vcpu *vcpu;

		if (address == CODE)
			address = ucall_arch_bit(ucall_test_arch()) == ucall_arch_host()
					  ? (uintptr_t)guest_writes
					  : ucall_vm_symbol(vm, "guest_writes") & ~7ull;
		vcpu = ucall_vcpu_add(vm, guest_writes, 1, address);
		CHECK_OK(vcpu);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, EFAULT);
		CHECK_EQ(ucall_fault(vcpu)->frame.address, address);
		CHECK_HAS(ucall_error(), "write to");
		ucall_test_vm_free(vm);
	}
}

UCALL_TESTS({ "garbage, by the mailbox", .each = each_mailbox, .any_arch = true },
	    { "garbage, by the address", .each = each_address, .any_arch = true },
	    { "garbage, from ring 3", .each = each_ring3 },
	    { "garbage from all vCPUs at once", .host = host_all, .any_arch = true },
	    { "a shared message that another vCPU rewrites", .host = host_race, .any_arch = true },
	    { "a mailbox that is rewritten", UCALL_TEST_GUEST(guest_ring_on),
	      .host = host_rewritten, .any_arch = true },
#if defined(__x86_64__)
	    { "endless exceptions", UCALL_TEST_GUEST(guest_trap), .host = host_endless,
	      .engine = "kvm" },
#endif
	    { "lies in the fault area", UCALL_TEST_GUEST(guest_lies), .host = host_lies,
	      .any_arch = true },
#if defined(__x86_64__)
	    { "a restart in mid-message", .host = host_halfway },
#endif
	    { "restarts", UCALL_TEST_GUEST(guest_trap), .host = host_restarts, .any_arch = true },
	    { "what the guest may not write", .each = each_protected, .any_arch = true },
	    EACH_PROTECTED("garbage", .each = each_mailbox, .config.guest_vc = true),
	    EACH_PROTECTED("garbage from all vCPUs at once", .host = host_all,
			   .config.guest_vc = true),
	    EACH_PROTECTED("a shared message that another vCPU rewrites", .host = host_race,
			   .config.guest_vc = true),
#if defined(__x86_64__)
	    EMULATED_CLOSED("garbage in the GHCB", UCALL_TEST_GUEST(guest_ghcb), .host = host_ghcb,
			    .nargs = 1, .args = { 88172645463325252 }, .launch = true,
			    .config.guest_vc = true),
#endif
	    EACH_PROTECTED("a mailbox that is rewritten", UCALL_TEST_GUEST(guest_ring_on),
			   .host = host_rewritten, .launch = true, .config.guest_vc = true),
	    EACH_PROTECTED("lies in the fault area", UCALL_TEST_GUEST(guest_lies),
			   .host = host_lies, .launch = true, .config.guest_vc = true));

#endif
