/* SPDX-License-Identifier: MIT */
/* ELF core files (System V ABI, "Program header"; core(5)). */
#ifndef LIBUCALL_CORE_FILE_H
#define LIBUCALL_CORE_FILE_H

#include "machine/machine.h"

/* A range of guest addresses with the same protection, all zero or not. */
struct ucall_core_load {
	uint64_t gva, size;
	unsigned int prot; /* UCALL_MAP_ */
	bool is_zero; /* it has no bytes in the file */
};

struct ucall_core {
	struct ucall_machine *vm;
	uint64_t root; /* whose addresses they are */
	struct ucall_core_load *loads;
	size_t count, room;
	bool is_cut; /* not all that the guest has mapped */
	uint8_t *notes; /* in the guest's byte order */
	size_t notes_size, notes_room;
};

/* Functions return 0, or -1 after ucall_fail(). */

/* A note; `name` is "CORE" or another. */
int ucall_core_note(struct ucall_core *core, const char *name, uint32_t type, const void *data,
		    size_t size);
/* NT_PRSTATUS: a thread with that number, from 1, and these registers. */
int ucall_core_thread(struct ucall_core *core, uint32_t number, const struct ucall_frame *frame);
/* Finds the memory that the host can read. */
int ucall_core_find_loads(struct ucall_core *core);
int ucall_core_write(const struct ucall_core *core, int fd);
void ucall_core_free(struct ucall_core *core);

#endif
