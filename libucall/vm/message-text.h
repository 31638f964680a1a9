/* SPDX-License-Identifier: MIT */
/* A message in words, for debuggers and traces: "SYNC 1 0x2". */
#ifndef LIBUCALL_MESSAGE_TEXT_H
#define LIBUCALL_MESSAGE_TEXT_H

#include <ucall/ucall.h>

#include "base/text.h"

#define UCALL_MESSAGE_TEXT 160

#define UCALL_ANY_MESSAGE (-1) /* its name is "all" */

/* The name of a kind, or its number; the kind of a name or number, false if it is neither. */
void ucall_message_add_kind(struct ucall_text *text, int cmd);
bool ucall_message_parse_kind(const char *word, int *cmd);

/* The guest's text is made safe for a terminal. */
void ucall_message_describe(int cmd, const struct ucall *uc, char *text, size_t size);

#endif
