// SPDX-License-Identifier: MIT
/* The kvm engine: VMs and vCPUs by Linux's KVM (KVM API document). */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "kvm.h"
#include "planted.h"
#include "watchdog.h"

#define DEVICE "/dev/kvm"

struct kvm_vm {
	const struct ucall_kvm_guard *guard; /* NULL: no protection */
	int kvm_fd;
	int fd;
	int irqchip; /* its descriptor; -1: none */
	int run_size;
	struct ucall_planted planted; /* breakpoint instructions in the guest's code */
};

struct kvm_vcpu {
	int fd;
	bool stepped; /* it has been single-stepped for ucall_vcpu_set_stepping() */
	bool armed; /* KVM is set to single-step it, or to report breakpoints that are gone */
	const uint64_t *breakpoints; /* of set_breakpoints(), those that the engine takes */
	unsigned int breakpoint_count;
	bool owed_halt; /* a step over a halt was reported as the halt: KVM may still report it */
	int kicked; /* atomic: ucall_vcpu_kick() was called and has not ended a run yet */
	pid_t thread; /* atomic: which thread is in kvm_run(), 0 if none */
	struct kvm_run *run;
	size_t run_size;
};

/* Reports who may open the device, so that the user knows what to do. */
static int explain_access(const char *device)
{
	char buffer[1024];
	struct group entry, *group = NULL;
	struct stat st;

	if (stat(device, &st) == 0 && st.st_gid != 0 && (st.st_mode & S_IRGRP) &&
	    (st.st_mode & S_IWGRP)) {
		if (getgrgid_r(st.st_gid, &entry, buffer, sizeof(buffer), &group) || !group)
			return ucall_fail(EACCES,
					  "%s is not permitted: it belongs to group %u, and "
					  "you are not a member",
					  device, (unsigned int)st.st_gid);
		return ucall_fail(EACCES,
				  "%s is not permitted: join its group \"%s\" (usermod -aG %s USER "
				  "as root, then log in again)",
				  device, entry.gr_name, entry.gr_name);
	}
	return ucall_fail(EACCES, "%s is not permitted: only root may open it; run as root",
			  device);
}

/* Opens the device and checks that it is a KVM device.  Returns its descriptor. */
static int open_device(const char *device)
{
	int fd, version;

	if (!device)
		device = DEVICE;
	fd = open(device, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO))
		return ucall_fail(errno,
				  "no %s: this machine has no KVM; load kvm_intel or kvm_amd, or "
				  "turn virtualization on in the firmware or the outer hypervisor",
				  device);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return explain_access(device);
	if (fd < 0)
		return ucall_fail(errno, "cannot open %s: %s", device, strerror(errno));
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		if (version < 0)
			ucall_fail(ENODEV, "%s is not a KVM device: %s", device, strerror(errno));
		else
			ucall_fail(ENODEV, "%s has KVM API version %d; version %d is needed",
				   device, version, KVM_API_VERSION);
		close(fd);
		errno = ENODEV;
		return -1;
	}
	return fd;
}

static int kvm_check(const char *device)
{
	int fd = open_device(device);

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static uint32_t kvm_archs(void)
{
	return ucall_kvm_arch.arch->bit;
}

static uint32_t kvm_can(void)
{
	return UCALL_CAN_PAGING | UCALL_CAN_KVM | ucall_kvm_arch.can |
	       (ucall_kvm_arch.irqchip ? UCALL_CAN_IRQCHIP : 0) |
	       (ucall_kvm_arch.guards ? UCALL_CAN_PROTECT : 0);
}

/* NULL after ucall_fail() if this architecture does not have that protection. */
static const struct ucall_kvm_guards *find_family(const struct ucall_protection *protection)
{
	for (int i = 0; ucall_kvm_arch.guards && ucall_kvm_arch.guards[i]; i++)
		if (ucall_kvm_arch.guards[i]->bits & protection->bit)
			return ucall_kvm_arch.guards[i];
	ucall_fail(EOPNOTSUPP, "KVM on %s has no %s", ucall_kvm_arch.arch->name, protection->name);
	return NULL;
}

/* NULL after ucall_fail(). */
static const struct ucall_kvm_guard *find_guard(const struct ucall_protection *protection)
{
	const struct ucall_kvm_guards *family = find_family(protection);

	return family ? family->find(protection) : NULL;
}

static int kvm_check_protection(const struct ucall_protection *protection)
{
	const struct ucall_kvm_guard *guard = find_guard(protection);
	int fd = guard ? open_device(NULL) : -1, r;

	if (fd < 0)
		return -1;
	r = guard->check(fd, protection);
	close(fd);
	return r;
}

/* The VM's descriptor, -1 after ucall_fail(). */
static int create_vm(struct ucall_machine *vm)
{
	const struct kvm_vm *kvm = vm->engine_data;
	int fd;

	if (kvm->guard && kvm->guard->create_vm)
		return kvm->guard->create_vm(vm, kvm->kvm_fd);
	do
		fd = ioctl(kvm->kvm_fd, KVM_CREATE_VM, 0);
	while (fd < 0 && errno == EINTR);
	return fd < 0 ? ucall_fail_call("KVM_CREATE_VM") : fd;
}

static int create_irqchip(struct ucall_machine *vm)
{
	struct kvm_vm *kvm = vm->engine_data;

	if (ucall_kvm_arch.irqchip->create(kvm->fd, &kvm->irqchip))
		return -1;
	vm->needs_launch = vm->needs_launch || ucall_kvm_arch.irqchip->start;
	return 0;
}

static int kvm_launch(struct ucall_machine *vm)
{
	const struct kvm_vm *kvm = vm->engine_data;

	return ucall_kvm_arch.irqchip->start(kvm->irqchip, vm->vcpu_count);
}

static char *kvm_launch_list(const struct ucall_machine *vm,
			     const struct ucall_protection *protection,
			     const struct ucall_args *args)
{
	const struct ucall_kvm_guards *family = find_family(protection);

	if (family && !family->launch_list)
		ucall_fail(EOPNOTSUPP,
			   "ucall_vm_launch_list: a launch of a %s VM makes no calls of KVM",
			   protection->name);
	return family && family->launch_list ? family->launch_list(vm, protection, args) : NULL;
}

static int kvm_vm_init(struct ucall_machine *vm, const struct ucall_vm_config *config)
{
	struct kvm_vm *kvm = ucall_calloc(1, sizeof(*kvm));
	int wanted, got;

	if (!kvm)
		return -1;
	kvm->kvm_fd = kvm->fd = kvm->irqchip = -1;
	ucall_planted_init(&kvm->planted);
	vm->engine_data = kvm;
	kvm->kvm_fd = open_device(config->kvm_device);
	if (kvm->kvm_fd < 0)
		return -1;
	if (vm->protection->bit != UCALL_PROTECT_NONE) {
		kvm->guard = find_guard(vm->protection);
		if (!kvm->guard || kvm->guard->check(kvm->kvm_fd, vm->protection))
			return -1;
		vm->guard = &kvm->guard->guard;
	}
	kvm->fd = create_vm(vm);
	if (kvm->fd < 0)
		return -1;
	if (ioctl(kvm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_IMMEDIATE_EXIT) <= 0)
		return ucall_fail(ENODEV, "this KVM has no KVM_CAP_IMMEDIATE_EXIT; Linux 4.13 or "
					  "later is needed");
	wanted = ucall_protection_closes(vm->protection) ? 0 : ucall_kvm_arch.sync_regs;
	got = ioctl(kvm->fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS);
	if (got < 0 || (got & wanted) != wanted)
		return ucall_fail(ENODEV,
				  "this KVM has no KVM_CAP_SYNC_REGS for general registers; Linux "
				  "4.17 or later is needed");
	kvm->run_size = ioctl(kvm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (kvm->run_size < (int)sizeof(struct kvm_run))
		return ucall_fail_call("KVM_GET_VCPU_MMAP_SIZE");
	if (config->irqchip && create_irqchip(vm))
		return -1;
	return kvm->guard ? kvm->guard->vm_init(vm, kvm->kvm_fd, kvm->fd) : 0;
}

static int kvm_set_memory(struct ucall_machine *vm, void *memory, size_t size)
{
	const struct kvm_vm *kvm = vm->engine_data;
	struct kvm_userspace_memory_region region = {
		.memory_size = size,
		.userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	if (kvm->guard)
		return kvm->guard->set_memory(vm, kvm->fd);
	if (ioctl(kvm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		return ucall_fail_call("KVM_SET_USER_MEMORY_REGION");
	return 0;
}

static void kvm_vm_fini(struct ucall_machine *vm)
{
	struct kvm_vm *kvm = vm->engine_data;

	if (!kvm)
		return;
	if (kvm->guard)
		kvm->guard->vm_fini(vm);
	if (kvm->irqchip >= 0)
		close(kvm->irqchip);
	if (kvm->fd >= 0)
		close(kvm->fd);
	if (kvm->kvm_fd >= 0)
		close(kvm->kvm_fd);
	ucall_planted_fini(&kvm->planted);
	free(kvm);
	vm->engine_data = NULL;
}

/* Sets the vCPU to where it starts. */
static int boot(struct ucall_cpu *vcpu)
{
	const struct kvm_vm *kvm = vcpu->vm->engine_data;
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (kvm->guard && kvm->guard->boot)
		return kvm->guard->boot(vcpu, v->fd, v->run);
	return ucall_kvm_arch.boot(vcpu, v->fd, v->run);
}

static int kvm_vcpu_init(struct ucall_cpu *vcpu)
{
	const struct kvm_vm *kvm = vcpu->vm->engine_data;
	struct kvm_vcpu *v = ucall_calloc(1, sizeof(*v));
	void *run;

	if (!v)
		return -1;
	vcpu->engine_data = v;
	v->fd = -1;
	if (kvm->irqchip >= 0 && ucall_machine_is_launched(vcpu->vm))
		return ucall_fail(
			EBUSY,
			"ucall_vcpu_add: the interrupt controller (irqchip) was set up for %u "
			"vCPUs when the first one ran; add all vCPUs before that",
			vcpu->number);
	v->fd = ioctl(kvm->fd, KVM_CREATE_VCPU, (unsigned long)vcpu->number);
	if (v->fd < 0)
		return ucall_fail_call("KVM_CREATE_VCPU");
	v->run_size = (size_t)kvm->run_size;
	run = mmap(NULL, v->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (run == MAP_FAILED)
		return ucall_fail_call("mapping a vCPU's struct kvm_run");
	v->run = run;
	if (ucall_kvm_arch.vcpu_init && ucall_kvm_arch.vcpu_init(vcpu, kvm->kvm_fd, v->fd, v->run))
		return -1;
	if (kvm->guard && kvm->guard->vcpu_init(vcpu, v->fd, v->run))
		return -1;
	return boot(vcpu);
}

static void kvm_vcpu_fini(struct ucall_cpu *vcpu)
{
	const struct kvm_vm *kvm = vcpu->vm->engine_data;
	struct kvm_vcpu *v = vcpu->engine_data;

	if (!v)
		return;
	if (kvm->guard)
		kvm->guard->vcpu_fini(vcpu);
	if (v->run)
		munmap(v->run, v->run_size);
	if (v->fd >= 0)
		close(v->fd);
	free(v);
	vcpu->engine_data = NULL;
}

int ucall_kvm_set_reg(int fd, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)&value };

	return ioctl(fd, KVM_SET_ONE_REG, &reg) ? ucall_fail_call("KVM_SET_ONE_REG") : 0;
}

int ucall_kvm_get_reg(int fd, uint64_t id, uint64_t *value)
{
	struct kvm_one_reg reg = { id, (uint64_t)(uintptr_t)value };

	return ioctl(fd, KVM_GET_ONE_REG, &reg) ? ucall_fail_call("KVM_GET_ONE_REG") : 0;
}

/*
 * Why a signal ended KVM_RUN.  Clears immediate_exit first, so that a later kick ends the next
 * KVM_RUN.
 */
static enum ucall_run_end interrupted(struct kvm_vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&v->kicked, 0, __ATOMIC_SEQ_CST))
		return UCALL_RUN_KICK;
	return ucall_watchdog_expired() ? UCALL_RUN_TIMEOUT : UCALL_RUN_AGAIN;
}

/* ---- single steps ---- */

/* Sets KVM to what the vCPU needs: breakpoints, and a single step if `step`. */
static int set_debug(struct kvm_vcpu *v, bool step)
{
	struct kvm_guest_debug debug = { .control = 0 };

	if (v->breakpoint_count && ucall_kvm_arch.set_breakpoints)
		ucall_kvm_arch.set_breakpoints(v->fd, &debug, v->breakpoints, v->breakpoint_count);
	if (step && !ucall_kvm_arch.next_pcs)
		debug.control |= KVM_GUESTDBG_SINGLESTEP;
	if (step || v->breakpoint_count)
		debug.control |= KVM_GUESTDBG_ENABLE;
	if (ioctl(v->fd, KVM_SET_GUEST_DEBUG, &debug))
		return ucall_fail_call("KVM_SET_GUEST_DEBUG");
	v->armed = step;
	return 0;
}

/* Needed before each step: setting registers or a guest exception turns stepping off in KVM. */
static int arm_step(struct ucall_cpu *vcpu, uint64_t *after_halt)
{
	struct kvm_vcpu *v = vcpu->engine_data;

	if (set_debug(v, true))
		return -1;
	return ucall_kvm_arch.next_halt ? ucall_kvm_arch.next_halt(vcpu, v->fd, after_halt) : 0;
}

/*
 * A KVM that interprets the guest reports a step over a halt as a step, and the halt at a later
 * KVM_RUN.  Here the step is reported as the halt, and a late halt at another instruction is
 * ignored.
 */
static enum ucall_run_end stepped(struct ucall_cpu *vcpu, uint64_t after_halt)
{
	struct kvm_vcpu *v = vcpu->engine_data;

	if (vcpu->exit.native == KVM_EXIT_HLT && v->owed_halt) {
		v->owed_halt = false;
		return ucall_kvm_arch.is_behind_halt(vcpu, v->fd) ? UCALL_RUN_EXIT
								  : UCALL_RUN_AGAIN;
	}
	if (vcpu->exit.native == KVM_EXIT_DEBUG && after_halt &&
	    ucall_kvm_arch.debug_pc(v->run) == after_halt) {
		v->run->exit_reason = KVM_EXIT_HLT;
		ucall_kvm_decode(vcpu, v->run, v->run_size, &vcpu->exit);
		v->owed_halt = true;
	}
	return UCALL_RUN_EXIT;
}

/* The stubs hide the flag by which KVM steps, and end steps that are no longer wanted. */
static void tell_stubs(struct ucall_cpu *vcpu, bool on)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (v->stepped && !vcpu->vm->flat && ucall_kvm_arch.stepping)
		ucall_kvm_arch.stepping(vcpu, on);
}

/* A KVM that only reports breakpoint instructions has done so since Linux 6.10. */
static int check_guest_debug(const struct ucall_cpu *vcpu)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE };
	struct kvm_vcpu *v = vcpu->engine_data;

	if (!ucall_kvm_arch.next_pcs)
		return 0;
	v->armed = true; /* so that the next run sets what it needs */
	return ioctl(v->fd, KVM_SET_GUEST_DEBUG, &debug)
		       ? ucall_fail(
				 EOPNOTSUPP,
				 "this KVM cannot debug guests (KVM_SET_GUEST_DEBUG: %s); a newer "
				 "kernel or engine unicorn can",
				 strerror(errno))
		       : 0;
}

static int kvm_set_stepping(struct ucall_cpu *vcpu, bool on)
{
	struct kvm_vcpu *v = vcpu->engine_data;

	if (!(ucall_kvm_arch.can & UCALL_CAN_STEP))
		return ucall_fail(EOPNOTSUPP,
				  "ucall_vcpu_set_stepping: KVM cannot single-step %s guests; "
				  "engine unicorn can",
				  ucall_kvm_arch.arch->name);
	if (on && check_guest_debug(vcpu))
		return -1;
	v->stepped = v->stepped || on;
	tell_stubs(vcpu, on);
	return 0;
}

static int kvm_set_breakpoints(struct ucall_cpu *vcpu, const uint64_t *pcs, unsigned int count)
{
	struct kvm_guest_debug debug = { .control = 0 };
	struct kvm_vcpu *v = vcpu->engine_data;

	if (ucall_kvm_arch.next_pcs && count && check_guest_debug(vcpu))
		return -1;
	if (!ucall_kvm_arch.next_pcs)
		count = count && ucall_kvm_arch.set_breakpoints
				? ucall_kvm_arch.set_breakpoints(v->fd, &debug, pcs, count)
				: 0;
	v->armed = v->armed || count || v->breakpoint_count;
	v->breakpoints = pcs;
	v->breakpoint_count = count;
	return (int)count;
}

/* ---- running ---- */

/* KVM_RUN; after ucall_fail() if it failed. */
static enum ucall_run_end call_run(const struct kvm_vcpu *v)
{
	if (!ioctl(v->fd, KVM_RUN, 0))
		return UCALL_RUN_EXIT;
	if (errno == EINTR)
		return UCALL_RUN_INTERRUPTED;
	if (errno == EINVAL && ucall_kvm_arch.run_einval)
		ucall_fail(EINVAL, "KVM_RUN: %s; %s", strerror(EINVAL), ucall_kvm_arch.run_einval);
	else
		ucall_fail_call("KVM_RUN");
	return UCALL_RUN_FAILED;
}

/*
 * KVM_RUN with breakpoint instructions where the vCPU is to stop.  Another vCPU's step can stop this
 * one too: it goes on.
 */
static enum ucall_run_end run_planted(struct ucall_cpu *vcpu, bool step)
{
	struct kvm_vm *kvm = vcpu->vm->engine_data;
	const struct kvm_vcpu *v = vcpu->engine_data;
	uint64_t next[UCALL_KVM_NEXT];
	unsigned int count = step ? ucall_kvm_arch.next_pcs(vcpu, v->fd, next) : 0;
	enum ucall_run_end end;

	ucall_planted_set(&kvm->planted, vcpu, next, count, true);
	ucall_planted_set(&kvm->planted, vcpu, v->breakpoints, v->breakpoint_count, true);
	end = call_run(v);
	ucall_planted_set(&kvm->planted, vcpu, v->breakpoints, v->breakpoint_count, false);
	ucall_planted_set(&kvm->planted, vcpu, next, count, false);
	if (end == UCALL_RUN_EXIT && v->run->exit_reason == KVM_EXIT_DEBUG) {
		const uint64_t pc = ucall_kvm_arch.pc(v->fd, v->run);

		if (!ucall_is_breakpoint(next, count, pc) &&
		    !ucall_is_breakpoint(v->breakpoints, v->breakpoint_count, pc))
			end = UCALL_RUN_AGAIN;
	}
	return end;
}

enum ucall_run_end ucall_kvm_enter(struct ucall_cpu *vcpu, bool step)
{
	struct kvm_vcpu *v = vcpu->engine_data;
	uint64_t after_halt = 0;
	enum ucall_run_end end;

	step = step || vcpu->stepping;
	if (step ? arm_step(vcpu, &after_halt) : v->armed && set_debug(v, false))
		return UCALL_RUN_FAILED;
	end = ucall_kvm_arch.next_pcs && (step || v->breakpoint_count) ? run_planted(vcpu, step)
								       : call_run(v);
	if (end != UCALL_RUN_EXIT)
		return end;
	ucall_kvm_decode(vcpu, v->run, v->run_size, &vcpu->exit);
	return step || v->owed_halt ? stepped(vcpu, after_halt) : UCALL_RUN_EXIT;
}

/* KVM_RUN, or the guard's replacement for it; fills in vcpu->exit. */
static enum ucall_run_end run_once(struct ucall_cpu *vcpu)
{
	const struct kvm_vm *kvm = vcpu->vm->engine_data;
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (kvm->guard)
		return kvm->guard->run(vcpu, v->fd, v->run, v->run_size);
	return ucall_kvm_enter(vcpu, false);
}

static enum ucall_run_end kvm_run(struct ucall_cpu *vcpu, int64_t deadline)
{
	struct kvm_vcpu *v = vcpu->engine_data;
	pid_t thread = ucall_watchdog_thread();
	enum ucall_run_end end;

	if (thread < 0)
		return UCALL_RUN_FAILED;
	__atomic_store_n(&v->thread, thread, __ATOMIC_SEQ_CST);
	if (deadline >= 0 && ucall_watchdog_start(&v->run->immediate_exit, deadline)) {
		__atomic_store_n(&v->thread, 0, __ATOMIC_SEQ_CST);
		return UCALL_RUN_FAILED;
	}
	do {
		end = run_once(vcpu);
		if (end == UCALL_RUN_INTERRUPTED)
			end = interrupted(v);
	} while (end == UCALL_RUN_AGAIN);
	if (deadline >= 0)
		ucall_watchdog_stop();
	__atomic_store_n(&v->thread, 0, __ATOMIC_SEQ_CST);
	if (end == UCALL_RUN_EXIT)
		return end;
	vcpu->exit.reason = end == UCALL_RUN_KICK      ? UCALL_EXIT_KICK
			    : end == UCALL_RUN_TIMEOUT ? UCALL_EXIT_TIMEOUT
						       : UCALL_EXIT_OTHER;
	vcpu->exit.native = v->run->exit_reason;
	return end;
}

/* Async-signal-safe. */
static void kvm_kick(struct ucall_cpu *vcpu)
{
	struct kvm_vcpu *v = vcpu->engine_data;

	/* Signals queue up: send only one until it has been noticed. */
	if (!__atomic_exchange_n(&v->kicked, 1, __ATOMIC_SEQ_CST))
		ucall_kvm_interrupt(vcpu);
}

void ucall_kvm_interrupt(struct ucall_cpu *vcpu)
{
	struct kvm_vcpu *v = vcpu->engine_data;
	pid_t thread;

	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	thread = __atomic_load_n(&v->thread, __ATOMIC_SEQ_CST);
	if (thread)
		ucall_watchdog_signal(thread);
}

int ucall_kvm_complete(struct ucall_cpu *vcpu)
{
	const int most = 32; /* an instruction may exit several times: complete each exit */
	struct kvm_vcpu *v = vcpu->engine_data;
	int r = 0;

	for (int i = 0; i < most && !r; i++) {
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
		r = ioctl(v->fd, KVM_RUN, 0);
	}
	r = r && errno != EINTR ? ucall_fail_call("KVM_RUN") : 0;
	/*
	 * Clear it first, then set it again if something has not been reported: this way a kick in
	 * between is not lost.
	 */
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&v->kicked, __ATOMIC_SEQ_CST) || ucall_watchdog_expired())
		__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	return r;
}

static int kvm_restart(struct ucall_cpu *vcpu)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	/*
	 * Complete the last exit's instruction first, or KVM would apply it to the new state.
	 * Before the launch there was no exit, and KVM_RUN would fail.
	 */
	if (ucall_machine_is_launched(vcpu->vm) && ucall_kvm_complete(vcpu))
		return -1;
	if (ucall_kvm_arch.reset && ucall_kvm_arch.reset(v->fd))
		return -1;
	return boot(vcpu);
}

struct kvm_state {
	void *devices; /* NULL: no in-kernel devices */
	unsigned int vcpu_count;
	void *vcpus[]; /* by number */
};

static void kvm_free_state(void *from)
{
	struct kvm_state *state = from;

	if (!state)
		return;
	for (unsigned int i = 0; i < state->vcpu_count; i++)
		free(state->vcpus[i]);
	free(state->devices);
	free(state);
}

static void *kvm_save(struct ucall_machine *vm)
{
	const struct kvm_vm *kvm = vm->engine_data;
	const struct ucall_kvm_state *arch = ucall_kvm_arch.state;
	struct kvm_state *state;

	if (!arch) {
		ucall_fail(EOPNOTSUPP,
			   "this version of engine kvm cannot save the state of guests on %s",
			   ucall_kvm_arch.arch->name);
		return NULL;
	}
	state = ucall_calloc(1, sizeof(*state) + vm->vcpu_count * sizeof(state->vcpus[0]));
	if (!state)
		return NULL;
	state->vcpu_count = vm->vcpu_count;
	for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
		const struct kvm_vcpu *v = vcpu->engine_data;

		if (ucall_kvm_complete(vcpu) ||
		    !(state->vcpus[vcpu->number] = arch->save(vcpu, kvm->kvm_fd, kvm->fd, v->fd)))
			goto failed;
	}
	if (vm->irqchip) {
		state->devices =
			ucall_kvm_arch.irqchip->save(kvm->fd, kvm->irqchip, vm->vcpu_count);
		if (!state->devices)
			goto failed;
	}
	return state;

failed:
	kvm_free_state(state);
	return NULL;
}

static int kvm_load(struct ucall_machine *vm, const void *from)
{
	const struct kvm_vm *kvm = vm->engine_data;
	const struct kvm_state *state = from;

	for (struct ucall_cpu *vcpu = vm->vcpus; vcpu; vcpu = vcpu->next) {
		const struct kvm_vcpu *v = vcpu->engine_data;

		if (ucall_kvm_complete(vcpu) ||
		    ucall_kvm_arch.state->load(vcpu, v->fd, state->vcpus[vcpu->number]))
			return -1;
		tell_stubs(vcpu, vcpu->stepping);
	}
	return state->devices ? ucall_kvm_arch.irqchip->load(kvm->fd, kvm->irqchip, state->devices)
			      : 0;
}

static int kvm_get_regs(struct ucall_cpu *vcpu, struct ucall_frame *regs)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (ucall_machine_check_registers(vcpu->vm, "KVM_GET_REGS"))
		return -1;
	return ucall_kvm_arch.get_regs(vcpu, v->fd, v->run, regs);
}

static int kvm_set_regs(struct ucall_cpu *vcpu, const struct ucall_frame *regs)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (ucall_machine_check_registers(vcpu->vm, "KVM_SET_REGS"))
		return -1;
	return ucall_kvm_arch.set_regs(vcpu, v->fd, v->run, regs);
}

static uint64_t kvm_pc(struct ucall_cpu *vcpu)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	return ucall_kvm_arch.pc(v->fd, v->run);
}

static int kvm_counter(struct ucall_cpu *vcpu, uint64_t *value, uint64_t *hz)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	if (!ucall_kvm_arch.counter || ucall_protection_closes(vcpu->vm->protection))
		return -1;
	return ucall_kvm_arch.counter(v->fd, value, hz);
}

static uint64_t kvm_argument(struct ucall_cpu *vcpu)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	return ucall_kvm_arch.argument(v->fd, v->run);
}

static uint64_t kvm_root(struct ucall_cpu *vcpu)
{
	const struct kvm_vcpu *v = vcpu->engine_data;

	return ucall_kvm_arch.root(vcpu, v->fd, v->run);
}

static int kvm_vm_fd(const struct ucall_machine *vm)
{
	return ((const struct kvm_vm *)vm->engine_data)->fd;
}

static int kvm_vcpu_fd(const struct ucall_cpu *vcpu)
{
	return ((const struct kvm_vcpu *)vcpu->engine_data)->fd;
}

static void *kvm_vcpu_run(const struct ucall_cpu *vcpu)
{
	return ((const struct kvm_vcpu *)vcpu->engine_data)->run;
}

const struct ucall_engine ucall_engine_kvm = {
	.name = "kvm",
	.version = UCALL_VERSION,
	.archs = kvm_archs,
	.can = kvm_can,
	.check = kvm_check,
	.check_protection = kvm_check_protection,
	.launch_list = kvm_launch_list,
	.vm_init = kvm_vm_init,
	.set_memory = kvm_set_memory,
	.vm_fini = kvm_vm_fini,
	.vcpu_init = kvm_vcpu_init,
	.vcpu_fini = kvm_vcpu_fini,
	.launch = kvm_launch,
	.restart = kvm_restart,
	.run = kvm_run,
	.set_stepping = kvm_set_stepping,
	.set_breakpoints = kvm_set_breakpoints,
	.kick = kvm_kick,
	.exit_name = ucall_kvm_exit_name,
	.get_regs = kvm_get_regs,
	.set_regs = kvm_set_regs,
	.pc = kvm_pc,
	.counter = kvm_counter,
	.argument = kvm_argument,
	.root = kvm_root,
	.save = kvm_save,
	.load = kvm_load,
	.free_state = kvm_free_state,
	.vm_fd = kvm_vm_fd,
	.vcpu_fd = kvm_vcpu_fd,
	.vcpu_run = kvm_vcpu_run,
};
