// SPDX-License-Identifier: MIT
/*
 * Shows what you see when a guest goes wrong: broken FAULT.  Exit status as with `ucall run`: 1 a
 * failed assert, 3 a fault, 124 a time limit; and 2 bad usage or no VM.
 */
#if defined(__x86_64__)
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ucall/ucall.h>

static UCALL_GUEST void guest_null(void)
{
	__asm__ volatile("movq $1, (%0)" : : "r"(0x10) : "memory");
}

static UCALL_GUEST void guest_libc(void)
{
	puts("hello");
}

static volatile float f[4] = { 1, 2, 3, 4 };

static UCALL_NO_SANITIZE void guest_sse(void) /* without UCALL_GUEST */
{
	for (int i = 0; i < 4; i++)
		f[i] = f[i] * 1.5f;
	__asm__ volatile("vaddps %%ymm0, %%ymm0, %%ymm0" : : : "memory");
}

static UCALL_GUEST void guest_div0(void)
{
	uint32_t zero = 0;

	__asm__ volatile("xor %%edx, %%edx; div %0" : : "r"(zero) : "rax", "rdx");
}

static UCALL_GUEST void guest_ud(void)
{
	__asm__ volatile("ud2");
}

static UCALL_GUEST void guest_spin(void)
{
	for (;;)
		__asm__ volatile("pause");
}

/* With an in-kernel interrupt controller: no interrupt ever comes. */
static UCALL_GUEST void guest_halt(void)
{
	__asm__ volatile("cli; hlt");
}

static UCALL_GUEST void guest_triple(void)
{
	struct __attribute__((packed)) {
		uint16_t limit;
		uint64_t base;
	} none = { 0, 0 };

	__asm__ volatile("lidt %0; ud2" : : "m"(none) : "memory");
}

static UCALL_GUEST __attribute__((noinline)) uint64_t recurse(volatile uint64_t *n)
{
	volatile uint64_t more[64];

	more[0] = *n + 1;
	return more[0] ? recurse(more) + more[0] : 0;
}

static UCALL_GUEST void guest_stack(void)
{
	volatile uint64_t n = 0;

	recurse(&n);
}

/* A message where there is no memory. */
static UCALL_GUEST void guest_wild_ring(void)
{
	const struct ucall_bell *bell = (const struct ucall_bell *)UCALL_BELL_ADDRESS;

	ucall_this_mailbox()->shared = 0xdeadbeef000;
	((void (*)(uint64_t, const struct ucall_bell *))bell->ring)(0xdeadbeef000, bell);
	__asm__ volatile(""
			 :
			 :
			 : "memory"); /* not a jump, so that this function is in the report */
}

static UCALL_GUEST void guest_assert(void)
{
	uint64_t answer = 41;

	GUEST_ASSERT_EQ(answer, 42);
}

static void (*const faults[])(void) = {
	guest_null, guest_libc,	  guest_sse,   guest_div0,	guest_ud,     guest_spin,
	guest_halt, guest_triple, guest_stack, guest_wild_ring, guest_assert,
};

static const char *const names[] = {
	"null", "libc",	  "sse",   "div0",	"ud",	  "spin",
	"halt", "triple", "stack", "wild-ring", "assert",
};

#define FAULTS (sizeof(names) / sizeof(names[0]))

/* So that there is a caller to show. */
static UCALL_GUEST void guest_main(uint64_t which)
{
	GUEST_PRINTF("the guest goes wrong\n");
	faults[which]();
	GUEST_DONE();
}

static int report(const struct ucall_vcpu *vcpu)
{
	int error = errno;

	if (ucall_fault_report(vcpu)[0])
		fprintf(stderr, "broken: %s\n", ucall_fault_report(vcpu));
	else
		fprintf(stderr, "broken: %s\n", ucall_error());
	return error == ECANCELED ? 1 : error == ETIMEDOUT ? 124 : 3;
}

int main(int argc, char **argv)
{
	struct ucall_vm_config config = { .timeout_ms = 500 };
	struct ucall_vcpu *vcpu = NULL;
	struct ucall_vm *vm;
	size_t which = 0;
	int status = 0;

	while (which < FAULTS && (argc != 2 || strcmp(names[which], argv[1]) != 0))
		which++;
	if (which == FAULTS) {
		fprintf(stderr, "usage: broken FAULT, one of");
		for (size_t i = 0; i < FAULTS; i++)
			fprintf(stderr, " %s", names[i]);
		fprintf(stderr, "\n");
		return 2;
	}
	setlinebuf(stdout); /* keeps the guest's text and the report in order */
	config.irqchip = !strcmp(names[which], "halt");
	vm = ucall_vm_create(&config);
	if (vm)
		vcpu = ucall_vcpu_add(vm, guest_main, 1, which);
	if (!vcpu) {
		fprintf(stderr, "broken: %s\n", ucall_error());
		status = 2;
	} else if (ucall_next(vcpu, NULL) < 0) {
		status = report(vcpu);
	}
	ucall_vm_free(vm);
	return status;
}

#else
#include <stdio.h>

int main(void)
{
	fputs("examples/broken runs only on x86_64 hosts\n", stderr);
	return 77;
}
#endif
