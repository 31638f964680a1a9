/* SPDX-License-Identifier: MIT */
/*
 * Guest memory.  These functions do not lock: callers hold vm->lock, or nothing else uses the VM.
 * Functions that fail have called ucall_fail().
 */
#ifndef LIBUCALL_MEMORY_H
#define LIBUCALL_MEMORY_H

#include "machine.h"

#define UCALL_MEM_DEFAULT ((size_t)64 << 20)
#define UCALL_MEM_MIN ((size_t)2 << 20)
/* From there to 4 GiB there are only devices: a doorbell, interrupt controllers. */
#define UCALL_MEM_MAX ((size_t)3 << 30)

/* Guest-virtual addresses that are not part of the guest ABI. */
#define UCALL_STACK_ADDRESS 0x10000000000 /* one stack every UCALL_STACK_STRIDE */
#define UCALL_STACK_STRIDE 0x100000
#define UCALL_STACK_SIZE 0x10000
#define UCALL_HEAP_ADDRESS 0x18000000000 /* what ucall_vm_alloc() gives out */
/*
 * A vCPU's stack for handlers of exceptions, in the mailbox's slot.  An exception in a handler
 * takes the next part, downwards; the memory below each part is not mapped.
 */
#define UCALL_HANDLER_STACK 0x8000110000
#define UCALL_HANDLER_PARTS 6
#define UCALL_HANDLER_PART_SIZE 0x4000
#define UCALL_HANDLER_STRIDE 0x8000
#define UCALL_HANDLER_STACK_TOP (UCALL_HANDLER_STACK + UCALL_HANDLER_PARTS * UCALL_HANDLER_STRIDE)
/* Flat guests of the host's own architecture: where guest functions return to. */
#define UCALL_RETURN_ADDRESS 0x8000100000

/*
 * Fails with EPERM once the VM's memory and page tables are encrypted; `what` is the function, for
 * the error.
 */
int ucall_memory_check_setup(const struct ucall_machine *vm, const char *what);

int ucall_memory_init(struct ucall_machine *vm, size_t size);
void ucall_memory_fini(struct ucall_machine *vm);

/* True if the page at guest-physical `gpa` is private. */
bool ucall_memory_is_private(const struct ucall_machine *vm, uint64_t gpa);

/* Map for all vCPUs; in the page tables of one. */
int ucall_memory_map(struct ucall_machine *vm, uint64_t gva, uint64_t gpa, size_t size,
		     unsigned int prot);
int ucall_memory_map_in(struct ucall_machine *vm, uint64_t root, uint64_t gva, uint64_t gpa,
			size_t size, unsigned int prot);

/* ucall_memory_map() for a device: accesses exit, at guest-physical `gpa`. */
int ucall_memory_map_device(struct ucall_machine *vm, uint64_t gva, uint64_t gpa, size_t size);

/* A root for a vCPU's own tables, with everything mapped so far; 0 after ucall_fail(). */
uint64_t ucall_memory_new_root(struct ucall_machine *vm);

/* True if executable memory is mapped at gva in the page tables at `root`.  No ucall_fail(). */
bool ucall_memory_is_code(struct ucall_machine *vm, uint64_t root, uint64_t gva);

/* ucall_vm_alloc() without the lock. */
uint64_t ucall_memory_alloc(struct ucall_machine *vm, size_t size, unsigned int flags);

/*
 * The guest says that pages are private or shared; `size` comes from the guest.  All or none: 1 if
 * some are to be private that are so already.
 */
int ucall_memory_told(struct ucall_machine *vm, uint64_t root, uint64_t gva, uint64_t size,
		      bool is_private);

/* Copy from or to guest memory, by the page tables at `root`.  All or nothing. */
int ucall_memory_read(struct ucall_machine *vm, uint64_t root, uint64_t gva, void *to, size_t size);
int ucall_memory_write(struct ucall_machine *vm, uint64_t root, uint64_t gva, const void *from,
		       size_t size);

/*
 * Copies from or to guest memory as the CPU sees it, by the page tables at `root` and with private
 * memory in the clear: for an engine that acts as the CPU.  One of `to` and `from` is NULL.  False
 * without a message if something is not mapped, or a write is not permitted.
 */
bool ucall_memory_copy_as_cpu(struct ucall_machine *vm, uint64_t root, uint64_t gva, void *to,
			      const void *from, size_t size);

/*
 * True if the host can read the page at gva as the guest does; *prot is how it is mapped.  No
 * ucall_fail().
 */
bool ucall_memory_is_readable(struct ucall_machine *vm, uint64_t root, uint64_t gva,
			      unsigned int *prot);

/* The memory at [gva, gva + size), which must be physically contiguous; NULL after ucall_fail(). */
void *ucall_memory_view(struct ucall_machine *vm, uint64_t gva, size_t size);

/* 0 if the host can read all of [gva, gva + size), else -1 after ucall_fail(). */
int ucall_memory_check_readable(struct ucall_machine *vm, uint64_t root, uint64_t gva, size_t size);

/*
 * The host's view of [gva, gva + size).  NULL after ucall_fail() if it does not lie in one page, or
 * if the host would see ciphertext.
 */
void *ucall_memory_at(struct ucall_machine *vm, uint64_t root, uint64_t gva, size_t size);

#endif
