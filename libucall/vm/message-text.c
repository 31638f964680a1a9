// SPDX-License-Identifier: MIT
/* See message-text.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <strings.h>

#include "message-text.h"

static const struct {
	int cmd;
	const char *name;
} kinds[] = {
	{ UCALL_SYNC, "SYNC" }, { UCALL_ABORT, "ABORT" }, { UCALL_PRINTF, "PRINTF" },
	{ UCALL_DONE, "DONE" }, { UCALL_PAGES, "PAGES" }, { UCALL_ANY_MESSAGE, "all" },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

void ucall_message_add_kind(struct ucall_text *t, int cmd)
{
	for (size_t i = 0; i < KINDS; i++)
		if (kinds[i].cmd == cmd) {
			ucall_text_add(t, "%s", kinds[i].name);
			return;
		}
	ucall_text_add(t, "command 0x%x", (unsigned int)cmd);
}

bool ucall_message_parse_kind(const char *word, int *cmd)
{
	char *end;
	long n;

	for (size_t i = 0; i < KINDS; i++)
		if (!strcasecmp(kinds[i].name, word)) {
			*cmd = kinds[i].cmd;
			return true;
		}
	errno = 0;
	n = strtol(word, &end, 0);
	*cmd = (int)n;
	return !errno && end != word && !*end && n > 0 && n <= INT_MAX;
}

void ucall_message_describe(int cmd, const struct ucall *uc, char *text, size_t size)
{
	const int first = cmd == UCALL_SYNC || cmd == UCALL_ABORT ? 2 : 0;
	struct ucall_text t = { text, size, 0 };

	ucall_message_add_kind(&t, cmd);
	if (cmd == UCALL_SYNC && uc->nargs > 1)
		ucall_text_add(&t, " %" PRIu64, uc->args[1]);
	if (cmd == UCALL_ABORT || cmd == UCALL_PRINTF) {
		ucall_text_add(&t, " ");
		ucall_text_add_escaped(&t, uc->text, uc->text_size, "");
	}
	for (int i = first; i < uc->nargs; i++)
		ucall_text_add(&t, " 0x%" PRIx64, uc->args[i]);
}
