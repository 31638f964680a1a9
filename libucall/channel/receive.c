// SPDX-License-Identifier: MIT
/* Finds and takes the message of an exit. */
#include <errno.h>

#include "arch/byte-order.h"
#include "channel.h"
#include "mailbox.h"

uint64_t ucall_port_find(struct ucall_port *port)
{
	const struct ucall_channel *c = port->channel;
	struct ucall_mailbox *m = port->mailbox;
	uint64_t where = 0;

	if (port->exit->reason == UCALL_EXIT_NONE || !ucall_port_rang(port, &where))
		return 0;
	if (c->via == UCALL_VIA_ADDRESS)
		return where;
	/* A message in the mailbox was sent later than the one that m->shared points to. */
	if (__atomic_load_n((const uint64_t *)(const void *)&m->uc, __ATOMIC_RELAXED))
		return c->address;
	return ucall_guest64(c->traits.arch, __atomic_load_n(&m->shared, __ATOMIC_RELAXED));
}

bool ucall_port_rang(struct ucall_port *port, uint64_t *where)
{
	const struct ucall_channel *c = port->channel;

	if (c->via == UCALL_VIA_MAILBOX && c->ops.recv_cmd_shared)
		return c->ops.recv_cmd_shared(port->vcpu, port->exit) == 1;
	return c->ops.recv_cmd(port->vcpu, port->exit, where) == 1;
}

void ucall_port_count(struct ucall_port *port)
{
	const struct ucall_arch *arch = port->channel->traits.arch;
	struct ucall_mailbox *m = port->mailbox;

	if (m)
		__atomic_store_n(&m->received,
				 ucall_guest64(arch, ucall_guest64(arch, m->received) + 1),
				 __ATOMIC_RELAXED);
}

int ucall_port_take(struct ucall_port *port, uint64_t gva, struct ucall *uc)
{
	const struct ucall_channel *c = port->channel;
	struct ucall_mailbox *m = port->mailbox;
	const struct ucall_place place = {
		.view = m && gva == c->address ? &m->uc : NULL,
		.machine = c->machine,
		.cpu = port->cpu,
		.gva = gva,
	};
	int cmd;

	if (!place.view && !c->machine->message && c->via == UCALL_VIA_MAILBOX)
		return ucall_fail(EPROTO, "the guest rang for a message of ucall_shared(), which "
					  "the host of an attached VM cannot "
					  "acknowledge; send it by the mailbox");
	if (!place.view && !c->machine->message)
		return ucall_message_read(c->traits.arch, &place, uc);
	cmd = ucall_message_take(c->traits.arch, &place, uc);
	if (cmd && m)
		m->shared = 0;
	if (cmd)
		ucall_port_count(port);
	return cmd;
}
