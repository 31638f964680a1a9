// SPDX-License-Identifier: MIT
/* What the debugger's thread calls: struct ucall_debug_ops. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "debug-vm.h"
#include "machine/memory.h"
#include "own.h"
#include "protect/protect.h"

static int event(const struct ucall_debug *d)
{
	return d->event;
}

static int take_stop(struct ucall_debug *d, struct ucall_debug_stop *stop)
{
	uint64_t count;
	int r = 0;

	pthread_mutex_lock(&d->lock);
	if (read(d->event, &count, sizeof(count)) == sizeof(count) && d->stopped && !d->running) {
		*stop = d->stop;
		r = 1;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

static void interrupt(struct ucall_debug *d)
{
	const struct ucall_debug_stop stop = { .why = UCALL_STOP_ASKED,
					       .signal = UCALL_DEBUG_SIGNAL_INT };

	pthread_mutex_lock(&d->lock);
	if (!d->stopped)
		ucall_debug_stop_all(d, &stop);
	pthread_mutex_unlock(&d->lock);
}

static void attach(struct ucall_debug *d)
{
	const struct ucall_debug_stop stop = { .why = UCALL_STOP_ASKED,
					       .signal = UCALL_DEBUG_SIGNAL_TRAP };

	pthread_mutex_lock(&d->lock);
	ucall_debug_set_attached(d, true);
	if (d->stopped)
		ucall_debug_tell(d);
	else
		ucall_debug_stop_all(d, &stop);
	pthread_mutex_unlock(&d->lock);
}

static void resume(struct ucall_debug *d)
{
	pthread_mutex_lock(&d->lock);
	d->stopped = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* The caller holds d->lock, and no vCPU runs. */
static void forget_all(struct ucall_debug *d)
{
	struct ucall_machine *vm = &d->vm->machine;

	d->breakpoint_count = d->watch_count = 0;
	d->message_count = 1;
	d->messages[0] = UCALL_ABORT;
	d->generation++;
	pthread_mutex_lock(&vm->lock);
	for (struct ucall_cpu *cpu = vm->vcpus; cpu; cpu = cpu->next) {
		struct ucall_debug_cpu *c = &ucall_own_vcpu(cpu)->debug;

		if (vm->engine->set_breakpoints && c->generation)
			vm->engine->set_breakpoints(cpu, NULL, 0);
		c->generation = 0;
		c->emulates = false;
		c->action = UCALL_DEBUG_GO;
		c->pending.why = UCALL_STOP_NONE;
	}
	pthread_mutex_unlock(&vm->lock);
}

static void detach(struct ucall_debug *d)
{
	const struct ucall_debug_stop stop = { .why = UCALL_STOP_ASKED };

	pthread_mutex_lock(&d->lock);
	if (!d->stopped)
		ucall_debug_stop_all(d, &stop);
	while (d->running)
		pthread_cond_wait(&d->changed, &d->lock);
	forget_all(d);
	ucall_debug_set_attached(d, false);
	d->stopped = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static const struct ucall_arch *arch(const struct ucall_debug *d)
{
	return d->vm->machine.arch;
}

static unsigned int vcpus(struct ucall_debug *d)
{
	struct ucall_machine *vm = &d->vm->machine;
	unsigned int count;

	pthread_mutex_lock(&vm->lock);
	count = vm->vcpu_count;
	pthread_mutex_unlock(&vm->lock);
	return count;
}

/* NULL after ucall_fail(). */
static struct ucall_own_vcpu *find_vcpu(struct ucall_debug *d, unsigned int number)
{
	struct ucall_machine *vm = &d->vm->machine;
	struct ucall_cpu *cpu;

	pthread_mutex_lock(&vm->lock);
	cpu = ucall_machine_cpu(vm, number);
	pthread_mutex_unlock(&vm->lock);
	if (!cpu)
		ucall_fail(ESRCH, "the VM has no vCPU %u yet", number);
	return cpu ? ucall_own_vcpu(cpu) : NULL;
}

static void set_action(struct ucall_debug *d, unsigned int number, enum ucall_debug_action action,
		       uint64_t start, uint64_t end)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);

	if (!v)
		return;
	pthread_mutex_lock(&d->lock);
	v->debug.action = action;
	v->debug.start = start;
	v->debug.end = end;
	pthread_mutex_unlock(&d->lock);
}

static int get_regs(struct ucall_debug *d, unsigned int number, struct ucall_frame *frame)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);
	int r;

	if (!v)
		return -1;
	pthread_mutex_lock(&d->lock);
	r = ucall_own_frame(v, frame) ? 0 : -1;
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int set_regs(struct ucall_debug *d, unsigned int number, const struct ucall_frame *frame)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);
	int r;

	if (!v)
		return -1;
	pthread_mutex_lock(&d->lock);
	if (v->fault.report)
		r = ucall_fail(EPERM, "vCPU %u has faulted: its registers are those of the fault",
			       number);
	else
		r = ucall_own_ops.set_regs(v, frame);
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int read_guest(struct ucall_debug *d, unsigned int number, uint64_t gva, void *to,
		      size_t size)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);
	int r;

	if (!v)
		return -1;
	pthread_mutex_lock(&d->lock);
	r = ucall_debug_read(v, gva, to, size);
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int write_guest(struct ucall_debug *d, unsigned int number, uint64_t gva, const void *from,
		       size_t size)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);
	struct ucall_machine *vm = &d->vm->machine;
	int r;

	if (!v)
		return -1;
	pthread_mutex_lock(&d->lock);
	pthread_mutex_lock(&vm->lock);
	r = ucall_memory_write(vm, vm->engine->root(&v->cpu), gva, from, size);
	pthread_mutex_unlock(&vm->lock);
	if (!r && vm->engine->code_written)
		vm->engine->code_written(vm, gva, size);
	pthread_mutex_unlock(&d->lock);
	return r;
}

/* Breakpoints and steps need registers. */
static int check_open(const struct ucall_debug *d)
{
	return ucall_machine_check_registers(&d->vm->machine, "a breakpoint");
}

/* A KVM may have no breakpoints, and no steps instead: true if it has. */
static bool can_break(struct ucall_own_vcpu *v)
{
	const struct ucall_engine *engine = v->cpu.vm->engine;
	static const uint64_t any = 0;

	v->debug.generation = 0;
	if (!engine->set_breakpoints)
		return true;
	if (engine->set_breakpoints(&v->cpu, &any, 1) < 0)
		return false;
	engine->set_breakpoints(&v->cpu, NULL, 0);
	return true;
}

static int set_breakpoint(struct ucall_debug *d, uint64_t gva, bool on)
{
	struct ucall_own_vcpu *v = find_vcpu(d, 0);
	unsigned int i = 0;
	int r = -1;

	pthread_mutex_lock(&d->lock);
	while (i < d->breakpoint_count && d->breakpoints[i] != gva)
		i++;
	if (on && i == d->breakpoint_count) {
		if (check_open(d))
			goto out;
		if (i == UCALL_DEBUG_BREAKPOINTS) {
			ucall_fail(ENOSPC, "%d breakpoints are the most", UCALL_DEBUG_BREAKPOINTS);
			goto out;
		}
		if (v && !can_break(v))
			goto out;
		d->breakpoints[d->breakpoint_count++] = gva;
		d->generation++;
	} else if (!on && i < d->breakpoint_count) {
		d->breakpoints[i] = d->breakpoints[--d->breakpoint_count];
		d->generation++;
	}
	r = 0;
out:
	pthread_mutex_unlock(&d->lock);
	return r;
}

static int set_watchpoint(struct ucall_debug *d, uint64_t gva, uint64_t size, bool on)
{
	struct ucall_own_vcpu *v = find_vcpu(d, 0);
	unsigned int i = 0;
	int r = -1;

	if (!v)
		return -1;
	pthread_mutex_lock(&d->lock);
	while (i < d->watch_count && (d->watches[i].gva != gva || d->watches[i].size != size))
		i++;
	if (on && i == d->watch_count) {
		if (check_open(d))
			goto out;
		if (i == UCALL_DEBUG_WATCHES || !size || size > UCALL_DEBUG_WATCH_SIZE) {
			ucall_fail(ENOSPC, "%d watchpoints of %d bytes are the most",
				   UCALL_DEBUG_WATCHES, UCALL_DEBUG_WATCH_SIZE);
			goto out;
		}
		d->watches[i] = (struct ucall_debug_watch){ .gva = gva, .size = (size_t)size };
		ucall_debug_read_watched(v, &d->watches[i], d->watches[i].value);
		d->watch_count++;
		d->generation++;
	} else if (!on && i < d->watch_count) {
		d->watches[i] = d->watches[--d->watch_count];
		d->generation++;
	}
	r = 0;
out:
	pthread_mutex_unlock(&d->lock);
	return r;
}

static void describe_vcpu(struct ucall_debug *d, unsigned int number, struct ucall_text *text)
{
	struct ucall_own_vcpu *v = find_vcpu(d, number);

	if (!v)
		return;
	pthread_mutex_lock(&d->lock);
	ucall_text_add(text, "vCPU %u", number);
	if (v->fault.report)
		ucall_text_add(text, ", faulted");
	if (ucall_machine_registers_are_closed(v->cpu.vm))
		ucall_text_add(text, ", registers closed to the host");
	pthread_mutex_unlock(&d->lock);
}

static void monitor(struct ucall_debug *d, const char *command, struct ucall_text *text)
{
	pthread_mutex_lock(&d->lock);
	ucall_debug_monitor(d, command, text);
	pthread_mutex_unlock(&d->lock);
}

static int program(struct ucall_debug *d, char *path, size_t size)
{
	return ucall_own_program(d->vm, path, size);
}

static size_t auxv(struct ucall_debug *d, uint64_t *to)
{
	return ucall_own_auxv(d->vm, to);
}

const struct ucall_debug_ops ucall_debug_ops = {
	.event = event,
	.take_stop = take_stop,
	.attach = attach,
	.detach = detach,
	.interrupt = interrupt,
	.arch = arch,
	.vcpus = vcpus,
	.set_action = set_action,
	.resume = resume,
	.get_regs = get_regs,
	.set_regs = set_regs,
	.read = read_guest,
	.write = write_guest,
	.set_breakpoint = set_breakpoint,
	.set_watchpoint = set_watchpoint,
	.describe_vcpu = describe_vcpu,
	.monitor = monitor,
	.program = program,
	.auxv = auxv,
};
