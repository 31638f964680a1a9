// SPDX-License-Identifier: MIT
/* See backtrace.h. */
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <string.h>
#include <unistd.h>

#include "backtrace.h"

/* Only debug information in the files themselves is used; nothing is fetched. */
static int no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	return -1;
}

struct state {
	const struct ucall_unwind *at;
	struct ucall_backtrace_entry *backtrace;
	unsigned int most;
	uint32_t *count; /* frames so far: with the function's name if known, perhaps no line yet */
};

static pid_t next_thread(Dwfl *dwfl, void *data, void **thread)
{
	if (*thread)
		return 0;
	*thread = data;
	return 1;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *data)
{
	const struct state *state = data;

	return state->at->read(state->at->data, address, result);
}

static bool set_initial_registers(Dwfl_Thread *thread, void *data)
{
	const struct ucall_unwind *at = ((const struct state *)data)->at;

	dwfl_thread_state_register_pc(thread, at->pc);
	return dwfl_thread_state_registers(thread, 0, at->count, at->regs);
}

/* The line table's entry.  Not every compiler writes the address index that libdwfl uses. */
static const char *find_line(Dwfl_Module *module, uint64_t at, int *number)
{
	Dwfl_Line *line = dwfl_module_getsrc(module, at);
	Dwarf_Die *unit = NULL;
	Dwarf_Addr bias;

	if (line)
		return dwfl_lineinfo(line, NULL, number, NULL, NULL, NULL);
	while ((unit = dwfl_module_nextcu(module, unit, &bias))) {
		Dwarf_Line *entry;

		if (dwarf_haspc(unit, at - bias) != 1)
			continue;
		entry = dwarf_getsrc_die(unit, at - bias);
		if (entry && !dwarf_lineno(entry, number))
			return dwarf_linesrc(entry, NULL, NULL);
	}
	return NULL;
}

/* Adds the next frame.  `pc` is the next instruction: in a caller, the one after its call. */
static void add_named_frame(const struct state *state, Dwfl *dwfl, uint64_t pc, bool is_call)
{
	struct ucall_backtrace_entry *frame = &state->backtrace[*state->count];
	uint64_t at = is_call ? pc - 1 : pc;
	Dwfl_Module *module = dwfl_addrmodule(dwfl, at);
	const char *text;
	GElf_Off offset;
	GElf_Sym symbol;
	int number = 0;

	memset(frame, 0, sizeof(*frame));
	frame->pc = pc;
	if (!module) {
		++*state->count;
		return;
	}
	text = dwfl_module_addrinfo(module, at, &offset, &symbol, NULL, NULL, NULL);
	if (text) {
		snprintf(frame->function, sizeof(frame->function), "%s", text);
		frame->offset = offset + (is_call ? 1 : 0);
	}
	++*state->count;
	text = find_line(module, at, &number);
	if (text) {
		snprintf(frame->file, sizeof(frame->file), "%s", text);
		frame->line = (uint32_t)number;
	}
}

static int add_frame(Dwfl_Frame *frame, void *data)
{
	struct state *state = data;
	Dwfl *dwfl = dwfl_thread_dwfl(dwfl_frame_thread(frame));
	bool is_activation;
	Dwarf_Addr pc;

	if (*state->count == state->most || !dwfl_frame_pc(frame, &pc, &is_activation))
		return DWARF_CB_ABORT;
	if (*state->count && (pc == state->at->end || !dwfl_addrmodule(dwfl, pc - 1)))
		return DWARF_CB_ABORT;
	add_named_frame(state, dwfl, pc, *state->count || state->at->returns);
	return DWARF_CB_OK;
}

/* Gives libdwfl the guest's ELF file from memory. */
static int find_image(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
		      char **file, Elf **elf)
{
	const struct ucall_unwind *at = *data;

	*elf = elf_memory((char *)(uintptr_t)at->image, at->image_size);
	return -1;
}

static bool report_image(Dwfl *dwfl, const struct ucall_unwind *at)
{
	uint64_t low = UINT64_MAX, high = 0;
	Dwfl_Module *module;
	Elf *elf;
	size_t n;
	void **data;

	elf_version(EV_CURRENT);
	elf = elf_memory((char *)(uintptr_t)at->image, at->image_size);
	if (!elf)
		return false;
	if (elf_getphdrnum(elf, &n))
		n = 0;
	for (size_t i = 0; i < n; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph) || ph.p_type != PT_LOAD || !ph.p_memsz)
			continue;
		low = ph.p_vaddr < low ? ph.p_vaddr : low;
		high = ph.p_vaddr + ph.p_memsz > high ? ph.p_vaddr + ph.p_memsz : high;
	}
	elf_end(elf);
	if (low >= high)
		return false;
	module = dwfl_report_module(dwfl, at->name, low & ~(uint64_t)4095,
				    (high + 4095) & ~(uint64_t)4095);
	if (!module || dwfl_module_info(module, &data, NULL, NULL, NULL, NULL, NULL, NULL) == NULL)
		return false;
	*data = (void *)(uintptr_t)at;
	return !dwfl_report_end(dwfl, NULL, NULL);
}

/* The only module's file, from which dwfl_attach_state() takes the guest's architecture. */
static int first_elf(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr start,
		     void *arg)
{
	GElf_Addr bias;

	*(Elf **)arg = dwfl_module_getelf(module, &bias);
	return DWARF_CB_ABORT;
}

static bool report(Dwfl *dwfl, const struct ucall_unwind *at, Elf **elf)
{
	if (!at->image)
		return !dwfl_linux_proc_report(dwfl, getpid()) &&
		       !dwfl_report_end(dwfl, NULL, NULL);
	if (!report_image(dwfl, at))
		return false;
	dwfl_getmodules(dwfl, first_elf, elf, 0);
	return *elf;
}

void symbols_backtrace(const struct ucall_unwind *at, struct ucall_backtrace_entry *frames,
		       unsigned int most, uint32_t *count)
{
	static const Dwfl_Callbacks of_process = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = no_debuginfo,
	};
	static const Dwfl_Callbacks of_image = {
		.find_elf = find_image,
		.find_debuginfo = no_debuginfo,
	};
	static const Dwfl_Thread_Callbacks thread_callbacks = {
		.next_thread = next_thread,
		.memory_read = memory_read,
		.set_initial_registers = set_initial_registers,
	};
	struct state state = { at, frames, most, count };
	Dwfl *dwfl = dwfl_begin(at->image ? &of_image : &of_process);
	Elf *elf = NULL;

	*count = 0;
	if (!dwfl)
		return;
	if (report(dwfl, at, &elf)) {
		if (dwfl_attach_state(dwfl, elf, getpid(), &thread_callbacks, &state))
			dwfl_getthread_frames(dwfl, 1, add_frame, &state);
		if (!*count && most) /* cannot unwind: name at least the place */
			add_named_frame(&state, dwfl, at->pc, at->returns);
	}
	dwfl_end(dwfl);
}
