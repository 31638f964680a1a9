/* SPDX-License-Identifier: MIT */
/* ucall bench: what is measured, and the functions for it. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/utsname.h>

#include <ucall/plugin.h>

/* The result of an odd number of measurements. */
struct bench_figure {
	double median, min, max;
};

#define BENCH_ROUNDS 9

/* Sorts `rounds` values. */
struct bench_figure bench_figure(double *values, unsigned int rounds);
double bench_now_ns(void);

/* One backend, in one ring of an engine.  Times are in nanoseconds per ucall; -1: not measured. */
struct bench_row {
	char backend[128]; /* as a config string */
	const char *engine, *arch;
	int ring;
	uint32_t exit; /* of its doorbell: enum ucall_exit_reason */
	struct bench_figure roundtrip; /* GUEST_SYNC to GUEST_SYNC, by ucall_next() */
	struct bench_figure bare; /* the same exit in a loop of only ioctl(KVM_RUN) */
	struct bench_figure ratio; /* roundtrip to bare, within one round */
	double sync_insns, printf_insns; /* guest instructions, single-stepped */
	double ioctls; /* on KVM's descriptors */
	double host_ns; /* outside of KVM_RUN */
	char problem[512]; /* why it was not measured; empty if it was */
};

void bench_backend(struct bench_row *row, bool quick);

/* A VM whose vCPU sends UCALL_SYNC for ever, and has sent one; NULL after ucall_fail(). */
struct ucall_vm *bench_create_syncing(const char *backend, const char *engine, int ring,
				      struct ucall_vcpu **vcpu);
/* A vCPU that makes the same exit, and nothing else, again and again; NULL after ucall_fail(). */
struct ucall_vcpu *bench_add_bare(struct ucall_vm *vm, const struct ucall_exit *exit);
/* Run `count` exits of that, or `count` messages of the other: nanoseconds of each, or -1. */
double bench_run_bare(struct ucall_vcpu *vcpu, unsigned int count);
double bench_run_syncs(struct ucall_vcpu *vcpu, unsigned int count);

/* One queued message, and its ratio to one bare exit. */
struct bench_queue_cost {
	unsigned int depth; /* messages per exit; 0: polled, no exits */
	struct bench_figure each, ratio;
};
#define BENCH_DEPTHS 7
struct bench_queue {
	int in_ring;
	struct bench_figure exit;
	struct bench_queue_cost depths[BENCH_DEPTHS], poll; /* depths: 1, 2, 4 ... 64 */
	char problem[512];
};

void bench_queue(struct bench_queue *queue, bool quick);

/* A ucall with 1, 2 and many VMs that take turns; and its ratio to one VM. */
#define BENCH_TURNS 3
struct bench_turns {
	unsigned int vms[BENCH_TURNS];
	struct bench_figure each[BENCH_TURNS], ratio[BENCH_TURNS];
	char problem[512];
};

void bench_turns(struct bench_turns *several, bool quick);

/* Creating a VM, its first message and freeing it. */
struct bench_creation {
	struct bench_figure create, bare, ratio;
	struct bench_figure restore,
		restore_ratio; /* restoring a snapshot and the next message; ratio to create */
	double memory_kib; /* by which the process grows per VM that has sent its first message */
	char problem[512];
};

void bench_creation(struct bench_creation *creation, bool quick);

/* One more VM while so many are alive; and its ratio to the bare KVM calls. */
#define BENCH_ALIVE 3
struct bench_alive {
	unsigned int vms[BENCH_ALIVE];
	struct bench_figure create[BENCH_ALIVE], bare[BENCH_ALIVE], ratio[BENCH_ALIVE];
	char problem[512];
};

void bench_alive(struct bench_alive *alive, bool quick);

/* All of it; bench.c measures and prints it, svg.c draws it. */
#define BENCH_MAX_ROWS 64
struct bench_results {
	struct bench_row rows[BENCH_MAX_ROWS];
	unsigned int count;
	struct bench_creation creation;
	struct bench_queue queue;
	struct bench_turns several;
	struct bench_alive alive;
	char cpu[128];
	struct utsname host;
};

void bench_write_svg(FILE *f, const struct bench_results *r);

/* ---- KVM, below the library: bench-kvm.c, bench-record.c ---- */

/* Calls of ioctl() that this thread has made. */
extern _Thread_local unsigned long bench_ioctls;

/*
 * While `head` is not NULL, KVM_RUN only pretends that the guest has sent that message again.
 */
struct bench_replay {
	uint64_t *head; /* of the message in the mailbox */
	uint64_t value;
};
extern _Thread_local struct bench_replay bench_replay;

/* The library's KVM calls that set up a VM; for bench_record_repeat(). */
struct bench_recording;
struct bench_recording *bench_record_start(void);
void bench_record_stop(void);
/* Repeats them with bare KVM calls, up to the first exit, and frees the VM.  0, or -1. */
int bench_record_repeat(const struct bench_recording *recording);
void bench_record_free(struct bench_recording *recording);
/* Called by ioctl() before and after each call. */
void bench_record_before(unsigned long request);
void bench_record_after(unsigned long request, const void *arg, int result);

/* ioctl() that is neither counted nor recorded. */
int bench_call(int fd, unsigned long request, const void *arg);

/* Only KVM_RUN, `count` times.  Nanoseconds of each, or -1. */
double bench_bare_run(int vcpu_fd, unsigned int count);

#endif
