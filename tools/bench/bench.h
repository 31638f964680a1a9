/* SPDX-License-Identifier: MIT */
/* ucall bench: what is measured, and by what. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ucall/plugin.h>

/* Of an odd number of measurements. */
struct bench_figure {
	double median, min, max;
};

#define BENCH_ROUNDS 9

/* Of `rounds` values, which are sorted. */
struct bench_figure bench_figure(double *values, unsigned int rounds);
double bench_now_ns(void);

/* One backend, in one ring of an engine.  Times are nanoseconds, of one ucall; -1: not measured. */
struct bench_row {
	char backend[128]; /* as a config string */
	const char *engine, *arch;
	int ring;
	uint32_t exit; /* of its doorbell: enum ucall_exit_reason */
	struct bench_figure roundtrip; /* GUEST_SYNC to GUEST_SYNC, by ucall_next() */
	struct bench_figure bare; /* the same exit in a loop of ioctl(KVM_RUN) alone */
	struct bench_figure ratio; /* of these two in one round */
	double sync_insns, printf_insns; /* guest instructions, single-stepped */
	double ioctls; /* on KVM's descriptors */
	double host_ns; /* outside of KVM_RUN */
	char problem[512]; /* why it was not measured; empty: it was */
};

void bench_backend(struct bench_row *row, bool quick);

/* A VM whose vCPU sends UCALL_SYNC for ever, and has sent one; NULL after ucall_fail(). */
struct ucall_vm *bench_create_syncing(const char *backend, const char *engine, int ring,
				      struct ucall_vcpu **vcpu);
/* A vCPU that makes the same exit, and nothing else, again and again; NULL after ucall_fail(). */
struct ucall_vcpu *bench_add_bare(struct ucall_vm *vm, const struct ucall_exit *exit);
/* `count` exits of that, and `count` messages of the other: nanoseconds of each, or -1. */
double bench_run_bare(struct ucall_vcpu *vcpu, unsigned int count);
double bench_run_syncs(struct ucall_vcpu *vcpu, unsigned int count);

/* Messages that queue, each; and to one bare exit. */
struct bench_queue_cost {
	struct bench_figure each, ratio;
};
struct bench_queue {
	int in_ring;
	struct bench_figure exit;
	struct bench_queue_cost depth, poll; /* an exit for 64; none */
	char problem[512];
};

void bench_queue(struct bench_queue *queue, bool quick);

/* A ucall with 1, 2 and many VMs that take turns; and to that with one. */
#define BENCH_SEVERAL 3
struct bench_several {
	unsigned int vms[BENCH_SEVERAL];
	struct bench_figure each[BENCH_SEVERAL], ratio[BENCH_SEVERAL];
	char problem[512];
};

void bench_several(struct bench_several *several, bool quick);

/* A VM from its creation to its first message and its end. */
struct bench_creation {
	struct bench_figure create, bare, ratio;
	struct bench_figure restore,
		restore_ratio; /* back to a snapshot and the next message; to create */
	double memory_kib; /* that the process grows by, for each VM that has sent its first message */
	char problem[512];
};

void bench_creation(struct bench_creation *creation, bool quick);

/* One more VM while so many are alive; and to KVM's own calls for it. */
#define BENCH_ALIVE 3
struct bench_alive {
	unsigned int vms[BENCH_ALIVE];
	struct bench_figure create[BENCH_ALIVE], bare[BENCH_ALIVE], ratio[BENCH_ALIVE];
	char problem[512];
};

void bench_alive(struct bench_alive *alive, bool quick);

/* ---- KVM, below the library: bench-kvm.c, bench-record.c ---- */

/* Calls of ioctl() that this thread has made. */
extern _Thread_local unsigned long bench_ioctls;

/*
 * While `head` is not NULL KVM_RUN does nothing but say that the guest has sent that message once more.
 */
struct bench_replay {
	uint64_t *head; /* of the message in the mailbox */
	uint64_t value;
};
extern _Thread_local struct bench_replay bench_replay;

/* The set-up of a VM, as it was asked of KVM by the library; for bench_repeat(). */
struct bench_recording;
struct bench_recording *bench_record_start(void);
void bench_record_stop(void);
/* Does the same once more by ioctl() alone, up to the first exit and the end.  0, or -1. */
int bench_record_repeat(const struct bench_recording *recording);
void bench_record_free(struct bench_recording *recording);
/* For ioctl(), around the call. */
void bench_record_before(unsigned long request);
void bench_record_after(unsigned long request, const void *arg, int result);

/* ioctl() that is neither counted nor noted. */
int bench_call(int fd, unsigned long request, const void *arg);

/* KVM_RUN and nothing else, `count` times.  Nanoseconds of each, or -1. */
double bench_bare_run(int vcpu_fd, unsigned int count);

#endif
