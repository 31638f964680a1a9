// SPDX-License-Identifier: MIT
/* What a channel needs (machine-ops.h), for libucall's own machine. */
#include <errno.h>
#include <sys/auxv.h>

#include "base/probe.h"
#include "machine/memory.h"
#include "own.h"
#include "protect/guard.h"
#include "protect/protect.h"

static struct ucall_machine *machine_of(void *vm)
{
	return &((struct ucall_own_vm *)vm)->machine;
}

static struct ucall_cpu *cpu_of(void *cpu)
{
	return &((struct ucall_own_vcpu *)cpu)->cpu;
}

/* ---- set-up ---- */

static int check_may_change(void *vm, const char *what)
{
	return ucall_memory_check_setup(machine_of(vm), what);
}

static void *map(void *vm, uint64_t gva, size_t size, unsigned int prot)
{
	return ucall_machine_map_common(machine_of(vm), gva, size, prot);
}

static void *map_own(void *cpu, uint64_t gva, size_t size, unsigned int prot)
{
	return ucall_cpu_map(cpu_of(cpu), gva, size, prot);
}

static uint64_t map_device(void *own, uint64_t gpa, size_t size)
{
	struct ucall_machine *vm = machine_of(own);
	uint64_t gva = vm->memory.heap + UCALL_PAGE_SIZE,
		 first = gpa & ~(uint64_t)(UCALL_PAGE_SIZE - 1);
	uint64_t pages = ucall_page_align(gpa - first + size);

	if (pages > UCALL_MEM_MAX) {
		ucall_fail(EINVAL, "cannot map %zu bytes at guest-physical address 0x%llx", size,
			   (unsigned long long)gpa);
		return 0;
	}
	if (first < vm->memory.size) {
		ucall_fail(EINVAL,
			   "guest-physical address 0x%llx is guest memory, where no access exits; "
			   "give an address of 0x%zx or more",
			   (unsigned long long)gpa, vm->memory.size);
		return 0;
	}
	if (vm->flat)
		gva = first;
	if (ucall_memory_map_device(vm, gva, first, pages))
		return 0;
	if (!vm->flat)
		vm->memory.heap = gva + pages;
	return gva + (gpa - first);
}

static int vm_fd(void *vm)
{
	const struct ucall_machine *m = machine_of(vm);

	return m->engine->vm_fd ? m->engine->vm_fd(m) : -1;
}

static int vcpu_fd(void *cpu)
{
	const struct ucall_cpu *c = cpu_of(cpu);

	return c->vm->engine->vcpu_fd ? c->vm->engine->vcpu_fd(c) : -1;
}

static void *vcpu_run(void *cpu)
{
	const struct ucall_cpu *c = cpu_of(cpu);

	return c->vm->engine->vcpu_run ? c->vm->engine->vcpu_run(c) : NULL;
}

static int take_slot(void *own)
{
	struct ucall_machine *vm = machine_of(own);

	if (!vm->engine->vm_fd)
		return ucall_fail(EOPNOTSUPP, "ucall_vm_take_slot: engine %s has no memory slots",
				  vm->engine->name);
	if (vm->slots == UCALL_BACKEND_SLOTS)
		return ucall_fail(ENOSPC,
				  "ucall_vm_take_slot: a backend can have %d memory slots at most",
				  UCALL_BACKEND_SLOTS);
	return UCALL_BACKEND_SLOT + (int)vm->slots++;
}

/* ---- receiving ---- */

static int read_guest(void *cpu, uint64_t gva, void *to, size_t size)
{
	struct ucall_cpu *c = cpu_of(cpu);

	return ucall_memory_read(c->vm, c->vm->engine->root(c), gva, to, size);
}

static uint64_t *message(void *cpu, uint64_t gva)
{
	struct ucall_cpu *c = cpu_of(cpu);
	uint64_t root = c->vm->engine->root(c);

	if (ucall_memory_check_readable(c->vm, root, gva, sizeof(struct ucall)))
		return NULL;
	return ucall_memory_at(c->vm, root, gva, sizeof(uint64_t));
}

/* Checks all pages first: the message comes from the guest. */
static int pages(void *cpu, uint64_t gva, uint64_t size, bool is_shared)
{
	struct ucall_cpu *c = cpu_of(cpu);
	struct ucall_machine *vm = c->vm;
	int r;

	if (!vm->guard || !vm->guard->told)
		return ucall_fail(
			EPROTO,
			"the guest sent UCALL_PAGES; in a VM with protection %s pages stay as "
			"they were allocated",
			vm->protection->name);
	pthread_mutex_lock(&vm->lock);
	r = ucall_memory_told(vm, c->boot.root, gva, size, !is_shared);
	pthread_mutex_unlock(&vm->lock);
	return r;
}

static uint64_t argument(void *cpu)
{
	struct ucall_cpu *c = cpu_of(cpu);

	return ucall_protection_closes(c->vm->protection) ? 0 : c->vm->engine->argument(c);
}

static int get_regs(void *cpu, struct ucall_frame *regs)
{
	struct ucall_cpu *c = cpu_of(cpu);

	if (ucall_machine_check_registers(c->vm, "ucall_vcpu_get_regs"))
		return -1;
	return c->vm->engine->get_regs(c, regs);
}

static int set_regs(void *cpu, const struct ucall_frame *regs)
{
	struct ucall_cpu *c = cpu_of(cpu);

	if (ucall_machine_check_registers(c->vm, "ucall_vcpu_set_regs"))
		return -1;
	return c->vm->engine->set_regs(c, regs);
}

/* ---- running ---- */

static int check_run(void *cpu)
{
	struct ucall_own_vcpu *v = cpu;

	if (ucall_cpu_check_run(&v->cpu))
		return -1;
	if (v->fault.dead)
		return ucall_fail(EFAULT, "vCPU %u has faulted and cannot go on; %s", v->cpu.number,
				  ucall_machine_is_encrypted(v->cpu.vm)
					  ? "its VM is closed to the host: create another one"
					  : "ucall_vcpu_restart() starts it again");
	if (v->fault.info.valid)
		ucall_fault_clear(&v->fault);
	return 0;
}

static enum ucall_run_end run(void *cpu, int64_t deadline)
{
	struct ucall_cpu *c = cpu_of(cpu);
	enum ucall_run_end end = c->vm->engine->run(c, deadline);

	UCALL_PROBE(exit, c->number, c->exit.reason, c->exit.native);
	return end;
}

static void kick(void *cpu)
{
	struct ucall_cpu *c = cpu_of(cpu);

	c->vm->engine->kick(c);
}

/* 0 if the caller should look at the vCPU's exit, or -1 with a report. */
static int report(void *cpu, enum ucall_run_end end, int timeout_ms)
{
	struct ucall_own_vcpu *v = cpu;

	switch (end) {
	case UCALL_RUN_EXIT:
		break;
	case UCALL_RUN_TIMEOUT:
		v->cpu.exit.reason = UCALL_EXIT_TIMEOUT;
		return ucall_fault_timeout(&v->fault, timeout_ms);
	case UCALL_RUN_KICK:
		return ucall_fail(EINTR, "vCPU %u was kicked", v->cpu.number);
	default:
		return -1;
	}
	if (__atomic_load_n(&v->fault.area->state, __ATOMIC_ACQUIRE) != UCALL_FAULT_NONE) {
		v->fault.dead = true;
		return ucall_fault_exception(&v->fault);
	}
	if (v->cpu.exit.reason == UCALL_EXIT_EXCEPTION) {
		v->fault.dead = true;
		return ucall_fault_unhandled(&v->fault);
	}
	if (v->cpu.exit.reason == UCALL_EXIT_SHUTDOWN) {
		v->fault.dead = true;
		return ucall_fault_shutdown(&v->fault);
	}
	return 0;
}

/* True after ucall_fail() if the guest took back its mailbox. */
static bool lost_mailbox(const struct ucall_own_vcpu *v)
{
	const struct ucall_guard *guard = v->cpu.vm->guard;

	if (!guard || !guard->is_lost || !guard->is_lost(v->cpu.vm, v->port.mailbox))
		return false;
	ucall_fail(EPROTO,
		   "the guest on vCPU %u took back its mailbox, which it had shared with the host",
		   v->cpu.number);
	return true;
}

/* GHCI, ReportFatalError: R13 is the guest-physical address of a page with text. */
#define FATAL_HAS_PAGE (1ull << 63)

/* The guest's text, of printable characters; false: it gave none. */
static bool fatal_text(const struct ucall_cpu *c, char *text, size_t size)
{
	const struct ucall_machine *vm = c->vm;
	const struct ucall_exit *exit = &c->exit;
	uint64_t gpa = ucall_memory_entry_address(&vm->memory, exit->u.fatal.address);
	const char *from = exit->u.fatal.text;
	size_t most = sizeof(exit->u.fatal.text);

	if (exit->u.fatal.code & FATAL_HAS_PAGE) {
		from = ucall_memory_is_private(vm, gpa)
			       ? NULL
			       : ucall_memory_side(&vm->memory,
						   gpa & ~(uint64_t)(UCALL_PAGE_SIZE - 1),
						   UCALL_PAGE_SIZE, true);
		most = UCALL_PAGE_SIZE;
	}
	if (!from)
		return false;
	memset(text, 0, size);
	for (size_t i = 0; i < most && i < size - 1; i++) {
		const char ch =
			((const volatile char *)from)[i]; /* once: the guest may be writing */

		if (!ch)
			break;
		text[i] = ch >= ' ' && ch <= '~' ? ch : '?';
	}
	return text[0];
}

static int report_exit(void *cpu)
{
	char text[UCALL_TEXT_SIZE] = "";
	const struct ucall_cpu *c = cpu_of(cpu);

	if (c->exit.reason == UCALL_EXIT_FATAL)
		return ucall_fail(
			ECANCELED,
			"vCPU %u: the guest cannot go on (ReportFatalError, code 0x%x)%s%s",
			c->number, (unsigned int)c->exit.u.fatal.code,
			fatal_text(c, text, sizeof(text)) ? ": " : "", text);
	if (lost_mailbox(cpu))
		return -1;
	return ucall_fault_exit(&((struct ucall_own_vcpu *)cpu)->fault);
}

static int report_message(void *cpu)
{
	return ucall_fault_message(&((struct ucall_own_vcpu *)cpu)->fault);
}

static int report_timeout(void *cpu, int timeout_ms)
{
	return ucall_fault_timeout(&((struct ucall_own_vcpu *)cpu)->fault, timeout_ms);
}

bool ucall_own_frame(struct ucall_own_vcpu *vcpu, struct ucall_frame *frame)
{
	const struct ucall_fault *f = &vcpu->fault;

	if (f->report && !(f->info.frame.unknown & UCALL_UNKNOWN_REGS)) {
		*frame = f->info.frame;
		return true;
	}
	return !ucall_machine_registers_are_closed(vcpu->cpu.vm) &&
	       !vcpu->cpu.vm->engine->get_regs(&vcpu->cpu, frame);
}

size_t ucall_own_auxv(const struct ucall_own_vm *vm, uint64_t auxv[UCALL_AUXV_WORDS])
{
	static const uint64_t types[UCALL_AUXV_WORDS / 2] = { AT_PHDR,	 AT_PHENT, AT_PHNUM,
							      AT_PAGESZ, AT_ENTRY, AT_NULL };

	if (vm->machine.image)
		return 0;
	for (size_t i = 0; i < UCALL_AUXV_WORDS / 2; i++) {
		auxv[2 * i] = types[i];
		auxv[2 * i + 1] = types[i] == AT_NULL ? 0 : getauxval(types[i]);
	}
	return UCALL_AUXV_WORDS * sizeof(auxv[0]);
}

void ucall_own_stop(struct ucall_own_vm *vm)
{
	for (struct ucall_cpu *cpu = vm->machine.vcpus; cpu; cpu = cpu->next) {
		struct ucall_port *port = &ucall_own_vcpu(cpu)->port;

		if (port->ops->stop)
			port->ops->stop(port);
	}
}

const struct ucall_machine_ops ucall_own_ops = {
	.check_may_change = check_may_change,
	.map = map,
	.map_own = map_own,
	.map_device = map_device,
	.read = read_guest,
	.message = message,
	.pages = pages,
	.argument = argument,
	.get_regs = get_regs,
	.set_regs = set_regs,
	.vm_fd = vm_fd,
	.vcpu_fd = vcpu_fd,
	.vcpu_run = vcpu_run,
	.take_slot = take_slot,
	.check_run = check_run,
	.run = run,
	.kick = kick,
	.report = report,
	.report_exit = report_exit,
	.report_message = report_message,
	.report_timeout = report_timeout,
};
