/* SPDX-License-Identifier: MIT */
/* A machine whose engine runs nothing: for tests that need only memory, page tables and images. */
#ifndef BARE_MACHINE_H
#define BARE_MACHINE_H

#include <string.h>

#include "base/handle.h"
#include "machine/memory.h"

struct bare_machine {
	struct ucall_machine vm;
	struct ucall_vm handle; /* for public functions */
};

static inline int bare_set_memory(struct ucall_machine *vm, void *memory, size_t size)
{
	return 0;
}

static inline void bare_fini(struct ucall_machine *vm)
{
}

static inline uint32_t bare_can_paging(void)
{
	return UCALL_CAN_PAGING;
}

static inline uint32_t bare_can_nothing(void)
{
	return 0;
}

static const struct ucall_engine bare_paging = {
	.name = "bare",
	.can = bare_can_paging,
	.set_memory = bare_set_memory,
	.vm_fini = bare_fini,
};

static const struct ucall_engine bare_flat = {
	.name = "bare",
	.can = bare_can_nothing,
	.set_memory = bare_set_memory,
	.vm_fini = bare_fini,
};

/* Returns 0, or -1 after ucall_fail().  `size` is the memory size, at least 2 MiB. */
static inline int bare_machine_open(struct bare_machine *b, const struct ucall_engine *engine,
				    const struct ucall_arch *arch, size_t size)
{
	memset(b, 0, sizeof(*b));
	b->handle.machine = &b->vm;
	return ucall_machine_init(&b->vm, engine, arch) || ucall_memory_init(&b->vm, size) ? -1 : 0;
}

static inline void bare_machine_close(struct bare_machine *b)
{
	ucall_machine_fini(&b->vm);
}

#endif
