// SPDX-License-Identifier: MIT
/* Vector registers of a guest: they work where instructions run natively, and exits keep them. */
#include <string.h>
#include <unistd.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#if defined(__x86_64__)
#define ADD_TWO(sum, a, b) \
	__asm__ volatile("movupd (%1), %%xmm0; movupd (%2), %%xmm7; addpd %%xmm7, %%xmm0; movupd " \
			 "%%xmm0, (%0)" \
			 : \
			 : "r"(sum), "r"(a), "r"(b) \
			 : "memory")
#define STORE(to) __asm__ volatile("movupd %%xmm7, (%0)" : : "r"(to) : "memory")
#else
#define ADD_TWO(sum, a, b) \
	__asm__ volatile("ldr q0, [%1]; ldr q7, [%2]; fadd v0.2d, v0.2d, v7.2d; str q0, [%0]" \
			 : \
			 : "r"(sum), "r"(a), "r"(b) \
			 : "memory")
#define STORE(to) __asm__ volatile("str q7, [%0]" : : "r"(to) : "memory")
#endif

/* a and b, which the host sets, their sum, and what is in a register after an exit. */
struct numbers {
	double a[2], b[2], sum[2], after[2];
};

static UCALL_GUEST void guest_code(struct numbers *n)
{
	ADD_TWO(n->sum, n->a, n->b);
	GUEST_SYNC(1);
	STORE(n->after);
	GUEST_DONE();
}

static void add(struct ucall_vm *vm, struct ucall_vcpu **vcpu, struct numbers **n, double first)
{
	uint64_t gva = ucall_vm_alloc(vm, sizeof(**n), UCALL_MEM_SHARED);

	CHECK_OK(gva);
	*n = ucall_vm_host_pointer(vm, gva, sizeof(**n));
	*vcpu = ucall_vcpu_add(vm, guest_code, 1, gva);
	CHECK_OK(*n && *vcpu);
	(*n)->a[0] = first;
	(*n)->a[1] = first + 1;
	(*n)->b[0] = first * 0.5;
	(*n)->b[1] = first * 0.25;
}

/* Two vCPUs in turn: each keeps its own. */
static void host_code(struct ucall_vm *vm, struct ucall_vcpu *unused)
{
	struct ucall_vcpu *vcpus[2];
	struct numbers *n[2];

	add(vm, &vcpus[0], &n[0], 1);
	add(vm, &vcpus[1], &n[1], 100);
	for (int i = 0; i < 2; i++) {
		int cmd = ucall_next(vcpus[i], NULL);

		if (cmd == -1 && ucall_fault(vcpus[i])->kind == UCALL_FAULT_VECTOR &&
		    !access("/sys/module/kvm_pvm", F_OK) && ucall_vm_ring(vm) == 0)
			SKIP("KVM here is kvm_pvm, which interprets ring 0 and has no vector "
			     "registers "
			     "there");
		if (cmd != UCALL_SYNC)
			FAIL("command %d: %s", cmd, ucall_error());
	}
	for (int i = 0; i < 2; i++)
		CHECK_NEXT(vcpus[i], NULL, UCALL_DONE);
	for (int i = 0; i < 2; i++) {
		for (int k = 0; k < 2; k++)
			CHECK(n[i]->sum[k] == n[i]->a[k] + n[i]->b[k]);
		CHECK(!memcmp(n[i]->after, n[i]->b, sizeof(n[i]->b)));
	}
}

#if defined(__x86_64__)
#define ENGINE NULL
#else
#define ENGINE "kvm" /* Unicorn's guests of aarch64 have floating point off */
#endif

UCALL_TESTS({ "sums, and two vCPUs in turn", .host = host_code, .engine = ENGINE },
	    { "sums, and two vCPUs in turn, in ring 3", .host = host_code, .engine = "kvm",
	      .config = { .ring = 3 } });
