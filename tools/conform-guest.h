/* SPDX-License-Identifier: MIT */
/* The guests of `ucall conform`. */
#ifndef TOOLS_CONFORM_GUEST_H
#define TOOLS_CONFORM_GUEST_H

#include <ucall/guest.h>

#define CONFORM_USER 0x1234 /* a command of the program's own */

UCALL_GUEST void conform_args(void);
UCALL_GUEST void conform_commands(void);
UCALL_GUEST void conform_texts(void);
UCALL_GUEST void conform_nested(void);
UCALL_GUEST void conform_count(uint64_t id, uint64_t rounds);
UCALL_GUEST void conform_shared(struct ucall *uc, uint64_t rounds);
UCALL_GUEST void conform_other_exits(uint64_t halts);
UCALL_GUEST void conform_hostile(uint64_t seed, uint64_t rounds);
UCALL_GUEST void conform_abort(void);

/* One message, whose doorbell is called with a number in each register that a function must keep. */
UCALL_GUEST void conform_registers(void);
/* One message, before and after which the mailbox is looked at. */
UCALL_GUEST void conform_mailbox(void);
/* What these two found. */
#define CONFORM_KEPT 0x2000
#define CONFORM_CHANGED \
	0x2001 /* args: which register, or the offset in the mailbox; what it was; what it is */

#endif
