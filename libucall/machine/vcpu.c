// SPDX-License-Identifier: MIT
/* vCPUs: adding, running, receiving. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/byte-order.h"
#include "base/error.h"
#include "report/fault.h"
#include "image.h"
#include "base/limit.h"
#include "channel/mailbox.h"
#include "memory.h"
#include "process.h"
#include "protect/protect.h"
#include "channel/queue.h"
#include "channel/runner.h"
#include "vcpu.h"
#include "channel/channel.h"

#define MAX_VCPUS 512

/* ---- adding ---- */

/* The part of the address space that is this vCPU's alone: mailbox, bell, backend code, tables. */
static int map_mailbox(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;
	uint64_t root = vcpu->boot.root, gpa = ucall_memory_shared_pages(vm, 1);

	if (!gpa)
		return -1;
	vcpu->mailbox = ucall_memory_pointer(vm, gpa, sizeof(*vcpu->mailbox));
	vcpu->mailbox->vcpu = ucall_guest32(vm->arch, vcpu->number);
	if (ucall_memory_map_in(vm, root, UCALL_MAILBOX_ADDRESS, gpa, UCALL_PAGE_SIZE,
				UCALL_MAP_WRITE) ||
	    ucall_memory_map_in(vm, root, UCALL_BELL_ADDRESS, vm->bell_gpa, UCALL_PAGE_SIZE, 0) ||
	    ucall_memory_map_in(vm, root, UCALL_CODE_ADDRESS, vm->code, vm->code_size, UCALL_MAP_EXEC))
		return -1;
	return 0;
}

static int map_queue(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;
	size_t size = ucall_queue_size(vm->queue_lines);
	uint64_t gpa;

	if (!vm->queue_lines)
		return 0;
	gpa = ucall_memory_shared_pages(vm, size / UCALL_PAGE_SIZE);
	if (!gpa || ucall_memory_map_in(vm, vcpu->boot.root, UCALL_QUEUE_ADDRESS, gpa, size,
					UCALL_MAP_WRITE))
		return -1;
	vcpu->queue = ucall_memory_pointer(vm, gpa, size);
	ucall_queue_reset(vcpu);
	return 0;
}

/* A stack with unmapped memory below it and above. */
static int map_stack(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;
	uint64_t gva = UCALL_STACK_ADDRESS + (uint64_t)vm->memory.stacks++ * UCALL_STACK_STRIDE;
	uint64_t gpa = ucall_memory_pages(vm, UCALL_STACK_SIZE / UCALL_PAGE_SIZE);

	if (!gpa || ucall_memory_map(vm, gva, gpa, UCALL_STACK_SIZE, UCALL_MAP_WRITE))
		return -1;
	vcpu->boot.sp = gva + UCALL_STACK_SIZE;
	return 0;
}

static int build(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;

	if (!ucall_memory_is_code(vm, vm->memory.root, vcpu->boot.entry))
		return ucall_fail(EINVAL,
				  "no guest code at 0x%" PRIx64 "; the guest function must be one "
				  "of the %s, not of a library",
				  vcpu->boot.entry, vm->image ? "guest ELF" : "program itself");
	/* The stack and TLS first: they are mapped for all, and so before the root is copied. */
	if (!vm->image) {
		vcpu->boot.tls = ucall_image_tls(vm);
		if (!vcpu->boot.tls)
			return -1;
	}
	if (map_stack(vcpu))
		return -1;
	vcpu->boot.root = ucall_memory_new_root(vm);
	if (!vcpu->boot.root || map_mailbox(vcpu) || map_queue(vcpu))
		return -1;
	if (!vm->flat && ucall_native.vcpu_init(vcpu))
		return -1;
	return vm->engine->vcpu_init(vcpu);
}

struct ucall_vcpu *ucall_vcpu_add_entry(struct ucall_vm *vm, uint64_t entry, unsigned int nargs,
					uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3,
					uint64_t a4, uint64_t a5)
{
	struct ucall_vcpu *vcpu;

	if (ucall_is_null(vm, "ucall_vcpu_add_entry"))
		return NULL;
	if (nargs > 6) {
		ucall_fail(EINVAL,
			   "ucall_vcpu_add: nargs must be the number of arguments that follow, 6 "
			   "at most");
		return NULL;
	}
	vcpu = ucall_calloc(1, sizeof(*vcpu));
	if (!vcpu)
		return NULL;
	vcpu->vm = vm;
	vcpu->boot.entry = entry;
	memcpy(vcpu->boot.args, (const uint64_t[6]){ a0, a1, a2, a3, a4, a5 },
	       sizeof(vcpu->boot.args));

	pthread_mutex_lock(&vm->lock);
	vcpu->number = vm->vcpu_count;
	if (ucall_memory_set_up(vm, "ucall_vcpu_add")) {
		; /* too late */
	} else if (vcpu->number >= MAX_VCPUS) {
		ucall_fail(ENOSPC, "a VM has %d vCPUs at most", MAX_VCPUS);
	} else if (!build(vcpu)) {
		vcpu->next = vm->vcpus;
		vm->vcpus = vcpu;
		vm->vcpu_count++;
		pthread_mutex_unlock(&vm->lock);
		/* Without the lock: the backend may use the VM.  After a failure the VM still owns the vCPU. */
		return ucall_vcpu_install_backend(vcpu) ? NULL : vcpu;
	}
	pthread_mutex_unlock(&vm->lock);
	ucall_vcpu_free(vcpu);
	return NULL;
}

struct ucall_vcpu *ucall_vcpu_add_function(struct ucall_vm *vm, uint64_t function, const char *name,
					   unsigned int nargs, uint64_t a0, uint64_t a1,
					   uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5)
{
	if (ucall_is_null(vm, "ucall_vcpu_add_function"))
		return NULL;
	if (vm->image || !function)
		function = ucall_vm_symbol(vm, name);
	if (!function)
		return NULL;
	return ucall_vcpu_add_entry(vm, function, nargs, a0, a1, a2, a3, a4, a5);
}

void ucall_vcpu_free(struct ucall_vcpu *vcpu)
{
	int error = errno;

	ucall_runner_free(vcpu);
	ucall_vcpu_remove_backend(vcpu);
	vcpu->vm->engine->vcpu_fini(vcpu);
	free(vcpu->report);
	free(vcpu);
	errno = error;
}

/* ---- running ---- */

void ucall_outcome_set(struct ucall_outcome *outcome, int result)
{
	outcome->there = true;
	outcome->late = false;
	outcome->result = result;
	outcome->error = errno;
	if (result && errno != ETIMEDOUT && errno != EINTR)
		snprintf(outcome->text, sizeof(outcome->text), "%s", ucall_error());
}

static int fail_stopped(struct ucall_vcpu *vcpu)
{
	if (vcpu->later.error == ETIMEDOUT)
		return ucall_fault_timeout(vcpu, vcpu->vm->timeout_ms);
	if (vcpu->later.error == EINTR)
		return ucall_fail(EINTR, "vCPU %u was kicked", vcpu->number);
	return ucall_fail(vcpu->later.error, "%s", vcpu->later.text);
}

/* What the engine said of a run: the vCPU's exit, or -1 with a report. */
static int tell(struct ucall_vcpu *vcpu)
{
	vcpu->later.there = false;
	if (vcpu->later.result)
		return fail_stopped(vcpu);
	if (__atomic_load_n(&vcpu->mailbox->fault.state, __ATOMIC_ACQUIRE) != UCALL_FAULT_NONE) {
		vcpu->dead = true;
		return ucall_fault_exception(vcpu);
	}
	if (vcpu->exit.reason == UCALL_EXIT_EXCEPTION) {
		vcpu->dead = true;
		return ucall_fault_unhandled(vcpu);
	}
	if (vcpu->exit.reason == UCALL_EXIT_SHUTDOWN) {
		vcpu->dead = true;
		return ucall_fault_shutdown(vcpu);
	}
	return 0;
}

/* Is the last exit a ucall, and where is its message?  0: it is none. */
static uint64_t find_message(struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;
	struct ucall_mailbox *m = vcpu->mailbox;
	uint64_t where = 0;

	if (vcpu->exit.reason == UCALL_EXIT_NONE)
		return 0;
	if (vm->via == UCALL_VIA_ADDRESS)
		return vm->ops.recv_cmd(vcpu, &vcpu->exit, &where) == 1 ? where : 0;
	if (vm->ops.recv_cmd_shared(vcpu, &vcpu->exit) != 1)
		return 0;
	/* A message in the mailbox was sent later than the one whose address is there. */
	if (__atomic_load_n((const uint64_t *)(const void *)&m->uc, __ATOMIC_RELAXED))
		return UCALL_MAILBOX_ADDRESS;
	return ucall_guest64(vm->arch, __atomic_load_n(&m->shared, __ATOMIC_RELAXED));
}

/* Did the guest only want the host to look at the queue, which is empty by now? */
static bool was_flush(struct ucall_vcpu *vcpu)
{
	const struct ucall_vm *vm = vcpu->vm;

	return ucall_queue_was_flush(vcpu) && vm->ops.recv_cmd_shared(vcpu, &vcpu->exit) == 1 &&
	       !find_message(vcpu);
}

/*
 * Is how the run ended nothing to tell?  That the guest only wanted the host to look at the queue; that
 * time was up, but there were messages, so that the guest was not idle.
 */
static bool is_no_end(struct ucall_vcpu *vcpu)
{
	const struct ucall_outcome *later = &vcpu->later;

	return later->result ? later->late && later->error == ETIMEDOUT : was_flush(vcpu);
}

static int check_can_run(const struct ucall_vcpu *vcpu)
{
	struct ucall_vm *vm = vcpu->vm;

	if (!__atomic_load_n(&vm->launched, __ATOMIC_ACQUIRE)) {
		if (vm->protect)
			return ucall_fail(EPERM,
					  "vCPU %u of a VM with protection %s cannot run before "
					  "ucall_vm_launch()",
					  vcpu->number, vm->protection->name);
		if (ucall_vm_launch(vm))
			return -1;
	}
	if (vcpu->dead)
		return ucall_fail(EFAULT,
				  "vCPU %u has faulted and cannot go on; ucall_vcpu_restart() starts "
				  "it again",
				  vcpu->number);
	return 0;
}

/* Runs until there is a message in the queue or vcpu->later. */
static void run_engine(struct ucall_vcpu *vcpu, struct ucall_limit *limit)
{
	int r;

	if (!vcpu->vm->queue_polled)
		r = vcpu->vm->engine->run(vcpu, ucall_limit_deadline(limit));
	else if (!(r = ucall_runner_run(vcpu, limit)))
		return;
	ucall_outcome_set(&vcpu->later, r);
}

/* Runs for a guest that does nothing but ask the host to look. */
#define MOST_RUNS 8

static int run_for(struct ucall_vcpu *vcpu, struct ucall_limit *limit)
{
	if (ucall_process_check(vcpu->vm, "ucall_vcpu_run"))
		return -1;
	for (int i = 0;; i++) {
		bool stands = !ucall_runner_is_running(vcpu);

		/* What the guest wrote first comes first, whatever ended its run. */
		if (ucall_queue_has(vcpu)) {
			if (stands)
				vcpu->later.late = true;
			return 0;
		}
		if (stands && vcpu->later.there && (i == MOST_RUNS || !is_no_end(vcpu)))
			return tell(vcpu);
		if (check_can_run(vcpu))
			return -1;
		if (stands) {
			vcpu->later.there = false;
			if (vcpu->fault.valid)
				ucall_fault_clear(vcpu);
		}
		run_engine(vcpu, limit);
	}
}

int ucall_vcpu_run(struct ucall_vcpu *vcpu)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_run"))
		return -1;
	struct ucall_limit limit = { .ms = vcpu->vm->timeout_ms };

	return run_for(vcpu, &limit);
}

void ucall_vcpu_kick(struct ucall_vcpu *vcpu)
{
	if (!vcpu)
		return;
	if (vcpu->vm->queue_polled)
		ucall_runner_kick(vcpu);
	else
		vcpu->vm->engine->kick(vcpu);
}

int ucall_vcpu_restart(struct ucall_vcpu *vcpu)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_restart"))
		return -1;
	struct ucall_mailbox *m = vcpu->mailbox;

	if (ucall_memory_set_up(vcpu->vm, "ucall_vcpu_restart"))
		return -1;
	ucall_runner_stop(vcpu);
	if (vcpu->vm->engine->restart(vcpu))
		return -1;
	if (!vcpu->vm->flat)
		ucall_native.vcpu_reset(vcpu);
	memset(m, 0, UCALL_NEST_SIZE);
	memset(&m->fault, 0, sizeof(m->fault));
	memset(&vcpu->exit, 0, sizeof(vcpu->exit));
	vcpu->later.there = false;
	if (vcpu->queue)
		ucall_queue_reset(vcpu);
	ucall_fault_clear(vcpu);
	vcpu->dead = false;
	return 0;
}

/* ---- receiving ---- */

static void count(struct ucall_vcpu *vcpu)
{
	const struct ucall_arch *arch = vcpu->vm->arch;
	struct ucall_mailbox *m = vcpu->mailbox;

	m->received = ucall_guest64(arch, ucall_guest64(arch, m->received) + 1);
}

static int take(struct ucall_vcpu *vcpu, uint64_t gva, struct ucall *uc)
{
	struct ucall_vm *vm = vcpu->vm;
	struct ucall_mailbox *m = vcpu->mailbox;
	int cmd;

	if (gva == UCALL_MAILBOX_ADDRESS)
		cmd = ucall_message_take(vm, &m->uc, 0, gva, uc);
	else
		cmd = ucall_message_take(vm, NULL, vm->engine->root(vcpu), gva, uc);
	if (cmd) {
		m->shared = 0;
		count(vcpu);
	}
	return cmd;
}

/* The first message, of the queue or of the last exit; with `only`, if its guest address is that. */
static int receive(struct ucall_vcpu *vcpu, const uint64_t *only, struct ucall *uc)
{
	struct ucall own;
	uint64_t gva;

	if (uc)
		memset(uc, 0, offsetof(struct ucall, text) + 1);
	else
		uc = &own;
	if (ucall_queue_has(vcpu)) {
		if (only)
			return UCALL_NONE;
		count(vcpu);
		return ucall_queue_take(vcpu, uc);
	}
	if (ucall_runner_is_running(vcpu))
		return UCALL_NONE;
	gva = find_message(vcpu);
	return gva && (!only || gva == *only) ? take(vcpu, gva, uc) : UCALL_NONE;
}

int get_ucall(struct ucall_vcpu *vcpu, struct ucall *uc)
{
	if (ucall_is_null(vcpu, "get_ucall"))
		return -1;
	return receive(vcpu, NULL, uc);
}

int get_ucall_shared(struct ucall_vcpu *vcpu, uint64_t uc_gva, struct ucall *copy)
{
	if (ucall_is_null(vcpu, "get_ucall_shared"))
		return -1;
	return receive(vcpu, &uc_gva, copy);
}

int ucall_next(struct ucall_vcpu *vcpu, struct ucall *uc)
{
	if (ucall_is_null(vcpu, "ucall_next"))
		return -1;
	struct ucall_limit limit = { .ms = vcpu->vm->timeout_ms };
	struct ucall own;
	FILE *output;
	int cmd;

	if (!uc)
		uc = &own;
	for (;;) {
		if (run_for(vcpu, &limit))
			return -1;
		cmd = get_ucall(vcpu, uc);
		switch (cmd) {
		case -1:
			ucall_runner_stop(vcpu);
			return ucall_fault_message(vcpu);
		case UCALL_NONE:
			return ucall_fault_exit(vcpu);
		case UCALL_ABORT:
			return ucall_fail(ECANCELED, "%s",
					  uc->text[0] ? uc->text : "the guest aborted");
		case UCALL_PRINTF:
			output = vcpu->vm->output ? vcpu->vm->output : stdout;
			fwrite(uc->text, 1, uc->text_size, output);
			break;
		default:
			return cmd;
		}
		if (ucall_limit_is_over(&limit))
			return ucall_fault_timeout(vcpu, limit.ms);
	}
}

/* ---- the rest ---- */

struct ucall_vm *ucall_vcpu_vm(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->vm : NULL;
}

unsigned int ucall_vcpu_number(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->number : 0;
}

const struct ucall_exit *ucall_vcpu_exit(const struct ucall_vcpu *vcpu)
{
	return vcpu ? &vcpu->exit : NULL;
}

struct ucall_mailbox *ucall_vcpu_mailbox(const struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->mailbox : NULL;
}

int ucall_vcpu_get_regs(struct ucall_vcpu *vcpu, struct ucall_regs *regs)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_get_regs") || ucall_is_null(regs, "ucall_vcpu_get_regs"))
		return -1;
	if (ucall_process_check(vcpu->vm, "ucall_vcpu_get_regs"))
		return -1;
	ucall_runner_stop(vcpu);
	return vcpu->vm->engine->get_regs(vcpu, regs);
}

int ucall_vcpu_set_regs(struct ucall_vcpu *vcpu, const struct ucall_regs *regs)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_set_regs") || ucall_is_null(regs, "ucall_vcpu_set_regs"))
		return -1;
	if (ucall_process_check(vcpu->vm, "ucall_vcpu_set_regs"))
		return -1;
	ucall_runner_stop(vcpu);
	return vcpu->vm->engine->set_regs(vcpu, regs);
}

uint64_t ucall_vcpu_argument(struct ucall_vcpu *vcpu)
{
	return vcpu ? vcpu->vm->engine->argument(vcpu) : 0;
}

int ucall_vcpu_fd(const struct ucall_vcpu *vcpu)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_fd"))
		return -1;
	const struct ucall_engine *engine = vcpu->vm->engine;

	if (!engine->vcpu_fd)
		return ucall_fail(EOPNOTSUPP, "ucall_vcpu_fd: a vCPU of engine %s has no descriptor",
				  engine->name);
	return engine->vcpu_fd(vcpu);
}

void *ucall_vcpu_kvm_run(const struct ucall_vcpu *vcpu)
{
	if (ucall_is_null(vcpu, "ucall_vcpu_kvm_run"))
		return NULL;
	const struct ucall_engine *engine = vcpu->vm->engine;

	if (!engine->vcpu_run) {
		ucall_fail(EOPNOTSUPP,
			   "ucall_vcpu_kvm_run: a vCPU of engine %s has no struct kvm_run",
			   engine->name);
		return NULL;
	}
	return engine->vcpu_run(vcpu);
}
