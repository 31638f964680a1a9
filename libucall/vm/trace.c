// SPDX-License-Identifier: MIT
/* See trace.h; ucall_vm_trace(), UCALL_TRACE. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "machine/memory.h"
#include "message-text.h"
#include "modules/module.h"
#include "own.h"
#include "protect/protect.h"

struct ucall_trace {
	const struct ucall_trace_writer *writer;
	struct ucall_trace_file *file;
	const struct ucall_engine *usual; /* the machine's engine */
	struct ucall_engine engine; /* what it has instead */
};

static struct ucall_trace *trace_of(const struct ucall_cpu *cpu)
{
	return ucall_own_vm(cpu->vm)->trace;
}

/* ---- runs ---- */

static enum ucall_run_end run(struct ucall_cpu *cpu, int64_t deadline)
{
	struct ucall_trace *t = trace_of(cpu);
	char text[256] = "";
	struct ucall_text words = { text, sizeof(text), 0 };
	struct ucall_trace_run r = { .vcpu = cpu->number, .start = ucall_now_ns(), .exit = text };
	enum ucall_run_end end = t->usual->run(cpu, deadline);
	int error = errno;

	r.end = ucall_now_ns();
	if (end == UCALL_RUN_FAILED)
		ucall_text_add(&words, "the run failed");
	else
		ucall_describe_exit(cpu, &words);
	if (!ucall_machine_registers_are_closed(cpu->vm))
		r.pc = t->usual->pc(cpu);
	t->writer->run(t->file, &r);
	__atomic_store_n(&ucall_own_vcpu(cpu)->trace.exited, 1, __ATOMIC_RELEASE);
	errno = error;
	return end;
}

/* ---- messages ---- */

/* The counter in ns, without overflow. */
static int64_t to_ns(uint64_t ticks, uint64_t hz)
{
	return (int64_t)(ticks / hz * 1000000000ull + ticks % hz * 1000000000ull / hz);
}

/* Reading it waits for the vCPU, which may be running if messages are polled. */
static bool read_counter(const struct ucall_trace *t, struct ucall_cpu *cpu, uint64_t *now,
			 uint64_t *hz)
{
	return t->usual->counter && cpu->engine_data &&
	       !ucall_own_vm(cpu->vm)->channel.queue_polled && !t->usual->counter(cpu, now, hz);
}

static void write_span(struct ucall_trace *t, struct ucall_cpu *cpu, const struct ucall *uc)
{
	char name[UCALL_MESSAGE_TEXT] = "";
	struct ucall_text text = { name, sizeof(name), 0 };
	struct ucall_trace_span span = {
		.vcpu = cpu->number,
		.time = ucall_now_ns(),
		.is_begin = uc->args[0],
		.name = name,
	};
	uint64_t now, hz;

	ucall_text_add_escaped(&text, uc->text, uc->text_size, "");
	if (uc->args[1] && read_counter(t, cpu, &now, &hz)) {
		span.guest_time = true;
		span.tie_host = ucall_now_ns();
		span.tie_guest = to_ns(now, hz);
		span.time = to_ns(uc->args[1], hz);
	}
	t->writer->span(t->file, &span);
}

static int receive(struct ucall_port *port, const uint64_t *only, struct ucall *uc)
{
	struct ucall_own_vcpu *v = port->cpu;
	int cmd = v->trace.usual->receive(port, only, uc), error = errno;
	struct ucall_trace *t = trace_of(&v->cpu);
	char text[UCALL_MESSAGE_TEXT];
	const struct ucall_trace_message m = {
		.vcpu = v->cpu.number,
		.time = ucall_now_ns(),
		.text = text,
		.bytes = offsetof(struct ucall, args) + uc->nargs * sizeof(uc->args[0]) +
			 uc->text_size,
		.by_exit = __atomic_load_n(&v->trace.exited, __ATOMIC_RELAXED),
	};

	if (cmd == UCALL_SPAN) {
		write_span(t, &v->cpu, uc);
	} else if (cmd > 0) {
		ucall_message_describe(cmd, uc, text, sizeof(text));
		t->writer->message(t->file, &m);
		__atomic_store_n(&v->trace.exited, 0, __ATOMIC_RELAXED);
	}
	errno = error;
	return cmd;
}

/* ---- set-up ---- */

void ucall_trace_add(struct ucall_own_vcpu *v)
{
	const struct ucall_trace *t = trace_of(&v->cpu);
	uint32_t tracing = UCALL_TRACING_ON;
	uint64_t now, hz;

	if (!t)
		return;
	v->trace.usual = v->port.ops;
	v->trace.ops = *v->port.ops;
	v->trace.ops.receive = receive;
	v->port.ops = &v->trace.ops;
	if (read_counter(t, &v->cpu, &now, &hz))
		tracing |= UCALL_TRACING_COUNTER;
	v->port.mailbox->tracing = ucall_guest32(v->cpu.vm->arch, tracing);
}

static int open_trace(struct ucall_own_vm *vm, const char *path, bool append)
{
	struct ucall_machine *m = &vm->machine;
	struct ucall_trace *t = ucall_calloc(1, sizeof(*t));
	char name[256];

	if (!t)
		return -1;
	t->writer = ucall_module_needed("trace", "ucall_trace",
					offsetof(struct ucall_trace_writer, version),
					"cannot write a trace");
	snprintf(name, sizeof(name), "%s, %s, %s", vm->channel.backend_name, m->arch->name,
		 m->engine->name);
	if (t->writer)
		t->file = t->writer->open(path, append, name);
	if (!t->file) {
		ucall_free(t);
		return -1;
	}
	t->usual = m->engine;
	t->engine = *m->engine;
	t->engine.run = run;
	m->engine = &t->engine;
	vm->trace = t;
	return 0;
}

int ucall_trace_open(struct ucall_own_vm *vm)
{
	const char *path = secure_getenv("UCALL_TRACE");

	if (!path || !*path || !open_trace(vm, path, true))
		return 0;
	return ucall_fail_in("UCALL_TRACE");
}

void ucall_trace_close(struct ucall_own_vm *vm, bool inherited)
{
	struct ucall_trace *t = vm->trace;

	if (!t)
		return;
	for (struct ucall_cpu *cpu = vm->machine.vcpus; cpu; cpu = cpu->next) {
		struct ucall_own_vcpu *v = ucall_own_vcpu(cpu);

		if (v->trace.usual)
			v->port.ops = v->trace.usual;
	}
	vm->machine.engine = t->usual;
	vm->trace = NULL;
	if (!inherited)
		t->writer->flush(t->file);
	t->writer->close(t->file);
	free(t);
}

int ucall_vm_trace(struct ucall_vm *handle, const char *path)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_trace");
	struct ucall_own_vm *vm;

	if (!machine || ucall_process_check(machine->process, "ucall_vm_trace"))
		return -1;
	vm = ucall_own_vm(machine);
	if (vm->trace && !path)
		return vm->trace->writer->flush(vm->trace->file);
	if (ucall_fail_if_null(path, "ucall_vm_trace"))
		return -1;
	if (vm->trace)
		return ucall_fail(EBUSY, "ucall_vm_trace: this VM is traced already");
	if (machine->vcpus)
		return ucall_fail(EBUSY, "ucall_vm_trace: call it before ucall_vcpu_add()");
	return open_trace(vm, path, false);
}
