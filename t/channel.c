// SPDX-License-Identifier: MIT
/*
 * The channel by itself, over a fake machine, neither libucall's own nor attached: what it asks of
 * a machine, which backends it refuses, and how ucall_next() continues.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "arch/arch.h"
#include "base/handle.h"
#include "base/process.h"
#include "channel/channel.h"
#include "protect/protect.h"

/* ---- a machine ---- */

#define ADDRESS 0x5000 /* of its only memory, apart from what the channel maps */

struct step {
	enum ucall_run_end end;
	uint16_t port; /* of the exit; 0: another exit */
	unsigned int cmd; /* of the message that the guest has sent; 0: none */
	bool by_address;
};

struct fake {
	struct ucall_vm handle;
	struct ucall_vcpu vcpu;
	struct ucall_channel channel;
	struct ucall_port port;
	struct ucall_exit exit;
	uint8_t memory[2 * sizeof(struct ucall)] __attribute__((aligned(8)));
	void *maps[8];
	unsigned int map_count;
	const struct step *steps;
	bool endless; /* repeats the first step */
	unsigned int step, reports, exits, messages, timeouts;
};

static void *fake_map(void *vm, uint64_t gva, size_t size, unsigned int prot)
{
	struct fake *f = vm;

	return f->maps[f->map_count++] = calloc(1, size);
}

static int fake_may_change(void *vm, const char *what)
{
	return 0;
}

static uint64_t fake_map_device(void *vm, uint64_t gpa, size_t size)
{
	return gpa;
}

static int fake_read(void *cpu, uint64_t gva, void *to, size_t size)
{
	const struct fake *f = cpu;

	if (gva < ADDRESS || gva - ADDRESS > sizeof(f->memory) ||
	    size > sizeof(f->memory) - (gva - ADDRESS))
		return ucall_fail(EFAULT, "nothing is there");
	memcpy(to, f->memory + (gva - ADDRESS), size);
	return 0;
}

static uint64_t *fake_message(void *cpu, uint64_t gva)
{
	struct fake *f = cpu;

	if (gva != ADDRESS) {
		ucall_fail(EFAULT, "nothing is there");
		return NULL;
	}
	return (uint64_t *)(void *)f->memory;
}

static uint64_t fake_argument(void *cpu)
{
	return ADDRESS;
}

static int fake_check_run(void *cpu)
{
	return 0;
}

static enum ucall_run_end fake_run(void *cpu, int64_t deadline)
{
	struct fake *f = cpu;
	const struct step *s = &f->steps[f->endless ? 0 : f->step];
	struct ucall *uc = s->by_address ? (struct ucall *)(void *)f->memory : &f->port.mailbox->uc;

	f->step++;
	memset(&f->exit, 0, sizeof(f->exit));
	f->exit.reason = s->port ? UCALL_EXIT_IO : UCALL_EXIT_HALT;
	f->exit.u.io.port = s->port;
	f->exit.u.io.is_write = f->exit.u.io.size = f->exit.u.io.count = 1;
	if (s->cmd) {
		uc->cmd = (uint16_t)s->cmd;
		uc->nargs = 1;
		uc->args[0] = f->step;
	}
	return s->end;
}

static void fake_kick(void *cpu)
{
}

static int fake_report(void *cpu, enum ucall_run_end end, int timeout_ms)
{
	((struct fake *)cpu)->reports++;
	return end == UCALL_RUN_EXIT
		       ? 0
		       : ucall_fail(end == UCALL_RUN_TIMEOUT ? ETIMEDOUT : EINTR, "ended");
}

static int fake_report_exit(void *cpu)
{
	((struct fake *)cpu)->exits++;
	return ucall_fail(ENOMSG, "another exit");
}

static int fake_report_message(void *cpu)
{
	((struct fake *)cpu)->messages++;
	return -1;
}

static int fake_report_timeout(void *cpu, int timeout_ms)
{
	((struct fake *)cpu)->timeouts++;
	return ucall_fail(ETIMEDOUT, "all of it");
}

static const struct ucall_machine_ops fake_ops = {
	.check_may_change = fake_may_change,
	.map = fake_map,
	.map_own = fake_map,
	.map_device = fake_map_device,
	.read = fake_read,
	.message = fake_message,
	.argument = fake_argument,
	.check_run = fake_check_run,
	.run = fake_run,
	.kick = fake_kick,
	.report = fake_report,
	.report_exit = fake_report_exit,
	.report_message = fake_report_message,
	.report_timeout = fake_report_timeout,
};

/* ---- a backend ---- */

#define PORT 0x77

UCALL_BACKEND(.name = "fake", .version = "1", .summary = "a port",
	      .needs = UCALL_NEEDS_NO_IRQCHIP | UCALL_NEEDS_RING0 | UCALL_NEEDS_KVM,
	      .protections = UCALL_PROTECT_NONE | UCALL_PROTECT_SEV);

UCALL_DOORBELL static void send(struct ucall *uc, const struct ucall_bell *bell)
{
}

static int recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where)
{
	if (!ucall_exit_is_out(exit, PORT, 1))
		return 0;
	*where = ucall_vcpu_argument(vcpu);
	return 1;
}

static const struct ucall_ops ops = { UCALL_OPS, .send_cmd = send, .send_cmd_shared = send,
				      .recv_cmd = recv };

/* ---- tests ---- */

static void begin(struct fake *f, enum ucall_via via)
{
	memset(f, 0, sizeof(*f));
	f->handle.channel = &f->channel;
	f->vcpu = (struct ucall_vcpu){ &f->handle, &f->port, (struct ucall_cpu *)(void *)f };
	f->channel.vm = &f->handle;
	f->channel.machine = &fake_ops;
	f->channel.data = f;
	f->channel.process = ucall_process_this();
	f->channel.via = via;
	f->channel.timeout_ms = -1;
	f->channel.traits = (struct ucall_traits){
		.arch = ucall_arch_native,
		.protection = ucall_protection_find(NULL),
		.engine = "fake",
		.has_kvm = true,
	};
	f->port.vcpu = &f->vcpu;
	f->port.cpu = f;
	f->port.number = 5;
	f->port.exit = &f->exit;
}

static int choose(struct fake *f)
{
	return ucall_channel_choose(&f->channel, NULL, &ops, NULL);
}

static void end(struct fake *f)
{
	ucall_port_close(&f->port, false);
	ucall_channel_close(&f->channel, false);
	for (unsigned int i = 0; i < f->map_count; i++)
		free(f->maps[i]);
}

static void run_steps(enum ucall_via via, const struct step *steps, struct fake *f)
{
	begin(f, via);
	f->steps = steps;
	CHECK_OK(!choose(f));
	CHECK_OK(!ucall_channel_open(&f->channel));
	CHECK_OK(!ucall_port_open(&f->port, &f->channel));
	CHECK_OK(!ucall_port_start(&f->port));
	CHECK_EQ(f->port.mailbox->vcpu, 5);
}

static void check_next(enum ucall_via via)
{
	const bool by_address = via == UCALL_VIA_ADDRESS;
	const struct step steps[] = {
		{ UCALL_RUN_EXIT, PORT, UCALL_SYNC, by_address },
		{ UCALL_RUN_EXIT, PORT, UCALL_PRINTF, by_address }, /* printed; the run continues */
		{ UCALL_RUN_EXIT, PORT, UCALL_USER, by_address },
		{ UCALL_RUN_EXIT, 0, 0, false }, /* not the backend's */
		{ UCALL_RUN_EXIT, PORT, 0, false }, /* the backend's, without a message */
		{ UCALL_RUN_TIMEOUT, 0, 0, false },
		{ UCALL_RUN_KICK, 0, 0, false },
		{ UCALL_RUN_EXIT, PORT, UCALL_DONE + 1, by_address }, /* no such message */
		{ UCALL_RUN_EXIT, PORT, UCALL_ABORT, by_address },
		{ UCALL_RUN_EXIT, PORT, UCALL_DONE, by_address },
	};
	struct fake f;
	struct ucall uc;

	run_steps(via, steps, &f);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), UCALL_SYNC);
	CHECK_EQ(uc.args[0], 1);
	CHECK_EQ(get_ucall(&f.vcpu, &uc), UCALL_NONE); /* it was taken */
	CHECK_EQ(ucall_next(&f.vcpu, &uc), UCALL_USER);
	CHECK_EQ(uc.args[0], 3);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(errno, ENOMSG);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(f.exits, 2);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(errno, EINTR);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(errno, EPROTO);
	CHECK_EQ(f.messages, 1);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), -1);
	CHECK_EQ(errno, ECANCELED);
	CHECK_EQ(ucall_next(&f.vcpu, &uc), UCALL_DONE);
	CHECK_EQ(f.port.mailbox->received, 6);
	end(&f);
}

static void once_mailbox(void)
{
	check_next(UCALL_VIA_MAILBOX);
}

static void once_address(void)
{
	check_next(UCALL_VIA_ADDRESS);
}

/* The time limit covers all runs of one call. */
static void once_limit(void)
{
	static const struct step steps[] = { { UCALL_RUN_EXIT, PORT, UCALL_PRINTF, false } };
	struct fake f;

	run_steps(UCALL_VIA_MAILBOX, steps, &f);
	f.endless = true;
	f.channel.timeout_ms = 20;
	CHECK_EQ(ucall_next(&f.vcpu, NULL), -1);
	CHECK_EQ(errno, ETIMEDOUT);
	CHECK_EQ(f.timeouts, 1);
	CHECK(f.step > 1);
	end(&f);
}

/* The machine's traits decide which backends can serve it. */
static void once_refused(void)
{
	struct fake f;

#define REFUSED(change, text) \
	do { \
		begin(&f, UCALL_VIA_DEFAULT); \
		change; \
		CHECK_EQ(choose(&f), -1); \
		CHECK_EQ(errno, EOPNOTSUPP); \
		CHECK_HAS(ucall_error(), text); \
		end(&f); \
	} while (0)
	REFUSED(f.channel.traits.irqchip = true, "interrupt controller");
	REFUSED(f.channel.traits.ring = 3, "this VM has ring 3");
	REFUSED(f.channel.traits.has_kvm = false, "this VM has engine fake");
	REFUSED(f.channel.traits.separate_image = true, "a separate guest ELF needs a plugin");
	REFUSED(f.channel.traits.protection = ucall_protection_find("emulated-sev-es"),
		"does not work in a VM with protection");
	REFUSED((f.channel.traits.protection = ucall_protection_find("emulated-sev"),
		 f.channel.via = UCALL_VIA_ADDRESS),
		"the host can neither walk the guest's page tables");
	begin(&f, UCALL_VIA_DEFAULT);
	CHECK_OK(!choose(&f));
	CHECK_EQ(f.channel.via, UCALL_VIA_MAILBOX);
	end(&f);
	/* An attached VM may have no mailboxes: its default is by address. */
	begin(&f, UCALL_VIA_DEFAULT);
	f.channel.traits.attached = true;
	CHECK_OK(!choose(&f));
	CHECK_EQ(f.channel.via, UCALL_VIA_ADDRESS);
	end(&f);
}

UCALL_TESTS({ "ucall_next() by the mailbox", .once = once_mailbox },
	    { "ucall_next() by the address", .once = once_address },
	    { "the time limit of a call", .once = once_limit },
	    { "backends that are refused", .once = once_refused });
