// SPDX-License-Identifier: MIT
/* Messages in guest memory: taken once, checked, acknowledged. */
#include <errno.h>
#include <string.h>

#include "base/byte-order.h"
#include "base/error.h"
#include "mailbox.h"
#include "machine/memory.h"

#define HEAD_SIZE 8
#define TEXT_OFFSET offsetof(struct ucall, text)

/* Only the head is trusted to be as it was copied: the rest is read by what the copy says. */
static int check_head(const struct ucall *head)
{
	if (head->cmd == UCALL_NONE || (head->cmd > UCALL_DONE && head->cmd < UCALL_USER))
		return ucall_fail(EPROTO, "the guest sent a message with the unknown command %u",
				  head->cmd);
	if (head->nargs > UCALL_MAX_ARGS)
		return ucall_fail(EPROTO,
				  "the guest sent a message with %u%s arguments; %d is the most",
				  head->nargs, head->nargs == 255 ? " or more" : "", UCALL_MAX_ARGS);
	if (head->text_size >= UCALL_TEXT_SIZE)
		return ucall_fail(EPROTO,
				  "the guest sent a message with %u bytes of text; %d is the most",
				  head->text_size, UCALL_TEXT_SIZE - 1);
	return 0;
}

static int read_bytes(struct ucall_vm *vm, const struct ucall *uc, uint64_t root, uint64_t gva,
		      size_t offset, void *to, size_t size)
{
	if (!size)
		return 0;
	if (!uc)
		return ucall_memory_read(vm, root, gva + offset, to, size);
	memcpy(to, (const char *)uc + offset, size);
	return 0;
}

int ucall_message_copy(struct ucall_vm *vm, const struct ucall *uc, uint64_t root, uint64_t gva,
		       uint64_t head, struct ucall *copy)
{
	size_t size;
	int r;

	memcpy(copy, &head, HEAD_SIZE);
	copy->cmd = ucall_guest16(vm->arch, copy->cmd);
	copy->text_size = ucall_guest32(vm->arch, copy->text_size);
	memset(copy->args, 0, sizeof(copy->args));
	copy->text[0] = 0;

	r = check_head(copy);
	if (!r) {
		size = copy->nargs * sizeof(copy->args[0]);
		r = read_bytes(vm, uc, root, gva, HEAD_SIZE, copy->args, size);
		for (int i = 0; i < copy->nargs; i++)
			copy->args[i] = ucall_guest64(vm->arch, copy->args[i]);
	}
	if (!r)
		r = read_bytes(vm, uc, root, gva, TEXT_OFFSET, copy->text, copy->text_size);
	if (!r)
		copy->text[copy->text_size] = 0;
	if (!r && (copy->flags & UCALL_TEXT_BAD))
		r = ucall_fail(EPROTO, "%s", copy->text);
	return r ? -1 : copy->cmd;
}

int ucall_message_take(struct ucall_vm *vm, struct ucall *uc, uint64_t root, uint64_t gva,
		       struct ucall *copy)
{
	uint64_t *head = (uint64_t *)uc, raw;
	int cmd;

	if (gva % HEAD_SIZE)
		return ucall_fail(EPROTO,
				  "the guest rang for a message at 0x%llx, which is not aligned",
				  (unsigned long long)gva);
	if (!head)
		head = ucall_memory_check_open(vm, root, gva, sizeof(*uc))
			       ? NULL
			       : ucall_memory_at(vm, root, gva, HEAD_SIZE);
	if (!head) {
		ucall_fail_in("the guest rang for a message that is not in its memory");
		errno = EPROTO;
		return -1;
	}
	raw = __atomic_load_n(head, __ATOMIC_ACQUIRE);
	if (!raw)
		return UCALL_NONE;
	cmd = ucall_message_copy(vm, uc, root, gva, raw, copy);
	__atomic_store_n(head, 0, __ATOMIC_RELEASE);
	return cmd;
}
