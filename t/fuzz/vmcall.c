// SPDX-License-Identifier: MIT
/* Fuzz: TDCALL of a trust domain, with any registers, and TDG.VP.VMCALL first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "protect/tdx/emulated/emulated.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 256
#define RUN_SIZE 12288 /* what KVM_GET_VCPU_MMAP_SIZE gives on x86_64 */
#define SHARED_BIT (1ull << 47)

int ioctl(int fd, unsigned long request, ...);

/* KVM takes every memory slot, and refuses all else. */
int ioctl(int fd, unsigned long request, ...)
{
	if (request == KVM_SET_USER_MEMORY_REGION)
		return 0;
	errno = EINVAL;
	return -1;
}

/* What the caller does after the exit. */
static void answer(struct ucall_cpu *vcpu, struct kvm_regs *regs, struct kvm_run *run)
{
	const struct ucall_exit *exit = &vcpu->exit;

	switch (exit->reason) {
	case UCALL_EXIT_IO:
		if (!exit->u.io.size || exit->u.io.size > 4 || exit->u.io.count != 1)
			abort();
		break;
	case UCALL_EXIT_MMIO:
		if (!exit->u.mmio.size || exit->u.mmio.size > 8 || exit->u.mmio.gpa >= SHARED_BIT)
			abort();
		break;
	case UCALL_EXIT_FATAL:
	case UCALL_EXIT_MEMORY:
		break;
	default:
		abort();
	}
	if (tdx_vcpu(vcpu)->pending)
		tdx_answer(vcpu, regs, run, RUN_SIZE);
}

static void call(struct ucall_machine *vm, struct kvm_regs regs)
{
	struct tdx_vcpu v = { .has_ve = regs.rflags & 1 };
	struct ucall_cpu vcpu = { .vm = vm, .guard_data = &v };
	struct kvm_run *run = calloc(1, RUN_SIZE);
	const struct kvm_regs before = regs;
	const bool is_vmcall = regs.rax == UCALL_TDG_VP_VMCALL;
	int r;

	if (!run)
		return;
	r = tdx_call(&vcpu, -1, &regs, run, RUN_SIZE);
	if (!r)
		answer(&vcpu, &regs, run);
	/* Registers that the guest did not show are as they were. */
	for (unsigned int i = 1; is_vmcall && r >= 0 && i < 16; i++)
		if (!(before.rcx >> i & 1) &&
		    *x86_reg(&regs, i) != *x86_reg((struct kvm_regs *)(uintptr_t)&before, i))
			abort();
	free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct kvm_cpuid2 head;
		uint8_t bytes[sizeof(struct kvm_cpuid2) + sizeof(struct kvm_cpuid_entry2)];
	} cpuid = { .head.nent = 1 };
	struct tdx_vm tdx = { .cpuid = &cpuid.head };
	struct ucall_machine vm;
	struct kvm_regs regs;

	if (size < sizeof(regs))
		return 0;
	memcpy(&regs, data, sizeof(regs));
	cpuid.head.entries[0].function = 0x40000000;
	memset(&vm, 0, sizeof(vm));
	if (ucall_machine_init(&vm, NULL, &ucall_arch_x86_64) ||
	    ucall_protect_choose(&vm, "emulated-tdx"))
		abort();
	if (x86_init(&tdx.cpu, -1)) /* there is no KVM to ask */
		tdx.cpu.slots_most = 512;
	tdx.map_pages = regs.rflags >> 1 & 3;
	vm.guard_data = &tdx;
	vm.memory.has_private = true;
	vm.memory.shared_bits = SHARED_BIT;
	if (!ucall_pages_init(&vm.memory, PAGES * UCALL_PAGE_SIZE, UCALL_PRIVATE_APART) &&
	    ucall_memory_alloc_pages(&vm.memory, 3) && !tdx_track_memory(&vm))
		call(&vm, regs);
	tdx_free_memory(&vm);
	vm.guard_data = NULL;
	ucall_machine_fini(&vm);
	return 0;
}
