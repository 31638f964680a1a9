/* SPDX-License-Identifier: MIT */
/*
 * Guest memory that the host may lose at any moment: a guest that takes back a page which it had
 * shared does so without an exit, and a host that touches the page then gets SIGSEGV.
 *
 * For memory that is registered here, a handler of SIGSEGV and SIGBUS puts a page of zeroes in that
 * place of this process, and the access is made again.  So the message path needs no check, and
 * costs nothing: a guest that took back its mailbox has an empty one.  The handler is installed
 * with the first such memory and passes all other faults on.
 */
#ifndef LIBUCALL_REVOKED_H
#define LIBUCALL_REVOKED_H

#include <stdbool.h>
#include <stddef.h>

struct ucall_revocable;

/* Registers whole pages; NULL after ucall_fail(). */
struct ucall_revocable *ucall_revocable_add(void *start, size_t size);
/* Before the memory is unmapped. */
void ucall_revocable_remove(struct ucall_revocable *memory);
/* True if the page with that address was found revoked at least once: it is not the guest's any more. */
bool ucall_revocable_is_lost(const struct ucall_revocable *memory, const void *address);

#endif
