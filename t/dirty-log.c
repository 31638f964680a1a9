// SPDX-License-Identifier: MIT
/*
 * KVM's log of dirty pages works for a VM's memory: the guest's stores are in it, and nothing else
 * near them.
 */
#include <sys/ioctl.h>

#include <linux/kvm.h>

#include <ucall/test.h>

#define PAGES 40
#define MEMORY ((size_t)16 << 20)

/* Stores into every third page, from the first, then the second, then the third. */
static UCALL_GUEST void guest_code(uint8_t *pages)
{
	for (uint64_t first = 0; first < 3; first++) {
		GUEST_SYNC(first);
		for (uint64_t i = first; i < PAGES; i += 3)
			*(volatile uint8_t *)&pages[i * 4096 + 123] = (uint8_t)i;
		for (uint64_t i = 0; i < PAGES; i++) /* reads are not in the log */
			(void)*(volatile uint8_t *)&pages[i * 4096];
	}
	GUEST_DONE();
}

/* A memory slot as the library makes it: all of guest memory, from guest-physical address 0. */
static void set_log(struct ucall_vm *vm, uint64_t gva, uint64_t gpa, bool on)
{
	struct kvm_userspace_memory_region slot = {
		.flags = on ? KVM_MEM_LOG_DIRTY_PAGES : 0,
		.memory_size = MEMORY,
	};
	uint8_t *pointer = ucall_vm_host_pointer(vm, gva, 1);

	CHECK_OK(pointer);
	slot.userspace_addr = (uint64_t)(uintptr_t)(pointer - gpa);
	CHECK(!ioctl(ucall_vm_fd(vm), KVM_SET_USER_MEMORY_REGION, &slot));
}

static void get_log(struct ucall_vm *vm, uint64_t *bits)
{
	struct kvm_dirty_log log = { .dirty_bitmap = bits };

	CHECK(!ioctl(ucall_vm_fd(vm), KVM_GET_DIRTY_LOG, &log));
}

static bool is_dirty(const uint64_t *bits, uint64_t gpa)
{
	return bits[gpa / 4096 / 64] >> gpa / 4096 % 64 & 1;
}

static void host_code(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static uint64_t bits[MEMORY / 4096 / 64];
	uint64_t gva = ucall_vm_alloc(vm, (size_t)PAGES * 4096, UCALL_MEM_SHARED), gpa;
	struct ucall uc;

	CHECK_OK(gva && !ucall_vm_translate(vm, gva, &gpa));
	vcpu = ucall_vcpu_add(vm, guest_code, 1, gva);
	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	set_log(vm, gva, gpa, true);
	for (uint64_t first = 0; first < 3; first++) {
		CHECK_NEXT(vcpu, &uc, first < 2 ? UCALL_SYNC : UCALL_DONE);
		get_log(vm, bits);
		for (uint64_t i = 0; i < PAGES; i++)
			if (is_dirty(bits, gpa + i * 4096) != (i % 3 == first))
				FAIL("round %d: page %d is %s", (int)first, (int)i,
				     i % 3 == first ? "not in the log" : "in the log");
	}
	set_log(vm, gva, gpa, false);
}

UCALL_TESTS({ "every third page", .host = host_code, .engine = "kvm",
	      .config = { .mem_size = MEMORY } },
	    { "every third page, in ring 3", .host = host_code, .engine = "kvm",
	      .config = { .mem_size = MEMORY, .ring = 3 } });
