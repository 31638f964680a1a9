// SPDX-License-Identifier: MIT
/* See guest-memfd.h. */
#include <errno.h>
#include <sys/ioctl.h>

#include "base/error.h"
#include "guest-memfd.h"
#include "kvm-private.h"

int x86_memfd_set_private(int vm_fd, struct ucall_private_pages *pages, uint64_t gpa, size_t size,
			  bool is_private)
{
	struct x86_attributes attributes = { gpa, size, is_private ? X86_ATTRIBUTE_PRIVATE : 0, 0 };

	if (ioctl(vm_fd, X86_IOCTL_SET_ATTRIBUTES, &attributes))
		return ucall_fail_call("KVM_SET_MEMORY_ATTRIBUTES");
	ucall_private_mark(pages, gpa, size, is_private);
	return 0;
}

/* A launch runs the first vCPU with the lock held. */
static int set_private(struct ucall_machine *vm, uint64_t gpa, uint64_t size, bool is_private)
{
	const bool locks = ucall_machine_is_launched(vm);
	int r;

	if (locks)
		pthread_mutex_lock(&vm->lock);
	r = vm->guard->set_private(vm, gpa, size, is_private);
	if (locks)
		pthread_mutex_unlock(&vm->lock);
	return r;
}

static bool serve_hypercall(struct ucall_cpu *vcpu, struct kvm_run *run)
{
	struct ucall_machine *vm = vcpu->vm;
	uint64_t gpa = run->hypercall.args[0], pages = run->hypercall.args[1];
	bool is_private = run->hypercall.args[2] & X86_MAP_GPA_ENCRYPTED;
	int r = -1;

	if (run->hypercall.nr != X86_HC_MAP_GPA_RANGE || !vm->guard->set_private)
		return false;
	if (gpa < vm->memory.size && pages <= (vm->memory.size - gpa) / UCALL_PAGE_SIZE)
		r = set_private(vm, gpa, pages * UCALL_PAGE_SIZE, is_private);
	run->hypercall.ret = r ? (uint64_t)-EINVAL : 0;
	return true;
}

enum ucall_run_end x86_memfd_run(struct ucall_cpu *vcpu, int fd, struct kvm_run *run,
				 size_t run_size)
{
	int r = ioctl(fd, KVM_RUN, 0);

	/* KVM_RUN also returns an error when it reports a memory fault (KVM API document, 5). */
	if (r && (errno == EFAULT || errno == EHWPOISON) &&
	    run->exit_reason == UCALL_KVM_EXIT_MEMORY_FAULT)
		r = 0;
	if (r && errno == EINTR)
		return UCALL_RUN_INTERRUPTED;
	if (r) {
		ucall_fail_call("KVM_RUN");
		return UCALL_RUN_FAILED;
	}
	if (run->exit_reason == KVM_EXIT_HYPERCALL && serve_hypercall(vcpu, run))
		return UCALL_RUN_AGAIN;
	ucall_kvm_decode(vcpu, run, run_size, &vcpu->exit);
	return UCALL_RUN_EXIT;
}
