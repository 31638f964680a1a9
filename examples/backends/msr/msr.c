// SPDX-License-Identifier: MIT
/*
 * msr - the guest writes a model-specific register that does not exist.
 *
 * WRMSR carries 64 bits, so the exit itself has the message's address and no register needs to be
 * read.  A filter makes KVM pass writes of this one MSR to user space (KVM API document,
 * KVM_CAP_X86_USER_SPACE_MSR and KVM_X86_SET_MSR_FILTER); all other MSRs work as usual.
 *
 * An example of a backend that asks KVM for its exit: .needs = UCALL_NEEDS_KVM, and init() uses
 * ucall_vm_fd().
 */
#include <ucall/plugin.h>

/* clang-format off */
UCALL_BACKEND(
	.name = "msr",
	.version = "1.0",
	.summary = "the guest writes a model-specific register",
	.needs = UCALL_NEEDS_KVM | UCALL_NEEDS_RING0, /* WRMSR is privileged */
	.protections = UCALL_PROTECT_NONE,
	.options = {
		{ .name = "index", .type = UCALL_OPTION_UINT, .min = 0x40000000, .max = 0x4fffffff,
		  .value = "0x40de1100", .help = "the register, one that no processor has" },
	});
/* clang-format on */

#if defined(__x86_64__)
UCALL_DOORBELL static void msr_ring(struct ucall *uc, const struct ucall_bell *bell)
{
	uint64_t value = (uint64_t)uc;

	__asm__ volatile("wrmsr"
			 :
			 : "c"(bell->param[0]), "a"((uint32_t)value), "d"(value >> 32)
			 : "memory");
}

UCALL_GUEST_CODE(msr_ring, msr_ring);
#endif

#if !defined(UCALL_GUEST_BUILD) && defined(__x86_64__)
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/kvm.h>

static int msr_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t index = ucall_args_uint(args, "index");
	uint8_t denied = 0; /* one bit per register of the range; 0: it exits */
	struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR,
				      .args = { KVM_MSR_EXIT_REASON_FILTER } };
	struct kvm_msr_filter filter = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
					 .ranges = { { .flags = KVM_MSR_FILTER_WRITE,
						       .nmsrs = 1,
						       .base = (uint32_t)index,
						       .bitmap = &denied } } };

	if (ioctl(ucall_vm_fd(vm), KVM_ENABLE_CAP, &cap))
		return ucall_fail(errno, "KVM_CAP_X86_USER_SPACE_MSR: %s; it needs Linux 5.10",
				  strerror(errno));
	if (ioctl(ucall_vm_fd(vm), KVM_X86_SET_MSR_FILTER, &filter))
		return ucall_fail(errno, "KVM_X86_SET_MSR_FILTER: %s", strerror(errno));
	ucall_vm_set_backend_data(vm, (void *)(uintptr_t)index);
	return ucall_vm_set_param(vm, 0, index);
}

static int msr_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (exit->reason != UCALL_EXIT_MSR || !exit->u.msr.is_write ||
	    exit->u.msr.index != (uintptr_t)ucall_vm_backend_data(ucall_vcpu_vm(vcpu)))
		return 0;
	*where = exit->u.msr.data;
	return 1;
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = msr_init,
	.send_cmd = msr_ring,
	.send_cmd_shared = msr_ring,
	.recv_cmd = msr_recv,
};
#endif
