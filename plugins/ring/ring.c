// SPDX-License-Identifier: MIT
/*
 * ring - many messages with one exit, or with none.
 *
 * The guest puts its messages into a queue that it shares with the host (struct ucall_queue), and
 * exits
 *
 *	depth=N		when N are queued, or no more fit, or one needs an answer
 *	depth=0		the same, but only GUEST_PRINTF is queued, since it needs no answer
 *	poll=1		when one needs an answer; the host takes the others while the vCPU runs
 *
 * UCALL_DONE, UCALL_ABORT, ucall_wait() and ucall_shared() need an answer: their message stays
 * where it is, and the host takes it after the queued ones.  The same holds for a message that does
 * not fit, or that a handler sends after interrupting another message on its way into the queue.
 *
 * The exit carries no data: OUT on x86_64 (HLT if OUT would raise #VC: SEV-ES, SEV-SNP;
 * TDG.VP.VMCALL with TDX), DIAG on s390x, and elsewhere a store to an address without memory.
 *
 * struct ucall_queue says why no message is lost or read half written, on any architecture.
 */
#include <ucall/plugin.h>
#include <ucall/queue.h>
#include <ucall/tdx.h>

#define LEAST_LINES 128

/* clang-format off */
UCALL_BACKEND(
	.queue_lines = LEAST_LINES,
	.name = "ring",
	.version = "1.0",
	.summary = "messages queue in shared memory; one exit for many, or none",
	.protections = UCALL_PROTECT_NONE | UCALL_PROTECT_SEV | UCALL_PROTECT_SEV_ES |
		       UCALL_PROTECT_SEV_SNP | UCALL_PROTECT_PKVM | UCALL_PROTECT_TDX,
	.options = {
		{ .name = "depth", .type = UCALL_OPTION_UINT, .max = 4096, .value = "0",
		  .help = "messages per exit; 0: queues only GUEST_PRINTF, exits for any other" },
		{ .name = "poll", .type = UCALL_OPTION_BOOL, .value = "0",
		  .help = "1: the vCPU runs in a thread of its own, while the host takes messages" },
		{ .name = "port", .type = UCALL_OPTION_UINT, .max = 0xffff, .value = "0x3f8",
		  .help = "x86_64: the I/O port of the exit" },
		{ .name = "gpa", .type = UCALL_OPTION_UINT, .max = 0xfffffffff8, .value = "0xd0000000",
		  .help = "aarch64, riscv64: guest-physical address of the exit, a multiple of 8" },
	});
/* clang-format on */

enum { PARAM_DEPTH, PARAM_PRINTF_ONLY, PARAM_TRIES, PARAM_HOW, PARAM_WHERE };
#define PARAM_CALL PARAM_WHERE /* EXIT_TDVMCALL: it and the next three, R11 to R14 of the call */

/* How an x86_64 guest exits: OUT, or what it needs instead of it. */
enum { EXIT_OUT, EXIT_HALT, EXIT_TDVMCALL };

#define FUNCTION 0x501 /* of DIAG */

/* Guest. */
UCALL_INLINE int needs_answer(const struct ucall *uc, const struct ucall_bell *bell)
{
	if (uc->cmd == UCALL_DONE || uc->cmd == UCALL_ABORT || (uc->flags & UCALL_WAIT))
		return 1;
	return uc->cmd != UCALL_PRINTF && bell->param[PARAM_PRINTF_ONLY];
}

UCALL_INLINE void leave(struct ucall *uc, const struct ucall_bell *bell)
{
#if defined(__x86_64__)
	if (bell->param[PARAM_HOW] == EXIT_HALT)
		__asm__ volatile("hlt" : : : "memory");
	else if (bell->param[PARAM_HOW] == EXIT_TDVMCALL)
		ucall_tdvmcall_ring(bell, &bell->param[PARAM_CALL], 0);
	else
		__asm__ volatile("outb %%al, %w0" : : "d"(bell->param[PARAM_WHERE]) : "memory");
#elif defined(__s390x__)
	__asm__ volatile("diag %0,0,0x501" : : "d"(uc) : "memory");
#else
	*(volatile uint64_t *)bell->param[PARAM_WHERE] = (uint64_t)uc;
#endif
}

UCALL_INLINE void relax(void)
{
#if defined(__x86_64__)
	__asm__ volatile("pause" : : : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("yield" : : : "memory");
#else
	__asm__ volatile("" : : : "memory");
#endif
}

UCALL_DOORBELL static void ring_send(struct ucall *uc, const struct ucall_bell *bell)
{
	struct ucall_queue *q = ucall_bell_queue(bell);
	uint64_t tries = bell->param[PARAM_TRIES];
	uint32_t flush;

	if (uc == &ucall_bell_mailbox(bell)->uc && !needs_answer(uc, bell)) {
		enum ucall_queue_put put = ucall_queue_put(q, uc);

		/* Waits: the host is taking messages, or it sleeps and there is no hurry. */
		for (; put == UCALL_QUEUE_FULL && tries; tries--) {
			relax();
			put = ucall_queue_put(q, uc);
		}
		if (put == UCALL_QUEUE_DONE) {
			if (++q->waiting < bell->param[PARAM_DEPTH])
				return;
			/* A handler may do the same before the exit. */
			flush = q->flush;
			*(volatile uint32_t *)&q->flush = 1;
			q->waiting = 0;
			leave(uc, bell);
			*(volatile uint32_t *)&q->flush = flush;
			return;
		}
	}
	q->waiting = 0;
	leave(uc, bell);
}

UCALL_GUEST_CODE(NULL, ring_send);

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <stdlib.h>

/* Host. */
struct ring {
	uint64_t port, gpa;
	int how;
};

#define NEVER UINT32_MAX
#define TRIES 1000 /* as long as a few exits take */

/* Most messages take one to four lines. */
static uint32_t lines_for(uint64_t depth)
{
	uint32_t lines = LEAST_LINES;

	while (lines < 2 * depth && lines < UCALL_QUEUE_LINES_MAX)
		lines *= 2;
	return lines;
}

/* A write of one byte to the port. */
static int set_call(struct ucall_vm *vm, uint64_t port)
{
	const uint64_t call[] = { UCALL_TDVMCALL_IO, 1, 1, port };

	for (unsigned int i = 0; i < 4; i++)
		if (ucall_vm_set_param(vm, PARAM_CALL + i, call[i]))
			return -1;
	return ucall_vm_set_param(vm, PARAM_HOW, EXIT_TDVMCALL);
}

/* Chooses where and how the guest exits. */
static int set_exit(struct ucall_vm *vm, const struct ucall_args *args, struct ring *ring)
{
	const bool closed = ucall_vm_closes_registers(vm);
	uint64_t where;

	ring->port = ucall_args_uint(args, "port");
	ring->gpa = ucall_args_uint(args, "gpa");
	switch (ucall_arch_bit(ucall_vm_arch(vm))) {
	case UCALL_ARCH_X86_64:
		if (ucall_vm_protection_bit(vm) == UCALL_PROTECT_TDX)
			ring->how = EXIT_TDVMCALL;
		else if (closed)
			ring->how = EXIT_HALT;
		if (ring->how == EXIT_TDVMCALL && ucall_vm_ring(vm) != 0)
			return ucall_fail(EOPNOTSUPP,
					  "with TDX it exits by TDCALL, which needs ring 0");
		if (ring->how == EXIT_HALT && (ucall_vm_ring(vm) != 0 || ucall_vm_has_irqchip(vm)))
			return ucall_fail(EOPNOTSUPP, "with SEV-ES and SEV-SNP it exits by HLT, "
						      "which needs ring 0 and no "
						      "in-kernel interrupt controller (irqchip)");
		where = ring->port;
		break;
	case UCALL_ARCH_S390X:
		if (ucall_vm_ring(vm) != 0)
			return ucall_fail(
				EOPNOTSUPP,
				"it exits by DIAG, which needs guest functions in ring 0");
		where = 0;
		break;
	default:
		if (ring->gpa % 8)
			return ucall_fail(EINVAL, "option gpa=0x%llx is not a multiple of 8",
					  (unsigned long long)ring->gpa);
		where = ucall_vm_map_device(vm, ring->gpa, 8);
		if (!where)
			return -1;
	}
	if (ring->how == EXIT_TDVMCALL)
		return set_call(vm, ring->port);
	return ucall_vm_set_param(vm, PARAM_HOW, (uint64_t)ring->how) ||
			       ucall_vm_set_param(vm, PARAM_WHERE, where)
		       ? -1
		       : 0;
}

static int set_queue(struct ucall_vm *vm, const struct ucall_args *args)
{
	uint64_t depth = ucall_args_uint(args, "depth");
	bool poll = ucall_args_uint(args, "poll"), printf_only = !depth && !poll;

	if (ucall_vm_is_attached(vm) && (poll || depth != 1))
		return ucall_fail(EOPNOTSUPP, "the owner of an attached VM takes one message with "
					      "each exit: use ring,depth=1, "
					      "without poll");
	if (!depth)
		depth = poll ? 256 : 32;
	return ucall_vm_set_param(vm, PARAM_DEPTH, poll ? NEVER : depth) ||
			       ucall_vm_set_param(vm, PARAM_PRINTF_ONLY, printf_only) ||
			       ucall_vm_set_param(vm, PARAM_TRIES, poll ? TRIES : 0) ||
			       ucall_vm_set_queue(vm, lines_for(depth), poll)
		       ? -1
		       : 0;
}

static int ring_init(struct ucall_vm *vm, const struct ucall_args *args)
{
	struct ring *ring = calloc(1, sizeof(*ring));

	if (!ring)
		return ucall_fail(ENOMEM, "out of memory");
	if (set_exit(vm, args, ring) || set_queue(vm, args)) {
		free(ring);
		return -1;
	}
	ucall_vm_set_backend_data(vm, ring);
	return 0;
}

static void ring_uninit(struct ucall_vm *vm)
{
	free(ucall_vm_backend_data(vm));
}

static int ring_recv(struct ucall_vcpu *vcpu, const struct ucall_exit *exit)
{
	const struct ring *ring = ucall_vm_backend_data(ucall_vcpu_vm(vcpu));

	switch (exit->reason) {
	case UCALL_EXIT_HALT:
		return ring->how == EXIT_HALT;
	case UCALL_EXIT_IO:
		return ucall_exit_is_out(exit, ring->port, 1);
	case UCALL_EXIT_DIAG:
		return exit->u.diag.code == FUNCTION;
	case UCALL_EXIT_MMIO:
		return ucall_exit_is_store(exit, ring->gpa, 8);
	default:
		return 0;
	}
}

const struct ucall_ops ucall_ops = {
	UCALL_OPS,
	.init = ring_init,
	.uninit = ring_uninit,
	.send_cmd_shared = ring_send,
	.recv_cmd_shared = ring_recv,
};
#endif
