// SPDX-License-Identifier: MIT
/* Fuzz: a message in guest memory, of either byte order. */
#include <stdlib.h>
#include <string.h>

#include "channel/mailbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_arch arch = { .big_endian = size % 2 };
	struct ucall uc, copy;
	const struct ucall_place place = { .view = &uc, .gva = UCALL_MAILBOX_ADDRESS };
	int cmd;

	memset(&uc, 0x5a, sizeof(uc));
	memcpy(&uc, data, size < sizeof(uc) ? size : sizeof(uc));
	memset(&copy, 0xff, sizeof(copy));
	cmd = ucall_message_take(&arch, &place, &copy);
	if (cmd > 0 && (copy.cmd != cmd || copy.nargs > UCALL_MAX_ARGS ||
			copy.text_size >= UCALL_TEXT_SIZE || copy.text[copy.text_size]))
		abort();
	for (int i = cmd > 0 ? copy.nargs : UCALL_MAX_ARGS; i < UCALL_MAX_ARGS; i++)
		if (copy.args[i])
			abort();
	if (uc.cmd || uc.nargs || uc.text_size)
		abort(); /* acknowledged, whatever it was */
	return 0;
}
