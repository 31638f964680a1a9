// SPDX-License-Identifier: MIT
/* Messages of a guest of either byte order are read in the host's. */
#include <errno.h>
#include <string.h>

#include <ucall/test.h>

#include "channel/mailbox.h"

/* A message as a guest of that byte order lays it out. */
static void put(uint8_t *to, uint64_t value, int size, bool big)
{
	for (int i = 0; i < size; i++)
		to[big ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
}

static void lay_out(struct ucall *uc, bool big, uint16_t cmd, int nargs, uint32_t text_size)
{
	uint8_t *p = (uint8_t *)uc;

	memset(uc, 0, sizeof(*uc));
	put(p, cmd, 2, big);
	p[2] = (uint8_t)nargs;
	put(p + 4, text_size, 4, big);
	for (int i = 0; i < 7; i++)
		put(p + 8 + 8 * i, 0x0102030405060700u + (unsigned int)i, 8, big);
	memset(p + 64, 't', UCALL_TEXT_SIZE);
}

static int take(bool big, struct ucall *uc, struct ucall *copy)
{
	struct ucall_arch arch = { .big_endian = big };
	const struct ucall_place place = { .view = uc, .gva = UCALL_MAILBOX_ADDRESS };

	return ucall_message_take(&arch, &place, copy);
}

static void check(bool big)
{
	struct ucall uc, copy;

	lay_out(&uc, big, UCALL_SYNC, 3, 5);
	CHECK_EQ(take(big, &uc, &copy), UCALL_SYNC);
	CHECK_EQ(copy.nargs, 3);
	for (int i = 0; i < 7; i++)
		CHECK_EQ(copy.args[i], i < 3 ? 0x0102030405060700u + (unsigned int)i : 0);
	CHECK_STR(copy.text, "ttttt");
	CHECK_EQ(uc.cmd, 0);
	CHECK_EQ(uc.nargs, 0);
	CHECK_EQ(take(big, &uc, &copy), UCALL_NONE);

	lay_out(&uc, big, UCALL_PRINTF, 0, UCALL_TEXT_SIZE - 1);
	CHECK_EQ(take(big, &uc, &copy), UCALL_PRINTF);
	CHECK_EQ(strlen(copy.text), UCALL_TEXT_SIZE - 1);

	/* Messages that our guest code never sends. */
	lay_out(&uc, big, UCALL_PRINTF, 0, UCALL_TEXT_SIZE);
	CHECK_EQ(take(big, &uc, &copy), -1);
	CHECK_EQ(errno, EPROTO);
	CHECK_HAS(ucall_error(), "1024 bytes of text; the maximum is 1023");
	CHECK_EQ(uc.text_size, 0); /* acknowledged all the same */
	lay_out(&uc, big, UCALL_DONE + 1, 0, 0);
	CHECK_EQ(take(big, &uc, &copy), -1);
	CHECK_HAS(ucall_error(), "unknown command 5");
	lay_out(&uc, big, 0, 1, 0);
	CHECK_EQ(take(big, &uc, &copy), -1);
	lay_out(&uc, big, UCALL_SYNC, 8, 0);
	CHECK_EQ(take(big, &uc, &copy), -1);
	CHECK_HAS(ucall_error(), "8 arguments; the maximum is 7");
	lay_out(&uc, big, UCALL_SYNC, 255, 0);
	CHECK_EQ(take(big, &uc, &copy), -1);
	CHECK_HAS(ucall_error(), "255 or more arguments");
}

static void once_little(void)
{
	check(false);
}

static void once_big(void)
{
	check(true);
}

UCALL_TESTS({ "a little-endian guest", .once = once_little },
	    { "a big-endian guest", .once = once_big });
