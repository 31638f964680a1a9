/* SPDX-License-Identifier: MIT */
/* The guests of `ucall conform`. */
#ifndef TOOLS_CONFORM_GUEST_H
#define TOOLS_CONFORM_GUEST_H

#include <ucall/guest.h>

#define CONFORM_USER 0x1234 /* the program's own command */

UCALL_GUEST void conform_args(void);
UCALL_GUEST void conform_commands(void);
UCALL_GUEST void conform_texts(void);
UCALL_GUEST void conform_nested(void);
UCALL_GUEST void conform_count(uint64_t id, uint64_t rounds);
UCALL_GUEST void conform_shared(struct ucall *uc, uint64_t rounds);
UCALL_GUEST void conform_other_exits(uint64_t halts);
UCALL_GUEST void conform_hostile(uint64_t seed, uint64_t rounds);
UCALL_GUEST void conform_abort(void);

/* Sends a message with a known number in each register that a function must keep. */
UCALL_GUEST void conform_registers(void);
/* Sends a message and compares the mailbox before and after it. */
UCALL_GUEST void conform_mailbox(void);
/* What these two found. */
#define CONFORM_KEPT 0x2000
#define CONFORM_CHANGED \
	0x2001 /* args: the register, or the offset in the mailbox; old value; new value */

#endif
