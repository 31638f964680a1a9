// SPDX-License-Identifier: MIT
/* Core files of guests. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "machine/memory.h"
#include "own.h"
#include "protect/protect.h"
#include "report/core-file.h"

#define NOTE_NAME "libucall"
#define NOTE_TEXT 1

/* Threads: first those that went wrong, as a debugger begins with the first. */
static int add_threads(struct ucall_core *core)
{
	for (int wrong = 1; wrong >= 0; wrong--)
		for (unsigned int i = 0; i < core->vm->vcpu_count; i++) {
			struct ucall_cpu *cpu = ucall_machine_cpu(core->vm, i);
			struct ucall_frame frame;

			if ((ucall_own_vcpu(cpu)->fault.report != NULL) != wrong ||
			    !ucall_own_frame(ucall_own_vcpu(cpu), &frame))
				continue;
			if (ucall_core_thread(core, i + 1, &frame))
				return -1;
		}
	return 0;
}

static int add_auxv(struct ucall_core *core)
{
	uint64_t auxv[UCALL_AUXV_WORDS];
	size_t size = ucall_own_auxv(ucall_own_vm(core->vm), auxv);

	return size ? ucall_core_note(core, "CORE", NT_AUXV, auxv, size) : 0;
}

static int add_text(struct ucall_core *core, const struct ucall_own_vm *vm)
{
	char text[8192];
	struct ucall_text t = { text, sizeof(text), 0 };

	ucall_text_add(&t, "backend %s\nengine %s\nguest %s\nprotection %s\n",
		       vm->channel.backend_name, core->vm->engine->name, core->vm->arch->name,
		       core->vm->protection->name);
	for (const struct ucall_cpu *cpu = core->vm->vcpus; cpu; cpu = cpu->next) {
		const struct ucall_own_vcpu *v = ucall_own_vcpu(cpu);
		const uint64_t received =
			__atomic_load_n(&v->port.mailbox->received, __ATOMIC_RELAXED);

		ucall_text_add(&t, "vCPU %u: %llu messages received\n", cpu->number,
			       (unsigned long long)ucall_guest64(core->vm->arch, received));
		if (v->fault.report)
			ucall_text_add(&t, "%s\n", v->fault.report);
	}
	if (core->is_cut)
		ucall_text_add(&t, "The guest has more memory mapped than this file has.\n");
	return ucall_core_note(core, NOTE_NAME, NOTE_TEXT, text, strlen(text));
}

static int write_core(struct ucall_own_vm *vm, int fd)
{
	const struct ucall_cpu *first = vm->machine.vcpus;
	struct ucall_core core = { .vm = &vm->machine };
	int r;

	while (first && first->next)
		first = first->next;
	core.root = first ? first->boot.root : vm->machine.memory.root;
	r = add_threads(&core) || add_auxv(&core) || ucall_core_find_loads(&core) ||
			    add_text(&core, vm) || ucall_core_write(&core, fd)
		    ? -1
		    : 0;
	ucall_core_free(&core);
	return r;
}

/*
 * The file is made beside its place and then put there, so that an older one is lost only when the
 * new one is complete.  It can hold secrets: mkostemp() gives it to its owner alone.
 */
struct output {
	char *path, *temporary;
	int fd;
};

static void free_output(struct output *o)
{
	free(o->path);
	free(o->temporary);
}

static int open_output(struct output *o, const char *path)
{
	const bool exists = (o->path = realpath(path, NULL)) != NULL;
	struct stat st;

	o->fd = -1;
	o->temporary = NULL;
	if (!exists)
		o->path = ucall_strdup(path);
	if (exists && !stat(o->path, &st) && !S_ISREG(st.st_mode))
		return ucall_fail(EINVAL, "a core file cannot be written to %s: it is not a file",
				  path);
	if (!o->path)
		return -1;
	if (asprintf(&o->temporary, "%s.XXXXXX", o->path) < 0) {
		o->temporary = NULL;
		return ucall_fail(ENOMEM, "out of memory");
	}
	o->fd = mkostemp(o->temporary, O_CLOEXEC);
	return o->fd < 0 ? ucall_fail(errno, "cannot create %s: %s", path, strerror(errno)) : 0;
}

/* After open_output(); `r` is what the writing returned. */
static int close_output(const struct output *o, int r)
{
	int error;

	if (close(o->fd) && !r)
		r = ucall_fail(errno, "cannot write %s: %s", o->path, strerror(errno));
	if (!r && rename(o->temporary, o->path))
		r = ucall_fail(errno, "cannot create %s: %s", o->path, strerror(errno));
	error = errno;
	if (r)
		unlink(o->temporary);
	errno = error;
	return r;
}

int ucall_vm_core(struct ucall_vm *handle, const char *path)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_core");
	struct output output;
	int r;

	if (!machine || ucall_fail_if_null(path, "ucall_vm_core") ||
	    ucall_process_check(machine->process, "ucall_vm_core"))
		return -1;
	ucall_own_stop(ucall_own_vm(machine));
	r = open_output(&output, path);
	if (!r) {
		pthread_mutex_lock(&machine->lock);
		r = write_core(ucall_own_vm(machine), output.fd);
		pthread_mutex_unlock(&machine->lock);
		r = close_output(&output, r);
	}
	free_output(&output);
	return r;
}
