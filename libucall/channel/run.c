// SPDX-License-Identifier: MIT
/* Running a vCPU until its guest sends a message. */
#include <errno.h>
#include <string.h>

#include "arch/byte-order.h"
#include "base/error.h"
#include "base/handle.h"
#include "base/probe.h"
#include "base/process.h"
#include "channel.h"

static int run_plain(struct ucall_port *port, struct ucall_limit *limit)
{
	const struct ucall_machine_ops *machine = port->channel->machine;
	enum ucall_run_end end;

	if (machine->check_run(port->cpu))
		return -1;
	end = machine->run(port->cpu, ucall_limit_deadline(limit));
	return machine->report(port->cpu, end, ucall_channel_timeout(port->channel));
}

static int receive_plain(struct ucall_port *port, const uint64_t *only, struct ucall *uc)
{
	uint64_t gva = ucall_port_find(port);

	return gva && (!only || gva == *only) ? ucall_port_take(port, gva, uc) : UCALL_NONE;
}

static void kick_plain(struct ucall_port *port)
{
	port->channel->machine->kick(port->cpu);
}

const struct ucall_port_ops ucall_port_plain = {
	.run = run_plain,
	.receive = receive_plain,
	.kick = kick_plain,
};

/* ---- public ---- */

/* The port of a vCPU that the library runs; NULL after ucall_fail(). */
static struct ucall_port *port_of(struct ucall_vcpu *vcpu, const char *function)
{
	return ucall_cpu_of(vcpu, function) ? vcpu->port : NULL;
}

int ucall_vcpu_run(struct ucall_vcpu *vcpu)
{
	struct ucall_port *port = port_of(vcpu, "ucall_vcpu_run");

	if (!port || ucall_process_check(port->channel->process, "ucall_vcpu_run"))
		return -1;
	struct ucall_limit limit = { .ms = ucall_channel_timeout(port->channel) };

	return port->ops->run(port, &limit);
}

/* guest_share(), guest_unshare(). */
static int take_pages(struct ucall_port *port, const struct ucall *uc)
{
	const struct ucall_machine_ops *machine = port->channel->machine;
	int r;

	if (uc->nargs != 3)
		return ucall_fail(EPROTO, "the guest sent UCALL_PAGES with %u arguments",
				  uc->nargs);
	r = machine->pages(port->cpu, uc->args[0], uc->args[1], uc->args[2]);
	if (r < 0)
		return -1;
	if (port->mailbox)
		port->mailbox->uc.args[0] = ucall_guest64(port->channel->traits.arch, (uint64_t)r);
	return UCALL_PAGES;
}

static int receive(struct ucall_port *port, const uint64_t *only, struct ucall *uc)
{
	struct ucall own;
	int cmd;

	if (!uc)
		uc = &own;
	memset(uc, 0, offsetof(struct ucall, text) + 1);
	cmd = port->ops->receive(port, only, uc);
	UCALL_PROBE(message, port->number, cmd, uc->nargs);
	return cmd == UCALL_PAGES ? take_pages(port, uc) : cmd;
}

int get_ucall(struct ucall_vcpu *vcpu, struct ucall *uc)
{
	struct ucall_port *port = port_of(vcpu, "get_ucall");

	return port ? receive(port, NULL, uc) : -1;
}

int get_ucall_shared(struct ucall_vcpu *vcpu, uint64_t uc_gva, struct ucall *copy)
{
	struct ucall_port *port = port_of(vcpu, "get_ucall_shared");

	return port ? receive(port, &uc_gva, copy) : -1;
}

int ucall_next(struct ucall_vcpu *vcpu, struct ucall *uc)
{
	struct ucall_port *port = port_of(vcpu, "ucall_next");
	struct ucall own;
	FILE *output;

	if (!port || ucall_process_check(port->channel->process, "ucall_vcpu_run"))
		return -1;
	struct ucall_limit limit = { .ms = ucall_channel_timeout(port->channel) };

	if (!uc)
		uc = &own;
	for (;;) {
		int cmd;

		if (port->ops->run(port, &limit))
			return -1;
		cmd = receive(port, NULL, uc);
		switch (cmd) {
		case -1:
			return port->channel->machine->report_message(port->cpu);
		case UCALL_NONE:
			return port->channel->machine->report_exit(port->cpu);
		case UCALL_PAGES:
		case UCALL_SPAN:
			break;
		case UCALL_ABORT:
			return ucall_fail(ECANCELED, "%s",
					  uc->text[0] ? uc->text : "the guest aborted");
		case UCALL_PRINTF:
			output = port->channel->output ? port->channel->output : stdout;
			fwrite(uc->text, 1, uc->text_size, output);
			break;
		default:
			return cmd;
		}
		ucall_channel_renew(port->channel, &limit);
		if (ucall_limit_is_over(&limit))
			return port->channel->machine->report_timeout(port->cpu, limit.ms);
	}
}

void ucall_vcpu_kick(struct ucall_vcpu *vcpu)
{
	if (vcpu && vcpu->cpu)
		vcpu->port->ops->kick(vcpu->port);
}
