// SPDX-License-Identifier: MIT
/*
 * The guest's half of messages in libucall's mailbox.  <ucall/guest.h> has names that are also names
 * of the selftests, so it is included here only.
 */
#include <ucall/guest.h>

char *libucall_mailbox_text(void);
void libucall_mailbox_send(uint64_t cmd, const uint64_t *args, uint32_t text_size);

UCALL_GUEST char *libucall_mailbox_text(void)
{
	return ucall_this_mailbox()->uc.text;
}

/* Sends a message of seven arguments, and of the text that libucall_mailbox_text() has. */
UCALL_GUEST void libucall_mailbox_send(uint64_t cmd, const uint64_t *args, uint32_t text_size)
{
	struct ucall_mailbox *m = ucall_this_mailbox();

	for (int i = 0; i < UCALL_MAX_ARGS; i++)
		m->uc.args[i] = args[i];
	ucall_ring(m, &m->uc, ucall_head((unsigned int)cmd, UCALL_MAX_ARGS, 0, text_size));
}
