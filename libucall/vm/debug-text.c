// SPDX-License-Identifier: MIT
/* What a debugger reads: messages, the `monitor` commands, the guest's file. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "debug-vm.h"
#include "machine/image.h"
#include "message-text.h"
#include "own.h"
#include "protect/protect.h"

/* ---- messages ---- */

void ucall_debug_log(struct ucall_debug *d, unsigned int vcpu, int cmd, const struct ucall *uc)
{
	char *line = d->log[d->logged++ % UCALL_DEBUG_LOG];
	int n = snprintf(line, UCALL_DEBUG_LINE, "vCPU %u: ", vcpu);

	ucall_message_describe(cmd, uc, line + n, UCALL_DEBUG_LINE - (size_t)n);
}

const char *ucall_debug_last(const struct ucall_debug *d)
{
	return d->log[(d->logged - 1) % UCALL_DEBUG_LOG];
}

/* ---- monitor ---- */

/* The first 8 bytes of a message: what it is, before the host has received it. */
static void add_mailbox(const struct ucall_own_vcpu *v, struct ucall_text *t)
{
	const struct ucall_arch *arch = v->cpu.vm->arch;
	const struct ucall_mailbox *m = v->port.mailbox;
	const uint16_t cmd = ucall_guest16(arch, __atomic_load_n(&m->uc.cmd, __ATOMIC_RELAXED));

	ucall_text_add(t, "vCPU %u: %" PRIu64 " messages received; the mailbox is ", v->cpu.number,
		       ucall_guest64(arch, __atomic_load_n(&m->received, __ATOMIC_RELAXED)));
	if (!cmd) {
		ucall_text_add(t, "empty\n");
		return;
	}
	ucall_text_add(t, "full: ");
	ucall_message_add_kind(t, cmd);
	ucall_text_add(t, "\n");
}

static void describe(struct ucall_debug *d, struct ucall_text *t)
{
	struct ucall_machine *vm = &d->vm->machine;
	uint64_t i = d->logged > UCALL_DEBUG_LOG ? d->logged - UCALL_DEBUG_LOG : 0;

	ucall_text_add(t, "backend %s, engine %s, guest %s, protection %s\n",
		       d->vm->channel.backend_name, vm->engine->name, vm->arch->name,
		       vm->protection->name);
	ucall_text_add(t, "No time limit while a debugger is attached.\n");
	if (ucall_machine_registers_are_closed(vm))
		ucall_text_add(t, "Registers are closed to the host: no breakpoints, no steps.\n");
	ucall_text_add(t, "Stops at messages:");
	for (unsigned int n = 0; n < d->message_count; n++) {
		ucall_text_add(t, " ");
		ucall_message_add_kind(t, d->messages[n]);
	}
	ucall_text_add(t, "\n");
	pthread_mutex_lock(&vm->lock);
	for (unsigned int n = 0; n < vm->vcpu_count; n++)
		add_mailbox(ucall_own_vcpu(ucall_machine_cpu(vm, n)), t);
	pthread_mutex_unlock(&vm->lock);
	ucall_text_add(t, "%" PRIu64 " messages%s\n", d->logged,
		       i	   ? "; the last ones:"
		       : d->logged ? ":"
				   : "");
	for (; i < d->logged; i++)
		ucall_text_add(t, "  %s\n", d->log[i % UCALL_DEBUG_LOG]);
}

static void set_break(struct ucall_debug *d, int cmd, bool on, struct ucall_text *t)
{
	unsigned int i = 0;

	while (i < d->message_count && d->messages[i] != cmd)
		i++;
	if (on && i == UCALL_DEBUG_MESSAGES) {
		ucall_text_add(t, "%d kinds are the most\n", UCALL_DEBUG_MESSAGES);
		return;
	}
	if (on && i == d->message_count)
		d->messages[d->message_count++] = cmd;
	else if (!on && i < d->message_count)
		d->messages[i] = d->messages[--d->message_count];
	ucall_text_add(t, on ? "Stops when the host has received " : "Does not stop at ");
	ucall_message_add_kind(t, cmd);
	ucall_text_add(t, ".\n");
}

void ucall_debug_monitor(struct ucall_debug *d, const char *command, struct ucall_text *t)
{
	char verb[16], word[32], rest[2];
	int n = sscanf(command, "%15s %31s %1s", verb, word, rest), cmd;
	const bool on = n >= 1 && !strcmp(verb, "break"), off = n >= 1 && !strcmp(verb, "nobreak");

	if (n == 1 && !strcmp(verb, "ucall"))
		describe(d, t);
	else if (n == 2 && (on || off) && ucall_message_parse_kind(word, &cmd))
		set_break(d, cmd, on, t);
	else
		ucall_text_add(
			t, "monitor ucall             messages so far, mailboxes\n"
			   "monitor break MESSAGE     stop when the host has received one: SYNC, "
			   "PRINTF, ABORT, DONE, a number, all\n"
			   "monitor nobreak MESSAGE   do not\n");
}

/* ---- the guest's file ---- */

int ucall_own_program(const struct ucall_own_vm *vm, char *path, size_t size)
{
	char found[PATH_MAX];

	if (!realpath(vm->machine.image ? vm->machine.image->name : "/proc/self/exe", found))
		return ucall_fail(errno, "the guest's file is not known");
	if (strlen(found) >= size)
		return ucall_fail(ENAMETOOLONG, "the guest's file: %s", strerror(ENAMETOOLONG));
	strcpy(path, found);
	return 0;
}
