// SPDX-License-Identifier: MIT
/*
 * Interrupts that the host raises by KVM's own calls reach the guest, with and without an in-kernel
 * interrupt controller; so do those that one vCPU sends to another.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include <linux/kvm.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#define VCPUS 2
#define ROUNDS 5

/* What the guest's handler saw last, 0 for nothing. */
static uint64_t guest_seen;

static UCALL_GUEST void record(uint64_t number)
{
	__atomic_store_n(&guest_seen, number, __ATOMIC_RELEASE);
}

static UCALL_GUEST void write32(uint64_t address, uint32_t value)
{
	*(volatile uint32_t *)address = value;
}

/* The controller's registers, how to wait and to send; and how the host raises interrupts. */
#if defined(__x86_64__)
#include "interrupts-x86_64.h"
#elif defined(__aarch64__)
#include "interrupts-aarch64.h"
#else
#include "interrupts-riscv64.h"
#endif

static UCALL_GUEST void guest_code(uint64_t registers, uint64_t more, uint64_t vcpu)
{
	uint64_t seen;

	interrupts_on(registers, more, vcpu);
	GUEST_SYNC(0); /* the host may raise one */
	for (int i = 0; i < ROUNDS; i++) {
		while (!(seen = __atomic_load_n(&guest_seen, __ATOMIC_ACQUIRE)))
			wait_once();
		guest_seen = 0;
		GUEST_SYNC(seen); /* and the host may lower it */
		interrupts_again();
	}
	GUEST_DONE();
}

static void next(struct ucall_vcpu *vcpu, uint64_t stage)
{
	struct ucall uc;

	CHECK_NEXT(vcpu, &uc, UCALL_SYNC);
	CHECK_EQ(uc.args[1], stage);
}

static struct ucall_vcpu *begin(struct ucall_vm *vm, bool controller)
{
	uint64_t registers = 0, more = 0;
	struct ucall_vcpu *vcpu;

	take_interrupts(vm);
	if (controller)
		map_controller(vm, &registers, &more);
	vcpu = ucall_vcpu_add(vm, guest_code, 3, registers, more, 0);
	CHECK_OK(vcpu);
	next(vcpu, 0);
	return vcpu;
}

static void host_cpu_line(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = begin(vm, false);
	for (int i = 0; i < ROUNDS; i++) {
		set_cpu_line(vcpu, true);
		next(vcpu, LINE);
		set_cpu_line(vcpu, false);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void host_line(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = begin(vm, true);
	for (int i = 0; i < ROUNDS; i++) {
		set_line(vm, true);
		set_line(vm, false);
		next(vcpu, LINE);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void host_message(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct kvm_msi message = message_to(0);

	map_messages(vm);
	vcpu = begin(vm, true);
	for (int i = 0; i < ROUNDS; i++) {
		CHECK(ioctl(ucall_vm_fd(vm), KVM_SIGNAL_MSI, &message) >= 0);
		next(vcpu, MESSAGE);
	}
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
#if defined(__aarch64__)
	CHECK_EQ(ucall_vm_snapshot(vm), -1);
	CHECK_EQ(errno, EOPNOTSUPP);
	CHECK_HAS(ucall_error(), "has enabled LPIs");
#endif
}

/* A second thread raises each interrupt that the first waits for, soon after the wait starts. */
struct late {
	void (*raise)(const struct late *late, int round);
	struct ucall_vm *vm;
	struct ucall_vcpu *sender;
	int wanted;
};

static void *raise_late(void *data)
{
	const struct timespec little = { 0, 5000000 };
	const struct late *late = data;

	for (int i = 0; i < ROUNDS; i++) {
		while (__atomic_load_n(&late->wanted, __ATOMIC_ACQUIRE) <= i)
			nanosleep(&little, NULL);
		nanosleep(&little, NULL);
		late->raise(late, i);
	}
	return NULL;
}

/* The vCPU waits for ROUNDS interrupts and sees `number`. */
static void check_late(struct late *late, struct ucall_vcpu *vcpu, uint64_t number)
{
	pthread_t thread;

	CHECK(!pthread_create(&thread, NULL, raise_late, late));
	for (int i = 0; i < ROUNDS; i++) {
		__atomic_store_n(&late->wanted, i + 1, __ATOMIC_RELEASE);
		next(vcpu, number);
	}
	pthread_join(thread, NULL);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

static void pulse(const struct late *late, int round)
{
	set_line(late->vm, true);
	set_line(late->vm, false);
}

static void host_wakes(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static struct late late;

	late = (struct late){ .raise = pulse, .vm = vm };
	vcpu = begin(vm, true);
	check_late(&late, vcpu, LINE);
}

static UCALL_GUEST void guest_sender(uint64_t registers, uint64_t more)
{
	interrupts_on(registers, more, 0);
	for (int i = 0; i < ROUNDS; i++) {
		send_to(1);
		GUEST_SYNC(i);
	}
	GUEST_DONE();
}

static void run_sender(const struct late *late, int round)
{
	next(late->sender, (uint64_t)round);
}

static void host_sender(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	static struct late late;
	struct ucall_vcpu *sender;
	uint64_t registers, more;

	take_interrupts(vm);
	map_controller(vm, &registers, &more);
	sender = ucall_vcpu_add(vm, guest_sender, 2, registers, more);
	vcpu = ucall_vcpu_add(vm, guest_code, 3, registers, more, 1);
	CHECK_OK(sender && vcpu);
	late = (struct late){ .raise = run_sender, .sender = sender };
	next(vcpu, 0);
	check_late(&late, vcpu, FROM_A_VCPU);
}

/* After set-up, before the first run; then KVM adds no more vCPUs on some architectures. */
static void host_early(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t registers, more;

	take_interrupts(vm);
	map_controller(vm, &registers, &more);
	vcpu = ucall_vcpu_add(vm, guest_code, 3, registers, more, 0);
	CHECK_OK(vcpu && !ucall_vm_launch(vm) && !ucall_vm_launch(vm));
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	set_line(vm, true);
	set_line(vm, false);
	next(vcpu, 0);
#if !defined(__x86_64__)
	CHECK(!ucall_vcpu_add(vm, guest_code, 0));
	CHECK_EQ(errno, EBUSY);
	CHECK_HAS(ucall_error(), "was set up for 1 vCPUs when the first one ran");
#endif
}

/* A restart before the first run, and launching a VM without vCPUs. */
static void host_set_up(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	uint64_t registers, more;

#if !defined(__x86_64__)
	CHECK_EQ(ucall_vm_launch(vm), -1);
	CHECK_EQ(errno, EPERM);
	CHECK_HAS(ucall_error(), "has no vCPU, and none can be added later");
#endif
	take_interrupts(vm);
	map_controller(vm, &registers, &more);
	vcpu = ucall_vcpu_add(vm, guest_code, 3, registers, more, 0);
	CHECK_OK(vcpu && !ucall_vcpu_restart(vcpu));
	next(vcpu, 0);
	CHECK_OK(!ucall_vcpu_restart(vcpu));
	next(vcpu, 0);
}

/* An interrupt that is pending when the snapshot is taken is so again after each restore. */
static void host_snapshot(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	vcpu = begin(vm, true);
	set_line(vm, true);
	set_line(vm, false);
	CHECK_OK(!ucall_vm_snapshot(vm));
	for (int i = 0; i < 3; i++) {
		next(vcpu, LINE);
		for (int round = 1; round < ROUNDS; round++) {
			set_line(vm, true);
			set_line(vm, false);
			next(vcpu, LINE);
		}
		CHECK_NEXT(vcpu, NULL, UCALL_DONE);
		CHECK_OK(!ucall_vm_restore(vm));
	}
	/* One that was not is not either: the guest waits until the time limit. */
	next(vcpu, LINE);
	CHECK_OK(!ucall_vm_snapshot(vm));
	set_line(vm, true);
	set_line(vm, false);
	CHECK_OK(!ucall_vm_restore(vm));
	CHECK_EQ(ucall_next(vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
}

#define CONTROLLER .engine = "kvm", .config = { .irqchip = true }

UCALL_TESTS({ "without an interrupt controller", .host = host_cpu_line, .engine = "kvm" },
	    { "by a line", .host = host_line, CONTROLLER },
	    { "by a message", .host = host_message, CONTROLLER },
	    { "to a vCPU that waits", .host = host_wakes, CONTROLLER },
	    { "from one vCPU to another", .host = host_sender, CONTROLLER },
	    { "before the first run", .host = host_early, CONTROLLER },
	    { "what ends the set-up", .host = host_set_up, CONTROLLER },
	    { "a snapshot", .host = host_snapshot, .engine = "kvm",
	      .config = { .irqchip = true, .timeout_ms = 1000 } });
