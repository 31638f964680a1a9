// SPDX-License-Identifier: MIT
/* A VM belongs to its process: a forked child can only free its copy. */
#include <ucall/test.h>

static UCALL_GUEST void guest_count(void)
{
	for (uint64_t i = 0;; i++)
		GUEST_SYNC(i);
}

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "resources.h"

static bool is_refused(long result, const char *function)
{
	return (result == -1 || !result) && errno == EPERM && strstr(ucall_error(), function) &&
	       strstr(ucall_error(), "fork()");
}

/* Runs in the child.  Returns 0, or the number of the check that failed. */
static int child(struct ucall_vm *vm, struct ucall_vcpu *vcpu, int fds_before)
{
	struct ucall_vm_config config = { 0 };
	struct ucall_frame regs;
	struct ucall_vm *own;

	alarm(20);
	ucall_vcpu_kick(vcpu);
	if (!is_refused(ucall_next(vcpu, NULL), "ucall_vcpu_run"))
		return 1;
	if (!is_refused(ucall_vcpu_restart(vcpu), "ucall_vcpu_restart"))
		return 2;
	if (!is_refused(ucall_vcpu_get_regs(vcpu, &regs), "ucall_vcpu_get_regs"))
		return 3;
	if (!is_refused(ucall_vm_snapshot(vm), "ucall_vm_snapshot"))
		return 4;
	if (!is_refused((long)ucall_vcpu_add(vm, guest_count, 0), "ucall_vcpu_add"))
		return 5;
	if (!is_refused((long)ucall_vm_alloc(vm, 4096, 0), "ucall_vm_alloc"))
		return 6;
	if (!is_refused(ucall_vm_launch(vm), "ucall_vm_launch"))
		return 7;
	ucall_vm_free(vm);
	if (entries("/proc/self/fd") > fds_before)
		return 8;
	ucall_test_config(&config);
	own = ucall_vm_create(&config);
	vcpu = own ? ucall_vcpu_add(own, guest_count, 0) : NULL;
	if (!vcpu || ucall_next(vcpu, NULL) != UCALL_SYNC)
		return 9;
	ucall_vm_free(own);
	return 0;
}

static void check_fork(const char *backend)
{
	struct ucall_vm_config config = { .backend = backend };
	struct ucall_vcpu *vcpu;
	struct ucall_vm *vm;
	struct ucall uc;
	int before;

	ucall_test_vm_free(ucall_test_vm(&config)); /* the plugin stays open */
	before = entries("/proc/self/fd");
	vm = ucall_test_vm(&config);
	vcpu = ucall_vcpu_add(vm, guest_count, 0);
	CHECK_OK(vcpu);
	for (uint64_t i = 0; i < 20; i++) {
		pid_t pid;
		int status;

		CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
		CHECK_EQ(uc.args[1], i);
		pid = fork();
		if (!pid)
			_exit(child(vm, vcpu, before));
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
		CHECK_EQ(status, 0);
	}
}

static void each_fork(void)
{
	check_fork(NULL);
}

/* A thread runs the vCPU all the time; the child has no such thread. */
static void once_polled(void)
{
	check_fork("ring,poll=1");
}

UCALL_TESTS({ "a child of fork()", .each = each_fork },
	    { "a child of fork(), a polled vCPU", .once = once_polled });
