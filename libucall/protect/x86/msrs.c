// SPDX-License-Identifier: MIT
/* MSRs that exit to user space (KVM API document, KVM_CAP_X86_USER_SPACE_MSR). */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "cpu.h"

int x86_check_msr_exits(int kvm_fd)
{
	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_USER_SPACE_MSR) <= 0 ||
	    ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_MSR_FILTER) <= 0)
		return ucall_fail(EOPNOTSUPP,
				  "this KVM cannot pass MSRs to user space "
				  "(KVM_CAP_X86_USER_SPACE_MSR, KVM_CAP_X86_MSR_FILTER); Linux "
				  "5.10 or later is needed");
	return 0;
}

bool x86_access_msr(int fd, uint32_t index, bool is_write, uint64_t *value)
{
	union {
		struct kvm_msrs head;
		uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
	} msr = { .head.nmsrs = 1 };
	struct kvm_msr_entry *entry = msr.head.entries;

	entry->index = index;
	entry->data = *value;
	if (ioctl(fd, is_write ? KVM_SET_MSRS : KVM_GET_MSRS, &msr) != 1)
		return false;
	*value = entry->data;
	return true;
}

int x86_filter_msrs(int fd, const struct x86_msrs *msrs, unsigned int count, bool only_these)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				      .args = { KVM_MSR_EXIT_REASON_FILTER } };
	uint8_t bitmap[32]; /* 256 MSRs */
	struct kvm_msr_filter filter;

	/* A bit that is set permits. */
	memset(bitmap, only_these ? 0 : 0xff, sizeof(bitmap));
	memset(&filter, 0, sizeof(filter));
	filter.flags = only_these ? KVM_MSR_FILTER_DEFAULT_ALLOW : KVM_MSR_FILTER_DEFAULT_DENY;
	for (unsigned int i = 0; i < count; i++)
		filter.ranges[i] = (struct kvm_msr_filter_range){
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = msrs[i].first,
			.nmsrs = msrs[i].count,
			.bitmap = bitmap,
		};
	if (ioctl(fd, KVM_ENABLE_CAP, &cap))
		return ucall_fail_call("KVM_ENABLE_CAP, KVM_CAP_X86_USER_SPACE_MSR");
	if (ioctl(fd, KVM_X86_SET_MSR_FILTER, &filter))
		return ucall_fail_call("KVM_X86_SET_MSR_FILTER");
	return 0;
}
