// SPDX-License-Identifier: MIT
/*
 * What a GUEST_SYNC costs: how many ioctls, which a tracer counts, and how long, beside no tracer.
 * The last line is `cost: IOCTLS NANOSECONDS`.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "kvm_util.h"
#include "ucall_common.h"

#define SYNCS 1000

static void guest_code(void)
{
	for (int i = 0;; i++)
		GUEST_SYNC(i);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Returns how long it took. */
static double sync_times(struct kvm_vcpu *vcpu, int times)
{
	double start = seconds();
	struct ucall uc;

	for (int i = 0; i < times; i++) {
		vcpu_run(vcpu);
		TEST_ASSERT(get_ucall(vcpu, &uc) == UCALL_SYNC, "ucall %lu", (unsigned long)uc.cmd);
	}
	return seconds() - start;
}

static struct kvm_vcpu *vcpu_new(struct kvm_vm **vm)
{
	struct kvm_vcpu *vcpu;

	*vm = vm_create_with_one_vcpu(&vcpu, guest_code);
	sync_times(vcpu, 10); /* what only the first ones do */
	return vcpu;
}

/* In the traced child: getppid() marks the beginning and the end. */
static void traced(void)
{
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu = vcpu_new(&vm);

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	syscall(SYS_getppid);
	sync_times(vcpu, SYNCS);
	syscall(SYS_getppid);
	_exit(0);
}

/* Returns the ioctls of SYNCS messages. */
static long count_ioctls(void)
{
	struct ptrace_syscall_info info;
	int status, marks = 0;
	long ioctls = 0;
	pid_t child = fork();

	TEST_ASSERT(child >= 0, "fork: %d", errno);
	if (!child)
		traced();
	waitpid(child, &status, 0);
	if (!WIFSTOPPED(status)) /* it has said why */
		exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	ptrace(PTRACE_SETOPTIONS, child, NULL, (void *)PTRACE_O_TRACESYSGOOD);
	for (;;) {
		TEST_ASSERT(!ptrace(PTRACE_SYSCALL, child, NULL, NULL), "ptrace: %d", errno);
		waitpid(child, &status, 0);
		if (!WIFSTOPPED(status))
			break;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
		    ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) <= 0 ||
		    info.op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		marks += info.entry.nr == SYS_getppid;
		ioctls += marks == 1 && info.entry.nr == SYS_ioctl;
	}
	TEST_ASSERT(WIFEXITED(status) && !WEXITSTATUS(status) && marks == 2,
		    "the child ended with status %d after %d marks", status, marks);
	return ioctls;
}

int main(void)
{
	long ioctls = count_ioctls();
	struct kvm_vm *vm;
	struct kvm_vcpu *vcpu = vcpu_new(&vm);
	double best = 0;

	for (int i = 0; i < 5; i++) {
		double took = sync_times(vcpu, SYNCS);

		best = i && best < took ? best : took;
	}
	kvm_vm_free(vm);
	printf("cost: %.2f %.0f\n", (double)ioctls / SYNCS, best / SYNCS * 1e9);
	return 0;
}
