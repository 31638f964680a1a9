// SPDX-License-Identifier: MIT
/*
 * Names guest addresses by libdwfl.  A same-source guest runs at the addresses of this process, so
 * the process's own symbols and unwind tables are the guest's.
 */
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <string.h>
#include <unistd.h>

#include "../../libucall/symbols.h"

/* Debug information is what the files themselves hold; nothing is fetched. */
static int no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module;
	(void)data;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)found;
	return -1;
}

struct state {
	const struct ucall_unwind *at;
	struct ucall_frame *frames;
	unsigned int count, most;
};

static pid_t next_thread(Dwfl *dwfl, void *data, void **thread)
{
	(void)dwfl;
	if (*thread)
		return 0;
	*thread = data;
	return 1;
}

static bool memory_read(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *data)
{
	const struct state *state = data;

	(void)dwfl;
	return state->at->read(state->at->data, address, result);
}

static bool set_initial_registers(Dwfl_Thread *thread, void *data)
{
	const struct ucall_unwind *at = ((const struct state *)data)->at;

	dwfl_thread_state_register_pc(thread, at->pc);
	return dwfl_thread_state_registers(thread, 0, at->count, at->regs);
}

/* The line table's entry.  Not every compiler writes the index by address that libdwfl goes by. */
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

/* `pc` is what is executed next: for a caller, the instruction after its call. */
static void name(Dwfl *dwfl, uint64_t pc, bool is_call, struct ucall_frame *frame)
{
	uint64_t at = is_call ? pc - 1 : pc;
	Dwfl_Module *module = dwfl_addrmodule(dwfl, at);
	const char *text;
	GElf_Off offset;
	GElf_Sym symbol;
	int number = 0;

	memset(frame, 0, sizeof(*frame));
	frame->pc = pc;
	if (!module)
		return;
	text = dwfl_module_addrinfo(module, at, &offset, &symbol, NULL, NULL, NULL);
	if (text) {
		snprintf(frame->function, sizeof(frame->function), "%s", text);
		frame->offset = offset + (is_call ? 1 : 0);
	}
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

	if (state->count == state->most || !dwfl_frame_pc(frame, &pc, &is_activation))
		return DWARF_CB_ABORT;
	if (state->count && !dwfl_addrmodule(dwfl, pc - 1))
		return DWARF_CB_ABORT; /* the end: where a guest function returns to */
	name(dwfl, pc, state->count != 0, &state->frames[state->count]);
	state->count++;
	return DWARF_CB_OK;
}

static unsigned int backtrace(const struct ucall_unwind *at, struct ucall_frame *frames,
			      unsigned int most)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = no_debuginfo,
	};
	static const Dwfl_Thread_Callbacks thread_callbacks = {
		.next_thread = next_thread,
		.memory_read = memory_read,
		.set_initial_registers = set_initial_registers,
	};
	struct state state = { at, frames, 0, most };
	Dwfl *dwfl = dwfl_begin(&callbacks);

	if (!dwfl)
		return 0;
	if (!dwfl_linux_proc_report(dwfl, getpid()) && !dwfl_report_end(dwfl, NULL, NULL)) {
		if (dwfl_attach_state(dwfl, NULL, getpid(), &thread_callbacks, &state))
			dwfl_getthread_frames(dwfl, 1, add_frame, &state);
		if (!state.count && most) { /* nothing to unwind by: at least the place */
			name(dwfl, at->pc, false, &frames[0]);
			state.count = 1;
		}
	}
	dwfl_end(dwfl);
	return state.count;
}

extern UCALL_PUBLIC const struct ucall_symbols ucall_symbols;
const struct ucall_symbols ucall_symbols = {
	.version = UCALL_VERSION,
	.backtrace = backtrace,
};
