// SPDX-License-Identifier: MIT
/*
 * The fault report: what a guest did, where, and how it got there.
 *
 * Data from the guest is copied once, and guest addresses are looked up in the guest's page tables:
 * a report on a hostile guest may be wrong, but does no harm.
 */
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "fault.h"
#include "machine/image.h"
#include "machine/memory.h"
#include "protect/protect.h"
#include "symbols.h"
#include "base/text.h"

/* ---- a guest that called a library ---- */

/* "/lib/libc.so.6" becomes "libc". */
static void short_name(const char *path, char *to, size_t size)
{
	snprintf(to, size, "%s", ucall_file_name(path));
	to[strcspn(to, ".")] = 0;
}

/*
 * A call that the dynamic linker has not resolved yet goes to the linker, which the guest does not
 * have either; the object's link map and the number of the relocation are then on the stack.
 */
static const char *lazy_name(const uint64_t *stack)
{
	const ElfW(Rela) *relocations = NULL;
	const ElfW(Sym) *symbols = NULL;
	const char *strings = NULL;
	struct link_map *map = NULL;
	uint64_t size = 0;
	void *self = dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);

	if (!self)
		return NULL;
	if (dlinfo(self, RTLD_DI_LINKMAP, &map))
		map = NULL;
	dlclose(self);
	if (!map || (uintptr_t)map != stack[0])
		return NULL;
	for (const ElfW(Dyn) *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_JMPREL)
			relocations = (const void *)dyn->d_un.d_ptr;
		if (dyn->d_tag == DT_PLTRELSZ)
			size = dyn->d_un.d_val;
		if (dyn->d_tag == DT_SYMTAB)
			symbols = (const void *)dyn->d_un.d_ptr;
		if (dyn->d_tag == DT_STRTAB)
			strings = (const void *)dyn->d_un.d_ptr;
	}
	if (!relocations || !symbols || !strings || stack[1] >= size / sizeof(*relocations))
		return NULL;
	return strings + symbols[ELF64_R_SYM(relocations[stack[1]].r_info)].st_name;
}

/* Names the library function at `target`, which the guest jumped to; false if there is none. */
static bool name_library_call(uint64_t target, const uint64_t *stack, struct ucall_text *t)
{
	const char *function = NULL;
	char library[64];
	Dl_info info;
	void *found;

	if (!dladdr((void *)(uintptr_t)target, &info) || !info.dli_fname)
		return false;
	function = stack ? lazy_name(stack) : NULL;
	if (function) {
		found = dlsym(RTLD_DEFAULT, function);
		if (!found || !dladdr(found, &info))
			return false;
	} else {
		function = info.dli_sname;
	}
	short_name(info.dli_fname, library, sizeof(library));
	ucall_text_add(t, "guest called %s@%s, which is not in the guest; ",
		       function ? function : "a function", library);
	if (function && (strstr(function, "printf") || !strncmp(function, "put", 3)))
		ucall_text_add(t, "use GUEST_PRINTF");
	else
		ucall_text_add(t, "guest code can call only functions of the program");
	return true;
}

/* ---- where ---- */

/* Reads a word of the stack from the copy in the fault area. */
static bool read_copied_word(const struct ucall_fault *f, uint64_t address, uint64_t *value)
{
	const struct ucall_fault_info *fault = &f->info;
	const struct ucall_fault_area *area = f->area;
	uint64_t offset = address - fault->frame.sp;

	if (ucall_guest32(f->cpu->vm->arch, area->state) == UCALL_FAULT_NONE || offset % 8 ||
	    offset / 8 >= UCALL_FAULT_STACK_WORDS)
		return false;
	*value = ucall_guest64(f->cpu->vm->arch,
			       __atomic_load_n(&area->stack[offset / 8], __ATOMIC_RELAXED));
	return true;
}

static bool read_word(void *data, uint64_t address, uint64_t *value)
{
	struct ucall_fault *f = data;

	if (ucall_machine_is_encrypted(f->cpu->vm))
		return read_copied_word(f, address, value);
	if (ucall_memory_read(f->cpu->vm, f->cpu->boot.root, address, value, sizeof(*value)))
		return false;
	*value = ucall_guest64(f->cpu->vm->arch, *value);
	return true;
}

/*
 * Steps *at to the caller when there is no unwind table for pc: by the link register, or by the
 * first of `words` words on the stack that points to code.  False if none does; *at is then
 * unchanged.
 */
static bool step_to_caller(struct ucall_fault *f, struct ucall_fault_info *at, unsigned int words)
{
	struct ucall_machine *vm = f->cpu->vm;
	bool link = vm->arch->link_register;
	uint64_t pc = at->frame.gpr[vm->arch->link_register];

	for (unsigned int i = 0; i < (link ? 1 : words); i++) {
		if (!link && !read_word(f, at->frame.sp + i * 8, &pc))
			return false;
		if (!ucall_memory_is_code(vm, f->cpu->boot.root, pc))
			continue;
		at->frame.pc = pc;
		at->frame.sp += link ? 0 : (i + 1) * 8;
		return true;
	}
	return false;
}

/* If the guest stopped in a backend's guest code, which calls nothing: the doorbell is frame 0. */
static void step_out_of_doorbell(struct ucall_fault *f, struct ucall_fault_info *at)
{
	const unsigned int words = 8;
	struct ucall_backtrace_entry *frame = &f->info.backtrace[0];

	if (at->frame.pc - UCALL_CODE_ADDRESS >= UCALL_CODE_SIZE)
		return;
	memset(frame, 0, sizeof(*frame));
	frame->pc = at->frame.pc;
	snprintf(frame->function, sizeof(frame->function), "doorbell of backend %s", f->backend);
	f->info.backtrace_count = 1;
	step_to_caller(f, at, words);
}

/* After a call through a bad function pointer, the return address is still in place. */
static void step_out_of_bad_callee(struct ucall_fault *f, const struct ucall_unwind *unwind,
				   struct ucall_fault_info *at, const char **problem)
{
	if (f->cpu->vm->arch->is_fetch(at) && !ucall_machine_is_encrypted(f->cpu->vm) &&
	    step_to_caller(f, at, 1))
		f->info.backtrace_count = ucall_backtrace(unwind, f->info.backtrace, 1, problem);
}

/* Looks up code and callers; returns why function names are missing, or NULL. */
static const char *find_place(struct ucall_fault *f)
{
	struct ucall_fault_info *fault = &f->info, start = *fault;
	uint64_t regs[UCALL_DWARF_REGS];
	const struct ucall_image *image = f->cpu->vm->image;
	struct ucall_unwind at = {
		.end = f->cpu->vm->return_address,
		.regs = regs,
		.read = read_word,
		.data = f,
		.name = image ? image->name : NULL,
		.image = image ? image->file : NULL,
		.image_size = image ? image->size : 0,
	};
	const char *problem = NULL;
	unsigned int first;

	fault->backtrace_count = 0;
	if (fault->frame.unknown & UCALL_UNKNOWN_REGS)
		return NULL;
	at.pc = start.frame.pc;
	at.stack = start.frame.sp;
	at.count = f->cpu->vm->arch->dwarf_regs(&start, regs);
	step_out_of_doorbell(f, &start);
	step_out_of_bad_callee(f, &at, &start, &problem);
	first = fault->backtrace_count;
	at.returns = start.frame.pc != at.pc;
	at.pc = start.frame.pc;
	at.count = f->cpu->vm->arch->dwarf_regs(&start, regs);
	fault->byte_count = 0;
	for (; !ucall_machine_is_encrypted(f->cpu->vm) && fault->byte_count < sizeof(fault->bytes);
	     fault->byte_count++)
		if (ucall_memory_read(f->cpu->vm, f->cpu->boot.root,
				      fault->frame.pc + fault->byte_count,
				      fault->bytes + fault->byte_count, 1))
			break;
	fault->backtrace_count += ucall_backtrace(&at, fault->backtrace + first,
						  UCALL_BACKTRACE_MAX - first, &problem);
	return problem;
}

/* "at 0x1234", or nothing if the host cannot read it. */
static void add_pc(const struct ucall_fault_info *fault, const char *before, struct ucall_text *t)
{
	if (!(fault->frame.unknown & UCALL_UNKNOWN_REGS))
		ucall_text_add(t, "%s 0x%" PRIx64, before, fault->frame.pc);
}

/* ", in f (file.c:12)" of a frame that is in the guest. */
static void add_frame(const struct ucall_fault_info *fault, unsigned int n, const char *how,
		      struct ucall_text *t)
{
	const struct ucall_backtrace_entry *frame = &fault->backtrace[n];

	if (fault->backtrace_count <= n || !frame->function[0])
		return;
	ucall_text_add(t, ", %s %s", how, frame->function);
	if (frame->file[0])
		ucall_text_add(t, " (%s:%u)", frame->file, frame->line);
}

static void add_place(const struct ucall_fault_info *fault, struct ucall_text *t)
{
	add_frame(fault, 0, "in", t);
}

/* ---- the report ---- */

static void add_frames(const struct ucall_fault_info *fault, const char *problem,
		       struct ucall_text *t)
{
	for (unsigned int i = 0; i < fault->backtrace_count; i++) {
		const struct ucall_backtrace_entry *f = &fault->backtrace[i];

		ucall_text_add(t, "  #%-2u 0x%016" PRIx64, i, f->pc);
		if (f->function[0])
			ucall_text_add(t, " %s", f->function);
		if (f->offset)
			ucall_text_add(t, "+0x%" PRIx64, f->offset);
		if (f->file[0])
			ucall_text_add(t, " (%s:%u)", f->file, f->line);
		ucall_text_add(t, "\n");
	}
	if (!fault->backtrace_count)
		ucall_text_add(t, "  #0  0x%016" PRIx64 "\n", fault->frame.pc);
	if (problem)
		ucall_text_add(t, "  (%s: %s)\n",
			       fault->backtrace_count && fault->backtrace[0].function[0]
				       ? "some names are missing"
				       : "no function names",
			       problem);
}

static void add_bytes(const struct ucall_fault_info *fault, struct ucall_text *t)
{
	if (!fault->byte_count)
		return;
	ucall_text_add(t, "  code:");
	for (unsigned int i = 0; i < fault->byte_count; i++)
		ucall_text_add(t, " %02x", fault->bytes[i]);
	ucall_text_add(t, "\n");
}

/* Completes the fault with the given sentence; sets errno to `error`. */
static int finish(struct ucall_fault *f, int error, const struct ucall_text *sentence,
		  const char *problem)
{
	const struct ucall_machine *vm = f->cpu->vm;
	struct ucall_fault_info *fault = &f->info;
	struct ucall_text t = { NULL, 8192, 0 };

	fault->valid = 1;
	free(f->report);
	f->report = t.p = malloc(t.size);
	if (t.p) {
		ucall_text_add(&t, "vCPU %u of a VM with backend %s, guest %s, engine %s:\n  %s\n",
			       f->cpu->number, f->backend, vm->arch->name, vm->engine->name,
			       sentence->p);
		if (fault->frame.unknown & UCALL_UNKNOWN_REGS) {
			ucall_text_add(&t, "  (registers of an %s guest are closed to the host)\n",
				       vm->protection->name);
		} else {
			add_frames(fault, problem, &t);
			vm->arch->describe_regs(fault, &t);
			add_bytes(fault, &t);
		}
		if (t.used && t.used < t.size && t.p[t.used - 1] == '\n')
			t.p[t.used - 1] = 0;
	}
	return ucall_fail(error, "%s", sentence->p);
}

/* Begins a fault with the registers of a vCPU that stopped anywhere. */
static void read_registers(struct ucall_fault *f)
{
	struct ucall_fault_info *fault = &f->info;
	/* Of an exception the guest tells itself; an engine that sees it first stands for that. */
	bool closed = ucall_machine_registers_are_closed(f->cpu->vm) &&
		      f->cpu->exit.reason != UCALL_EXIT_EXCEPTION;

	memset(fault, 0, sizeof(*fault));
	if (closed || f->cpu->vm->engine->get_regs(f->cpu, &fault->frame)) {
		memset(&fault->frame, 0, sizeof(fault->frame));
		fault->frame.unknown |= UCALL_UNKNOWN_REGS;
	}
}

/* The same for a stop of this kind; returns as find_place(). */
static const char *begin(struct ucall_fault *f, uint32_t kind)
{
	read_registers(f);
	f->info.kind = kind;
	return find_place(f);
}

static void add_vector_hint(const struct ucall_arch *arch, const struct ucall_fault_info *fault,
			    struct ucall_text *t)
{
	ucall_text_add(t, "an %s instruction (0x%02x 0x%02x ...), which this guest cannot execute",
		       arch->vector_unit, fault->bytes[0], fault->bytes[1]);
	add_place(fault, t);
	ucall_text_add(t, "; mark the function UCALL_GUEST");
}

static bool is_mapped(struct ucall_fault *f, uint64_t address)
{
	uint8_t byte;

	return !ucall_memory_read(f->cpu->vm, f->cpu->boot.root, address, &byte, 1);
}

/* Makes the sentence and the report on the exception in f->info. */
static int report_exception(struct ucall_fault *f)
{
	const struct ucall_arch *arch = f->cpu->vm->arch;
	struct ucall_fault_info *fault = &f->info;
	const char *problem;
	char line[1024];
	struct ucall_text t = { line, sizeof(line), 0 };
	uint64_t stack[2], bottom = f->cpu->boot.sp - UCALL_STACK_SIZE;
	bool has_stack;

	has_stack = read_word(f, fault->frame.sp, &stack[0]) &&
		    read_word(f, fault->frame.sp + 8, &stack[1]);
	f->cpu->exit.reason = UCALL_EXIT_EXCEPTION;
	problem = find_place(f);

	ucall_text_add(&t, "vCPU %u: ", f->cpu->number);
	if (fault->kind == UCALL_FAULT_SWALLOWED) {
		ucall_text_add(
			&t,
			"rang the doorbell of backend %s, but the exit did not reach the host as a "
			"ucall",
			f->backend);
		add_frame(fault, 1, "in", &t);
		return finish(f, EFAULT, &t, problem);
	}
	fault->kind = UCALL_FAULT_EXCEPTION;
	if (!f->cpu->vm->image && arch->is_fetch(fault) &&
	    name_library_call(fault->frame.address, has_stack ? stack : NULL, &t)) {
		add_frame(fault, 1, "in", &t);
		ucall_text_add(&t, "; ");
	} else if (arch->is_vector_fault(fault)) {
		fault->kind = UCALL_FAULT_VECTOR;
		add_vector_hint(arch, fault, &t);
		ucall_text_add(&t, "; ");
	}
	arch->describe_fault(fault, is_mapped(f, fault->frame.address), &t);
	if (arch->is_fetch(fault))
		add_frame(fault, 1, "called in", &t);
	else
		add_place(fault, &t);
	if (!ucall_machine_is_encrypted(f->cpu->vm) &&
	    ucall_machine_handler(f->cpu->vm, fault->frame.vector))
		ucall_text_add(&t, "; its handler was not called, as %d handlers had not returned",
			       UCALL_HANDLER_PARTS - 2);
	if (fault->frame.address < bottom && fault->frame.address >= bottom - UCALL_STACK_SIZE)
		ucall_text_add(&t, "; the stack of %d KiB is full", UCALL_STACK_SIZE / 1024);
	return finish(f, EFAULT, &t, problem);
}

int ucall_fault_exception(struct ucall_fault *f)
{
	const struct ucall_arch *arch = f->cpu->vm->arch;
	struct ucall_fault_info *fault = &f->info;
	struct ucall_fault_area area;

	memcpy(&area, f->area, sizeof(area));
	memset(fault, 0, sizeof(*fault));
	fault->kind = ucall_guest32(arch, area.kind);
	ucall_guest_frame(arch, &fault->frame, &area.frame);
	return report_exception(f);
}

int ucall_fault_unhandled(struct ucall_fault *f)
{
	const struct ucall_exit exit = f->cpu->exit;
	struct ucall_fault_info *fault = &f->info;

	read_registers(f);
	fault->kind = ucall_guest32(f->cpu->vm->arch, f->area->kind);
	fault->frame.vector = exit.u.exception.vector;
	fault->frame.code = exit.u.exception.code;
	fault->frame.address = exit.u.exception.address;
	fault->frame.unknown |= exit.u.exception.unknown;
	return report_exception(f);
}

int ucall_fault_shutdown(struct ucall_fault *f)
{
	const char *problem = begin(f, UCALL_FAULT_SHUTDOWN);
	char line[1024];
	struct ucall_text t = { line, sizeof(line), 0 };

	ucall_text_add(&t,
		       "vCPU %u shut down (triple fault): an exception was raised, but no "
		       "handler could run",
		       f->cpu->number);
	add_pc(&f->info, ", at or after", &t);
	add_place(&f->info, &t);
	return finish(f, EFAULT, &t, problem);
}

int ucall_fault_timeout(struct ucall_fault *f, int timeout_ms)
{
	const char *problem = begin(f, UCALL_FAULT_TIMEOUT);
	char line[1024];
	struct ucall_text t = { line, sizeof(line), 0 };

	ucall_text_add(&t, "vCPU %u ran for %d ms without an exit", f->cpu->number, timeout_ms);
	add_pc(&f->info, ", and is at", &t);
	add_place(&f->info, &t);
	ucall_text_add(&t, "; if it needs longer, set timeout_ms or UCALL_TIMEOUT");
	return finish(f, ETIMEDOUT, &t, problem);
}

void ucall_describe_exit(const struct ucall_cpu *cpu, struct ucall_text *t)
{
	const struct ucall_exit *exit = &cpu->exit;

	switch (exit->reason) {
	case UCALL_EXIT_IO:
		ucall_text_add(t, "%s port 0x%x, %u byte(s)",
			       exit->u.io.is_write ? "output to" : "input from", exit->u.io.port,
			       exit->u.io.size);
		if (exit->u.io.count != 1)
			ucall_text_add(t, " %u times", exit->u.io.count);
		break;
	case UCALL_EXIT_MMIO:
		ucall_text_add(t, "%s of %u byte(s) at guest-physical 0x%" PRIx64,
			       exit->u.mmio.is_write ? "a store" : "a load", exit->u.mmio.size,
			       exit->u.mmio.gpa);
		break;
	case UCALL_EXIT_HALT:
		ucall_text_add(t, "a halt");
		break;
	case UCALL_EXIT_DIAG:
		ucall_text_add(t, "DIAG 0x%x", exit->u.diag.code);
		break;
	case UCALL_EXIT_SBI:
		ucall_text_add(t, "an SBI call, extension 0x%" PRIx64 " function 0x%" PRIx64,
			       exit->u.sbi.extension, exit->u.sbi.function);
		break;
	case UCALL_EXIT_MSR:
		ucall_text_add(t, "%s MSR 0x%" PRIx64,
			       exit->u.msr.is_write ? "a write to" : "a read of",
			       exit->u.msr.index);
		break;
	case UCALL_EXIT_MEMORY:
		ucall_text_add(t,
			       "guest-physical 0x%" PRIx64 " was used as %s memory, but is %s "
			       "(a memory fault)",
			       exit->u.memory.gpa, exit->u.memory.is_private ? "private" : "shared",
			       exit->u.memory.is_private ? "shared" : "private");
		break;
	case UCALL_EXIT_DEBUG:
		ucall_text_add(t, "a single step (ucall_vcpu_set_stepping)");
		break;
	case UCALL_EXIT_TERMINATE:
		ucall_text_add(t, "the guest asked to be terminated (GHCB reason %u of set %u)",
			       exit->u.terminate.reason, exit->u.terminate.set);
		break;
	case UCALL_EXIT_FATAL:
		ucall_text_add(t, "the guest cannot go on (ReportFatalError, code 0x%" PRIx64 ")",
			       exit->u.fatal.code);
		break;
	case UCALL_EXIT_EXCEPTION:
		ucall_text_add(t, "exception %" PRIu64, exit->u.exception.vector);
		break;
	case UCALL_EXIT_SHUTDOWN:
		ucall_text_add(t, "shutdown");
		break;
	case UCALL_EXIT_TIMEOUT:
		ucall_text_add(t, "the time limit");
		break;
	case UCALL_EXIT_KICK:
		ucall_text_add(t, "a kick");
		break;
	default:
		ucall_text_add(t, "%s", cpu->vm->engine->exit_name(exit->native));
		if (exit->u.other.suberror)
			ucall_text_add(t, ", suberror %" PRIu64, exit->u.other.suberror);
		if (cpu->vm->protection->bit == UCALL_PROTECT_TDX && exit->u.other.suberror == 4)
			ucall_text_add(
				t,
				" (the trust domain has ended, status 0x%" PRIx64
				": the guest used a private page that its host wrote to, or the "
				"TDX module failed)",
				exit->u.other.data[0]);
	}
}

int ucall_fault_exit(struct ucall_fault *f)
{
	const struct ucall_arch *arch = f->cpu->vm->arch;
	struct ucall_fault_info *fault = &f->info;
	const char *problem = begin(f, UCALL_FAULT_EXIT);
	char line[1024];
	struct ucall_text t = { line, sizeof(line), 0 };
	int error = ENOMSG;

	ucall_text_add(&t, "vCPU %u: ", f->cpu->number);
	if (f->cpu->exit.reason == UCALL_EXIT_OTHER && arch->is_vector_insn &&
	    arch->is_vector_insn(fault->bytes, fault->byte_count)) {
		fault->kind = UCALL_FAULT_VECTOR;
		error = EFAULT;
		add_vector_hint(arch, fault, &t);
		ucall_text_add(&t, "; ");
	}
	ucall_text_add(&t, "an exit that backend %s does not recognise: ", f->backend);
	ucall_describe_exit(f->cpu, &t);
	add_pc(fault, ", at", &t);
	add_place(fault, &t);
	return finish(f, error, &t, problem);
}

int ucall_fault_message(struct ucall_fault *f)
{
	const char *problem;
	char line[1024];
	struct ucall_text t = { line, sizeof(line), 0 };
	int error = errno;

	/* First, since begin() may fail and set another error. */
	ucall_text_add(&t, "vCPU %u: %s", f->cpu->number, ucall_error());
	problem = begin(f, UCALL_FAULT_MESSAGE);
	add_frame(&f->info, 1, "in", &t);
	return finish(f, error, &t, problem);
}

void ucall_fault_clear(struct ucall_fault *f)
{
	f->info.valid = 0;
	free(f->report);
	f->report = NULL;
}
