/* SPDX-License-Identifier: MIT */
/*
 * A VM that is traced: each run of a vCPU with the exit that ended it, each message that the host
 * received, and the guest's own spans.  The file is written by a module.
 *
 * A traced VM has its own copy of its engine's functions, and of its ports'; other VMs have no code of
 * this on their path.
 */
#ifndef LIBUCALL_TRACE_H
#define LIBUCALL_TRACE_H

#include "channel/channel.h"

struct ucall_own_vm; /* own.h */
struct ucall_own_vcpu;

/* Times are in ns of CLOCK_MONOTONIC. */
struct ucall_trace_run {
	unsigned int vcpu;
	int64_t start, end;
	const char *exit; /* what ended it, in words */
	uint64_t pc; /* 0: closed to the host */
};

struct ucall_trace_message {
	unsigned int vcpu;
	int64_t time; /* when the host took it */
	const char *text; /* "SYNC 1" */
	uint64_t bytes;
	bool by_exit; /* it came with the vCPU's last run */
};

struct ucall_trace_span {
	unsigned int vcpu;
	int64_t time; /* of the host's clock, unless `guest_time` */
	bool is_begin;
	bool guest_time; /* `time` is the guest's counter in ns; it is tied to the host's by: */
	int64_t tie_guest, tie_host; /* two readings at the same moment */
	const char *name;
};

/* The trace module's symbol, `ucall_trace`. */
struct ucall_trace_file;
struct ucall_trace_writer {
	const char *version; /* of libucall: both are built together */
	/* `vm`: how the VM is named, such as "pio, x86_64, kvm".  NULL after ucall_fail(). */
	struct ucall_trace_file *(*open)(const char *path, bool append, const char *vm);
	/* These may be called from several threads. */
	void (*run)(struct ucall_trace_file *f, const struct ucall_trace_run *run);
	void (*message)(struct ucall_trace_file *f, const struct ucall_trace_message *message);
	void (*span)(struct ucall_trace_file *f, const struct ucall_trace_span *span);
	int (*flush)(
		struct ucall_trace_file *f); /* -1 after ucall_fail() if anything was not written */
	void (*close)(struct ucall_trace_file *f);
};

/* A vCPU's part: in struct ucall_own_vcpu. */
struct ucall_trace_cpu {
	struct ucall_port_ops ops; /* the port's */
	const struct ucall_port_ops *usual;
	int exited; /* atomic: since the last message */
};

/* UCALL_TRACE, if it is set.  -1 after ucall_fail(). */
int ucall_trace_open(struct ucall_own_vm *vm);
/* `inherited`: in a forked child, which writes nothing. */
void ucall_trace_close(struct ucall_own_vm *vm, bool inherited);
/* A new vCPU, whose port is open. */
void ucall_trace_add(struct ucall_own_vcpu *vcpu);

#endif
