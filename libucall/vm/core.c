// SPDX-License-Identifier: MIT
/* Core files of guests. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
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

/* The registers where the guest went wrong, or as they are; false: the host cannot know them. */
static bool find_frame(struct ucall_own_vcpu *vcpu, struct ucall_frame *frame)
{
	const struct ucall_fault *f = &vcpu->fault;

	if (f->report && !(f->info.frame.unknown & UCALL_UNKNOWN_REGS)) {
		*frame = f->info.frame;
		return true;
	}
	return !ucall_machine_registers_are_closed(vcpu->cpu.vm) &&
	       !vcpu->cpu.vm->engine->get_regs(&vcpu->cpu, frame);
}

/* Threads: first those that went wrong, as a debugger begins with the first. */
static int add_threads(struct ucall_core *core)
{
	for (int wrong = 1; wrong >= 0; wrong--)
		for (unsigned int i = 0; i < core->vm->vcpu_count; i++) {
			struct ucall_cpu *cpu = core->vm->vcpus;
			struct ucall_frame frame;

			while (cpu->number != i)
				cpu = cpu->next;
			if ((ucall_own_vcpu(cpu)->fault.report != NULL) != wrong ||
			    !find_frame(ucall_own_vcpu(cpu), &frame))
				continue;
			if (ucall_core_thread(core, i + 1, &frame))
				return -1;
		}
	return 0;
}

/* Where this program's own guest was loaded: debuggers find the symbols of a PIE by it. */
static int add_auxv(struct ucall_core *core)
{
	static const uint64_t types[] = { AT_PHDR, AT_PHENT, AT_PHNUM, AT_PAGESZ, AT_ENTRY };
	uint64_t auxv[2 * (sizeof(types) / sizeof(types[0]) + 1)] = { 0 };

	if (core->vm->image)
		return 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		auxv[2 * i] = types[i];
		auxv[2 * i + 1] = getauxval(types[i]);
	}
	return ucall_core_note(core, "CORE", NT_AUXV, auxv, sizeof(auxv));
}

static int add_text(struct ucall_core *core, const struct ucall_own_vm *vm)
{
	char text[8192];
	struct ucall_text t = { text, sizeof(text), 0 };

	ucall_text_add(&t, "backend %s\nengine %s\nguest %s\nprotection %s\n",
		       vm->channel.backend_name, core->vm->engine->name, core->vm->arch->name,
		       core->vm->protection->name);
	for (const struct ucall_cpu *cpu = core->vm->vcpus; cpu; cpu = cpu->next)
		if (ucall_own_vcpu(cpu)->fault.report)
			ucall_text_add(&t, "%s\n", ucall_own_vcpu(cpu)->fault.report);
	return ucall_core_note(core, NOTE_NAME, NOTE_TEXT, text, t.used);
}

static int write_core(struct ucall_own_vm *vm, int fd)
{
	const struct ucall_cpu *first = vm->machine.vcpus;
	struct ucall_core core = { .vm = &vm->machine };
	int r;

	while (first && first->next)
		first = first->next;
	core.root = first ? first->boot.root : vm->machine.memory.root;
	r = add_threads(&core) || add_auxv(&core) || add_text(&core, vm) ||
			    ucall_core_find_loads(&core) || ucall_core_write(&core, fd)
		    ? -1
		    : 0;
	ucall_core_free(&core);
	return r;
}

/* A new or empty file; -1 after ucall_fail(). */
static int create(const char *path)
{
	struct stat st;
	/* It can hold secrets. */
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);

	if (fd < 0)
		return ucall_fail(errno, "cannot create %s: %s", path, strerror(errno));
	if (!fstat(fd, &st) && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return ucall_fail(EINVAL, "a core file cannot be written to %s: it is not a file", path);
}

int ucall_vm_core(struct ucall_vm *handle, const char *path)
{
	struct ucall_machine *machine = ucall_machine_of(handle, "ucall_vm_core");
	int fd, r, error;

	if (!machine || ucall_fail_if_null(path, "ucall_vm_core") ||
	    ucall_process_check(machine->process, "ucall_vm_core"))
		return -1;
	ucall_own_stop(ucall_own_vm(machine));
	fd = create(path);
	if (fd < 0)
		return -1;
	pthread_mutex_lock(&machine->lock);
	r = write_core(ucall_own_vm(machine), fd);
	pthread_mutex_unlock(&machine->lock);
	if (close(fd) && !r)
		r = ucall_fail(errno, "cannot write %s: %s", path, strerror(errno));
	error = errno;
	if (r)
		unlink(path);
	errno = error;
	return r;
}
