// SPDX-License-Identifier: MIT
/* Messages in guest memory: taken once, checked, acknowledged. */
#include <errno.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "mailbox.h"

#define HEAD_SIZE 8
#define TEXT_OFFSET offsetof(struct ucall, text)

/* Checks the copy of the head, which then says how much of the rest is read. */
static int check_head(const struct ucall *head)
{
	if (head->cmd == UCALL_NONE || (head->cmd > UCALL_DONE && head->cmd < UCALL_USER &&
					head->cmd != UCALL_PAGES && head->cmd != UCALL_SPAN))
		return ucall_fail(EPROTO, "the guest sent a message with the unknown command %u",
				  head->cmd);
	if (head->nargs > UCALL_MAX_ARGS)
		return ucall_fail(
			EPROTO, "the guest sent a message with %u%s arguments; the maximum is %d",
			head->nargs, head->nargs == 255 ? " or more" : "", UCALL_MAX_ARGS);
	if (head->text_size >= UCALL_TEXT_SIZE)
		return ucall_fail(EPROTO,
				  "the guest sent a message with %u bytes of text; the maximum is "
				  "%d",
				  head->text_size, UCALL_TEXT_SIZE - 1);
	return 0;
}

static int refuse(void)
{
	ucall_fail_in("the guest rang for a message that is not in its memory");
	errno = EPROTO;
	return -1;
}

static int read_bytes(const struct ucall_place *from, size_t offset, void *to, size_t size)
{
	if (!size)
		return 0;
	if (!from->view)
		return from->machine->read(from->cpu, from->gva + offset, to, size) ? refuse() : 0;
	memcpy(to, (const char *)from->view + offset, size);
	return 0;
}

int ucall_message_copy(const struct ucall_arch *arch, const struct ucall_place *from, uint64_t head,
		       struct ucall *copy)
{
	size_t size;
	int r;

	memcpy(copy, &head, HEAD_SIZE);
	copy->cmd = ucall_guest16(arch, copy->cmd);
	copy->text_size = ucall_guest32(arch, copy->text_size);
	memset(copy->args, 0, sizeof(copy->args));
	copy->text[0] = 0;

	r = check_head(copy);
	if (!r) {
		size = copy->nargs * sizeof(copy->args[0]);
		r = read_bytes(from, HEAD_SIZE, copy->args, size);
		for (int i = 0; i < copy->nargs; i++)
			copy->args[i] = ucall_guest64(arch, copy->args[i]);
	}
	if (!r)
		r = read_bytes(from, TEXT_OFFSET, copy->text, copy->text_size);
	if (!r)
		copy->text[copy->text_size] = 0;
	if (!r && (copy->flags & UCALL_TEXT_BAD))
		r = ucall_fail(EPROTO, "%s", copy->text);
	return r ? -1 : copy->cmd;
}

static int check_address(const struct ucall_place *from)
{
	if (from->gva > UINT64_MAX - sizeof(struct ucall))
		return ucall_fail(EPROTO,
				  "the guest rang for a message at 0x%llx, which is too near the "
				  "last address",
				  (unsigned long long)from->gva);
	if (!(from->gva % HEAD_SIZE))
		return 0;
	return ucall_fail(EPROTO, "the guest rang for a message at 0x%llx, which is not aligned",
			  (unsigned long long)from->gva);
}

int ucall_message_take(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy)
{
	uint64_t *head = (uint64_t *)(void *)from->view, raw;
	int cmd;

	if (check_address(from))
		return -1;
	if (!head)
		head = from->machine->message(from->cpu, from->gva);
	if (!head)
		return refuse();
	raw = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	if (!raw)
		return UCALL_NONE;
	cmd = ucall_message_copy(arch, from, raw, copy);
	__atomic_store_n(head, 0, __ATOMIC_RELEASE);
	return cmd;
}

int ucall_message_read(const struct ucall_arch *arch, const struct ucall_place *from,
		       struct ucall *copy)
{
	uint64_t head;

	if (check_address(from) || read_bytes(from, 0, &head, sizeof(head)))
		return -1;
	return head ? ucall_message_copy(arch, from, head, copy) : UCALL_NONE;
}
