// SPDX-License-Identifier: MIT
/* Fuzz: struct kvm_run as exit information. */
#include <stdlib.h>
#include <string.h>

#include "arch/riscv64/riscv64.h"
#include "arch/s390x/s390x.h"
#include "kvm/kvm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The decoders for other hosts. */
static void others(const struct kvm_run *run, const uint8_t *data, size_t size)
{
	uint64_t gprs[16] = { 0 };
	struct ucall_exit exit;

	memcpy(gprs, data, size < sizeof(gprs) ? size : sizeof(gprs));
	ucall_s390x_decode(run, gprs, &exit);
	ucall_riscv64_decode(run, &exit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t run_size = 12288; /* what KVM_GET_VCPU_MMAP_SIZE gives on x86_64 */
	struct kvm_run *run = calloc(1, run_size);
	struct ucall_exit exit;

	if (!run)
		return 0;
	/* The fields of an exit follow its reason. */
	run->exit_reason = size ? data[0] : 0;
	if (size > 1)
		memcpy(&run->hw, data + 1, size - 1 < 256 ? size - 1 : 256);
	memset(&exit, 0xff, sizeof(exit));
	ucall_kvm_decode(NULL, run, run_size, &exit);
	if (exit.reason > UCALL_EXIT_FATAL || exit.native != run->exit_reason)
		abort();
	others(run, data, size);
	free(run);
	return 0;
}
