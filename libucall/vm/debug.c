// SPDX-License-Identifier: MIT
/* See debug.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "debug-vm.h"
#include "machine/memory.h"
#include "own.h"
#include "protect/protect.h"

#define SIGNAL_ABORT 6
#define SIGNAL_SEGV 11

static struct ucall_debug *debug_of(const struct ucall_own_vcpu *v)
{
	return ucall_own_vm(v->cpu.vm)->debug;
}

/* ---- stopping: the caller holds d->lock ---- */

void ucall_debug_tell(struct ucall_debug *d)
{
	const uint64_t one = 1;

	if (!d->stopped || d->running)
		return;
	pthread_cond_broadcast(&d->changed);
	if (write(d->event, &one, sizeof(one)) < 0)
		return; /* only if its counter is full, when it is readable anyway */
}

static void kick_all(const struct ucall_debug *d)
{
	struct ucall_machine *vm = &d->vm->machine;

	pthread_mutex_lock(&vm->lock);
	for (struct ucall_cpu *cpu = vm->vcpus; cpu; cpu = cpu->next)
		if (ucall_own_vcpu(cpu)->debug.running)
			vm->engine->kick(cpu);
	pthread_mutex_unlock(&vm->lock);
}

void ucall_debug_stop_all(struct ucall_debug *d, const struct ucall_debug_stop *stop)
{
	d->stop = *stop;
	d->stopped = true;
	kick_all(d);
	ucall_debug_tell(d);
}

/* This vCPU has a reason to stop.  If another had one before, this one is told later. */
static void stop_for(struct ucall_debug *d, struct ucall_own_vcpu *v, enum ucall_debug_why why,
		     int signal, uint64_t address, const char *text)
{
	struct ucall_debug_stop stop = {
		.why = why, .vcpu = v->cpu.number, .address = address, .signal = signal
	};

	if (!d->attached)
		return;
	snprintf(stop.text, sizeof(stop.text), "%s", text);
	if (d->stopped)
		v->debug.pending = stop;
	else
		ucall_debug_stop_all(d, &stop);
}

static void wait_until_resumed(struct ucall_debug *d, const struct ucall_own_vcpu *v)
{
	while (d->stopped || (d->attached && v->debug.action == UCALL_DEBUG_HOLD))
		pthread_cond_wait(&d->changed, &d->lock);
}

/* ---- breakpoints and watchpoints: the caller holds d->lock ---- */

static bool is_breakpoint(const struct ucall_debug *d, uint64_t pc)
{
	return ucall_is_breakpoint(d->breakpoints, d->breakpoint_count, pc);
}

int ucall_debug_read(struct ucall_own_vcpu *v, uint64_t gva, void *to, size_t size)
{
	struct ucall_machine *vm = v->cpu.vm;
	int r;

	pthread_mutex_lock(&vm->lock);
	r = ucall_memory_read(vm, vm->engine->root(&v->cpu), gva, to, size);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

void ucall_debug_read_watched(struct ucall_own_vcpu *v, const struct ucall_debug_watch *w,
			      uint8_t *to)
{
	memset(to, 0, UCALL_DEBUG_WATCH_SIZE);
	if (ucall_debug_read(v, w->gva, to, w->size))
		ucall_forget_error(); /* not mapped yet */
}

static void remember_watched(struct ucall_debug *d, struct ucall_own_vcpu *v)
{
	for (unsigned int i = 0; i < d->watch_count; i++)
		ucall_debug_read_watched(v, &d->watches[i], d->watches[i].value);
}

/* The watchpoint whose memory has changed; NULL: none has. */
static const struct ucall_debug_watch *changed_watch(struct ucall_debug *d,
						     struct ucall_own_vcpu *v)
{
	uint8_t now[UCALL_DEBUG_WATCH_SIZE];

	for (unsigned int i = 0; i < d->watch_count; i++) {
		struct ucall_debug_watch *w = &d->watches[i];

		ucall_debug_read_watched(v, w, now);
		if (memcmp(now, w->value, w->size) != 0) {
			memcpy(w->value, now, sizeof(now));
			return w;
		}
	}
	return NULL;
}

/* ---- running ---- */

/* Gives the engine the breakpoints, if they are others than last time. */
static int set_breakpoints(struct ucall_debug *d, struct ucall_own_vcpu *v)
{
	const struct ucall_engine *engine = v->cpu.vm->engine;
	const unsigned int count = d->hardware && !d->watch_count ? d->breakpoint_count : 0;
	int taken = 0;

	if (v->debug.generation == d->generation)
		return 0;
	if (engine->set_breakpoints)
		taken = engine->set_breakpoints(&v->cpu, d->breakpoints, count);
	if (taken >= 0 && (unsigned int)taken < d->breakpoint_count)
		taken = engine->set_breakpoints ? engine->set_breakpoints(&v->cpu, NULL, 0) : 0;
	if (taken < 0)
		return -1;
	v->debug.emulates = d->watch_count || (unsigned int)taken < d->breakpoint_count;
	v->debug.generation = d->generation;
	return 0;
}

static int set_stepping(struct ucall_own_vcpu *v, bool on)
{
	const struct ucall_engine *engine = v->cpu.vm->engine;

	if (v->cpu.stepping == on)
		return 0;
	if (!engine->set_stepping)
		return ucall_fail(EOPNOTSUPP, "engine %s cannot single-step", engine->name);
	if (engine->set_stepping(&v->cpu, on))
		return -1;
	v->cpu.stepping = on;
	return 0;
}

static bool take_kick(struct ucall_own_vcpu *v)
{
	return __atomic_exchange_n(&v->debug.kicked, 0, __ATOMIC_ACQ_REL);
}

/* The vCPU has ended a step, or met a breakpoint.  UCALL_RUN_AGAIN: that is not for the program. */
static enum ucall_run_end after_debug_exit(struct ucall_debug *d, struct ucall_own_vcpu *v)
{
	const struct ucall_debug_watch *w = changed_watch(d, v);
	const uint64_t pc = v->cpu.vm->engine->pc(&v->cpu);

	if (w)
		stop_for(d, v, UCALL_STOP_WATCHPOINT, UCALL_DEBUG_SIGNAL_TRAP, w->gva, "");
	else if (is_breakpoint(d, pc))
		stop_for(d, v, UCALL_STOP_BREAKPOINT, UCALL_DEBUG_SIGNAL_TRAP, 0, "");
	else if (v->debug.action == UCALL_DEBUG_STEP && (pc < v->debug.start || pc >= v->debug.end))
		stop_for(d, v, UCALL_STOP_STEP, UCALL_DEBUG_SIGNAL_TRAP, 0, "");
	else if (v->debug.user_stepping ||
		 (v->debug.action != UCALL_DEBUG_STEP && !v->debug.emulates))
		return UCALL_RUN_EXIT; /* the program's own step */
	return UCALL_RUN_AGAIN;
}

/* One run of the engine.  The caller holds d->lock. */
static enum ucall_run_end run_once(struct ucall_debug *d, struct ucall_own_vcpu *v,
				   int64_t deadline)
{
	const struct ucall_engine *engine = v->cpu.vm->engine;
	const bool attached = d->attached;
	enum ucall_run_end end;

	if (!d->closed) {
		if (attached && set_breakpoints(d, v))
			return UCALL_RUN_FAILED;
		if (set_stepping(v, v->debug.user_stepping || v->debug.emulates ||
					    v->debug.action == UCALL_DEBUG_STEP))
			return UCALL_RUN_FAILED;
		if (v->debug.emulates && is_breakpoint(d, engine->pc(&v->cpu))) {
			stop_for(d, v, UCALL_STOP_BREAKPOINT, UCALL_DEBUG_SIGNAL_TRAP, 0, "");
			return UCALL_RUN_AGAIN;
		}
		/* What the program itself has written there since is not a change by the guest. */
		if (!d->running && !v->debug.was_stepped)
			remember_watched(d, v);
	}
	v->debug.running = true;
	d->running++;
	pthread_mutex_unlock(&d->lock);
	end = engine->run(&v->cpu, attached ? -1 : deadline);
	pthread_mutex_lock(&d->lock);
	v->debug.running = false;
	d->running--;
	v->debug.was_stepped = end == UCALL_RUN_EXIT && v->cpu.exit.reason == UCALL_EXIT_DEBUG;
	if (v->debug.was_stepped && !d->closed)
		end = after_debug_exit(d, v);
	else if (end == UCALL_RUN_KICK)
		end = take_kick(v) ? UCALL_RUN_KICK : UCALL_RUN_AGAIN;
	else if (end == UCALL_RUN_TIMEOUT && d->attached)
		end = UCALL_RUN_AGAIN;
	ucall_debug_tell(d);
	return end;
}

/* Tells what came while another vCPU's stop was told, unless its breakpoint is gone. */
static bool tell_pending(struct ucall_debug *d, struct ucall_own_vcpu *v)
{
	struct ucall_debug_stop stop = v->debug.pending;

	v->debug.pending.why = UCALL_STOP_NONE;
	if (stop.why == UCALL_STOP_NONE || !d->attached ||
	    (stop.why == UCALL_STOP_BREAKPOINT &&
	     !is_breakpoint(d, v->cpu.vm->engine->pc(&v->cpu))))
		return false;
	ucall_debug_stop_all(d, &stop);
	return true;
}

static enum ucall_run_end run(void *cpu, int64_t deadline)
{
	struct ucall_own_vcpu *v = cpu;
	struct ucall_debug *d = debug_of(v);
	enum ucall_run_end end;
	bool attached;

	pthread_mutex_lock(&d->lock);
	v->debug.user_stepping = v->cpu.stepping;
	attached = d->attached;
	do {
		wait_until_resumed(d, v);
		if (attached && !d->attached && d->timeout_ms >= 0)
			deadline = ucall_now_ns() + d->timeout_ms * 1000000ll;
		attached = d->attached;
		if (tell_pending(d, v)) {
			end = UCALL_RUN_AGAIN;
		} else if (take_kick(v)) {
			v->cpu.exit.reason = UCALL_EXIT_KICK;
			end = UCALL_RUN_KICK;
		} else if (v->debug.is_held) {
			v->debug.is_held = false;
			v->cpu.exit = v->debug.held;
			end = UCALL_RUN_EXIT;
		} else {
			end = run_once(d, v, deadline);
		}
	} while (end == UCALL_RUN_AGAIN);
	if (set_stepping(v, v->debug.user_stepping))
		end = UCALL_RUN_FAILED;
	pthread_mutex_unlock(&d->lock);
	return end;
}

/* Async-signal-safe. */
static void kick(void *cpu)
{
	struct ucall_own_vcpu *v = cpu;

	__atomic_store_n(&v->debug.kicked, 1, __ATOMIC_RELEASE);
	v->cpu.vm->engine->kick(&v->cpu);
}

/*
 * The guest went wrong: the debugger sees it before the program does.  The caller holds d->lock.
 * Keeps errno and the error.
 */
static int stop_at_fault(struct ucall_debug *d, struct ucall_own_vcpu *v, int r)
{
	int error = errno;

	if (r && v->fault.report) {
		wait_until_resumed(d, v);
		stop_for(d, v, UCALL_STOP_FAULT, SIGNAL_SEGV, 0, ucall_error());
		wait_until_resumed(d, v);
	}
	pthread_mutex_unlock(&d->lock);
	errno = error;
	return r;
}

/* A debugger may read the report meanwhile. */
static struct ucall_debug *lock_debug(const struct ucall_own_vcpu *v)
{
	struct ucall_debug *d = debug_of(v);

	pthread_mutex_lock(&d->lock);
	return d;
}

static int check_run(void *cpu)
{
	struct ucall_debug *d = lock_debug(cpu);
	int r = ucall_own_ops.check_run(cpu);

	pthread_mutex_unlock(&d->lock);
	return r;
}

static int report(void *cpu, enum ucall_run_end end, int timeout_ms)
{
	struct ucall_debug *d = lock_debug(cpu);

	return stop_at_fault(d, cpu, ucall_own_ops.report(cpu, end, timeout_ms));
}

static int report_exit(void *cpu)
{
	struct ucall_debug *d = lock_debug(cpu);

	return stop_at_fault(d, cpu, ucall_own_ops.report_exit(cpu));
}

static int report_message(void *cpu)
{
	struct ucall_debug *d = lock_debug(cpu);

	return stop_at_fault(d, cpu, ucall_own_ops.report_message(cpu));
}

/* ---- messages ---- */

/* Instructions of a doorbell after its exit. */
#define DOORBELL_MOST 64

/* Doorbells, and all else that libucall has put into the guest, are in the mailbox's slot. */
static bool is_in_doorbell(uint64_t pc)
{
	return pc >> 39 == UCALL_MAILBOX_ADDRESS >> 39;
}

/*
 * Steps out of the doorbell: a debugger has no unwind tables for it, but for its caller.  The message
 * has been received, so nothing that the program does next depends on these instructions.
 */
static void leave_doorbell(const struct ucall_debug *d, struct ucall_own_vcpu *v)
{
	const struct ucall_engine *engine = v->cpu.vm->engine;
	const struct ucall_exit exit = v->cpu.exit;
	const bool stepping = v->cpu.stepping;

	if (d->closed || !engine->set_stepping)
		return;
	if (engine->set_breakpoints)
		engine->set_breakpoints(&v->cpu, NULL, 0);
	v->debug.generation = 0; /* the next run has them again */
	for (int i = 0; i < DOORBELL_MOST && is_in_doorbell(engine->pc(&v->cpu)); i++) {
		if (set_stepping(v, true) || engine->run(&v->cpu, -1) != UCALL_RUN_EXIT)
			break;
		if (v->cpu.exit.reason != UCALL_EXIT_DEBUG) {
			v->debug.held = v->cpu.exit;
			v->debug.is_held = true;
			break;
		}
	}
	v->cpu.exit = exit;
	set_stepping(v, stepping);
	ucall_forget_error();
}

static bool stops_at(const struct ucall_debug *d, int cmd)
{
	for (unsigned int i = 0; i < d->message_count; i++)
		if (d->messages[i] == cmd || d->messages[i] == UCALL_ANY_MESSAGE)
			return true;
	return false;
}

static int receive(struct ucall_port *port, const uint64_t *only, struct ucall *uc)
{
	struct ucall_own_vcpu *v = port->cpu;
	int cmd = v->debug.usual->receive(port, only, uc);
	struct ucall_debug *d = debug_of(v);
	char text[UCALL_DEBUG_LINE];

	if (cmd <= 0 || cmd == UCALL_PAGES || cmd == UCALL_SPAN)
		return cmd;
	pthread_mutex_lock(&d->lock);
	ucall_debug_log(d, v->cpu.number, cmd, uc);
	memcpy(text, ucall_debug_last(d), sizeof(text)); /* others may come while this one waits */
	wait_until_resumed(d, v);
	if (d->attached && stops_at(d, cmd)) {
		if (!port->queued)
			leave_doorbell(d, v);
		stop_for(d, v, UCALL_STOP_MESSAGE,
			 cmd == UCALL_ABORT ? SIGNAL_ABORT : UCALL_DEBUG_SIGNAL_TRAP, 0, text);
		wait_until_resumed(d, v);
	}
	pthread_mutex_unlock(&d->lock);
	return cmd;
}

/* ---- the VM's side ---- */

/* While a debugger is there, no call has a time limit. */
void ucall_debug_set_attached(struct ucall_debug *d, bool on)
{
	d->attached = on;
	__atomic_store_n(&d->vm->channel.timeout_ms, on ? -1 : d->timeout_ms, __ATOMIC_RELAXED);
}

void ucall_debug_add(struct ucall_own_vcpu *v)
{
	if (!debug_of(v))
		return;
	v->debug.usual = v->port.ops;
	v->debug.ops = *v->port.ops;
	v->debug.ops.receive = receive;
	v->port.ops = &v->debug.ops;
}

struct ucall_debug *ucall_debug_new(struct ucall_own_vm *vm)
{
	struct ucall_debug *d = ucall_calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->event < 0) {
		ucall_fail_call("eventfd");
		free(d);
		return NULL;
	}
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	d->vm = vm;
	d->hardware = true;
	d->generation = 1;
	d->message_count = 1;
	d->messages[0] = UCALL_ABORT;
	d->timeout_ms = vm->channel.timeout_ms;
	d->closed = ucall_protection_closes(vm->machine.protection);
	d->stopped = true;
	d->stop = (struct ucall_debug_stop){ .why = UCALL_STOP_ASKED,
					     .signal = UCALL_DEBUG_SIGNAL_TRAP };
	ucall_debug_set_attached(d, true);
	d->ops = ucall_own_ops;
	d->ops.check_run = check_run;
	d->ops.run = run;
	d->ops.kick = kick;
	d->ops.report = report;
	d->ops.report_exit = report_exit;
	d->ops.report_message = report_message;
	return d;
}

void ucall_debug_install(struct ucall_debug *d)
{
	d->vm->debug = d;
	d->vm->channel.machine = &d->ops;
}

/* All that waits goes on, for good. */
void ucall_debug_release(struct ucall_debug *d)
{
	pthread_mutex_lock(&d->lock);
	d->attached = d->stopped = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

void ucall_debug_free(struct ucall_debug *d, bool inherited)
{
	close(d->event);
	if (!inherited) {
		pthread_cond_destroy(&d->changed);
		pthread_mutex_destroy(&d->lock);
	}
	free(d);
}

void ucall_debug_reset(struct ucall_own_vcpu *v)
{
	v->debug.is_held = v->debug.was_stepped = false;
	v->debug.pending.why = UCALL_STOP_NONE;
}

void ucall_debug_begin(struct ucall_own_vm *vm)
{
	if (!vm->debug)
		return;
	pthread_mutex_lock(&vm->debug->lock);
	while (vm->debug->stopped)
		pthread_cond_wait(&vm->debug->changed, &vm->debug->lock);
}

void ucall_debug_end(struct ucall_own_vm *vm)
{
	if (vm->debug)
		pthread_mutex_unlock(&vm->debug->lock);
}
