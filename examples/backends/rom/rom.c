// SPDX-License-Identifier: MIT
/*
 * rom - the guest stores to a page that it can only read.
 *
 * A memory slot with KVM_MEM_READONLY (KVM API document, KVM_SET_USER_MEMORY_REGION): reads are
 * plain memory and never exit, a write exits as MMIO with its 64 bits.  So one page is both the
 * doorbell and a text from the host to the guest: here the option `greeting`.
 *
 * An example of a backend that allocates something for each VM, and frees it in uninit().
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "rom",
	.version = "1.0",
	.summary = "the guest stores to a page that it can only read",
	.needs = UCALL_NEEDS_KVM,
	.protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "gpa", .type = UCALL_OPTION_UINT, .min = 0xc0000000, .max = 0xffffff000,
		  .value = "0xd0200000", .help = "guest-physical address of the page, a multiple of 4096" },
		{ .name = "greeting", .type = UCALL_OPTION_STRING, .value = "hello",
		  .help = "the text that the guest finds in the page" },
	});
/* clang-format on */

#ifndef __s390x__ /* which has no MMIO */
UCALL_DOORBELL static void rom_ring(struct ucall *uc, const struct ucall_bell *bell)
{
	*(volatile uint64_t *)bell->param[0] = (uint64_t)uc;
}

UCALL_GUEST_CODE(rom_ring, rom_ring);
#endif

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/kvm.h>

#define PAGE 4096

struct rom {
	uint64_t gpa;
	char *page;
};

static int fill(struct ucall_vm *vm, const struct ucall_args *args, struct rom *rom)
{
	const char *greeting = ucall_args_string(args, "greeting");
	int slot = ucall_vm_take_slot(vm);
	struct kvm_userspace_memory_region region = { .slot = (uint32_t)slot,
						      .flags = KVM_MEM_READONLY,
						      .guest_phys_addr = rom->gpa,
						      .memory_size = PAGE,
						      .userspace_addr = (uintptr_t)rom->page };
	uint64_t gva;

	if (slot < 0)
		return -1;
	if (rom->gpa % PAGE)
		return ucall_fail(EINVAL, "gpa=0x%llx is not a multiple of 4096",
				  (unsigned long long)rom->gpa);
	if (strlen(greeting) >= PAGE)
		return ucall_fail(EINVAL, "greeting is longer than a page");
	strcpy(rom->page, greeting);
	if (ioctl(ucall_vm_fd(vm), KVM_SET_USER_MEMORY_REGION, &region))
		return ucall_fail(errno, "KVM_MEM_READONLY at 0x%llx: %s",
				  (unsigned long long)rom->gpa, strerror(errno));
	gva = ucall_vm_map_device(vm, rom->gpa, PAGE);
	return gva ? ucall_vm_set_param(vm, 0, gva) : -1;
}

static void drop(struct rom *rom)
{
	if (rom->page != MAP_FAILED)
		munmap(rom->page, PAGE);
	free(rom);
}

static int rom_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	struct rom *rom = calloc(1, sizeof(*rom));

	if (!rom)
		return ucall_fail(ENOMEM, "out of memory");
	rom->gpa = ucall_args_uint(args, "gpa");
	rom->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (rom->page == MAP_FAILED ? ucall_fail(ENOMEM, "out of memory") : fill(vm, args, rom)) {
		drop(rom); /* uninit() is not called after a failure */
		return -1;
	}
	ucall_vm_set_backend_data(vm, rom);
	return 0;
}

static void rom_uninit(struct ucall_vm *vm)
{
	drop(ucall_vm_backend_data(vm));
}

static int rom_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	const struct rom *rom = ucall_vm_backend_data(ucall_vcpu_vm(vcpu));

	if (!ucall_exit_is_store(exit, rom->gpa, 8))
		return 0;
	*where = exit->u.mmio.data;
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = rom_init,
	.uninit = rom_uninit,
#ifndef __s390x__
	.send_cmd = rom_ring,
	.send_cmd_shared = rom_ring,
#endif
	.recv_cmd = rom_recv,
};
#endif
