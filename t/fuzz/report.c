// SPDX-License-Identifier: MIT
/*
 * Fuzz: a guest ELF through loading and a fault report.  The fuzzer's limits stand for the host's:
 * another process reads the file's debug information.
 */
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "report/symbols.h"
#include "base/text.h"
#include "image-vm.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The program that names functions is in the same folder. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char path[4096];

	strncpy(path, (*argv)[0], sizeof(path) - 1);
	setenv("UCALL_MODULE_PATH", dirname(path), 1);
	return 0;
}

static bool read_word(void *data, uint64_t address, uint64_t *value)
{
	return !ucall_memory_read(data, 0, address, value, sizeof(*value));
}

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);
	char copy[512];

	if (n == size)
		abort();
	memcpy(copy, text, n + 1);
	ucall_text_escape(copy, sizeof(copy));
	if (strcmp(copy, text))
		abort();
}

static void report(struct bare_machine *m)
{
	uint64_t regs[UCALL_DWARF_REGS] = { 0 };
	struct ucall_backtrace_entry frames[UCALL_BACKTRACE_MAX];
	uint64_t entry = ucall_vm_symbol(&m->handle, "guest_main");
	struct ucall_unwind at = {
		.pc = entry ? entry + 4 : 0x400010,
		.stack = 0x400000,
		.regs = regs,
		.count = UCALL_DWARF_REGS,
		.read = read_word,
		.data = &m->vm,
		.name = "guest",
		.image = m->vm.image->file,
		.image_size = m->vm.image->size,
	};
	const char *problem;
	unsigned int n;

	for (int i = 0; i < UCALL_DWARF_REGS; i++)
		regs[i] = 0x400000 + (uint64_t)i * 8;
	n = ucall_backtrace(&at, frames, UCALL_BACKTRACE_MAX, &problem);
	if (n > UCALL_BACKTRACE_MAX || (problem && strstr(problem, "no program")))
		abort();
	for (unsigned int i = 0; i < n; i++) {
		check_text(frames[i].function, sizeof(frames[i].function));
		check_text(frames[i].file, sizeof(frames[i].file));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bare_machine m;
	bool loaded;

	if (!image_vm_open(&m, data, size, &loaded))
		return 0;
	if (loaded)
		report(&m);
	bare_machine_close(&m);
	return 0;
}
