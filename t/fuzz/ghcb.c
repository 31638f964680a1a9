// SPDX-License-Identifier: MIT
/* Fuzz: requests of a guest with encrypted registers, through the GHCB and its MSR. */
#include <stdlib.h>
#include <string.h>

#include "protect/sev/emulated/emulated.h"
#include "base/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGES 256
#define RUN_SIZE 12288 /* what KVM_GET_VCPU_MMAP_SIZE gives on x86_64 */
#define GHCB (5 * UCALL_PAGE_SIZE) /* a shared page */

static void request(struct ucall_machine *vm, uint64_t msr, const uint8_t *ghcb, size_t size)
{
	struct sev_vcpu v = { .ghcb_msr = msr, .registered = GHCB };
	struct ucall_cpu vcpu = { .vm = vm, .guard_data = &v };
	struct kvm_run *run = calloc(1, RUN_SIZE);
	int r;

	if (!run)
		return;
	memcpy(vm->memory.base + GHCB, ghcb, size);
	/* No descriptor: KVM refuses every call. */
	r = sev_vmgexit(&vcpu, -1, run, RUN_SIZE);
	if (!r && vcpu.exit.reason != UCALL_EXIT_IO && vcpu.exit.reason != UCALL_EXIT_HALT &&
	    vcpu.exit.reason != UCALL_EXIT_TERMINATE)
		abort();
	if (v.pending)
		sev_answer(&vcpu, run, RUN_SIZE);
	free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	union {
		struct kvm_cpuid2 head;
		uint8_t bytes[sizeof(struct kvm_cpuid2) + sizeof(struct kvm_cpuid_entry2)];
	} cpuid = { .head.nent = 1 };
	struct sev_vm sev = { .cpuid = &cpuid.head };
	struct ucall_machine vm;
	uint64_t msr;

	if (size < 9)
		return 0;
	cpuid.head.entries[0].function = 0x8000001f;
	memset(&vm, 0, sizeof(vm));
	if (ucall_machine_init(&vm, NULL, &ucall_arch_x86_64) ||
	    ucall_protect_choose(&vm, data[0] & 1 ? "emulated-sev-snp" : "emulated-sev-es"))
		abort();
	memcpy(&msr, data + 1, 8);
	if (data[0] & 2)
		msr = GHCB;
	size -= 9;
	if (size > UCALL_PAGE_SIZE)
		size = UCALL_PAGE_SIZE;
	if (x86_init(&sev.cpu, -1)) /* there is no KVM to ask */
		sev.cpu.slots_most = 512;
	vm.guard_data = &sev;
	sev_set_c_bit(&vm.memory, 1ull << 47);
	if (!ucall_pages_init(&vm.memory, PAGES * UCALL_PAGE_SIZE, UCALL_PRIVATE_APART) &&
	    ucall_memory_alloc_pages(&vm.memory, 3))
		request(&vm, msr, data + 9, size);
	x86_fini(&sev.cpu, false);
	vm.guard_data = NULL;
	ucall_machine_fini(&vm);
	return 0;
}
