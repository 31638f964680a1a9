/* SPDX-License-Identifier: MIT */
/*
 * A channel carries messages between a machine's guest and its host; its backend is the doorbell.
 * Each vCPU has a port.  What a channel needs from the machine is in machine-ops.h.
 */
#ifndef LIBUCALL_CHANNEL_H
#define LIBUCALL_CHANNEL_H

#include <stdio.h>

#include "base/limit.h"
#include "machine-ops.h"

struct ucall_port;
struct ucall_backend; /* a loaded plugin: plugin/backend.h */
struct ucall_queued; /* queued.c */

struct ucall_channel {
	struct ucall_vm *vm; /* the public handle, for backends */
	const struct ucall_machine_ops *machine;
	void *data; /* the machine */
	struct ucall_traits traits;
	unsigned int process; /* its owner: base/process.h */
	/* guest address of the shared area: UCALL_MAILBOX_ADDRESS, unless an owner chose another */
	uint64_t address;

	FILE *output; /* for GUEST_PRINTF; NULL: stdout */
	int timeout_ms; /* atomic: a debugger turns it off */
	enum ucall_via via;

	const struct ucall_backend *backend; /* NULL: the program's own */
	char *backend_name;
	struct ucall_ops ops; /* a copy, zero beyond the plugin's size */
	struct ucall_args *args;
	bool backend_ready; /* init() succeeded: uninit() is due */
	void *backend_data;
	uint32_t queue_lines; /* of each vCPU's queue; 0: no queue */
	bool queue_polled; /* messages are taken while the vCPU runs, in its own thread */
	struct ucall_bell *bell;
};

/* How messages arrive: with exits (run.c, receive.c), or through a queue (queued.c). */
struct ucall_port_ops {
	int (*run)(struct ucall_port *port,
		   struct ucall_limit *limit); /* until there is a message, or an exit */
	/* As get_ucall(); if `only` is set, only a message at that guest address. */
	int (*receive)(struct ucall_port *port, const uint64_t *only, struct ucall *uc);
	void (*kick)(struct ucall_port *port);
	void (*stop)(struct ucall_port *port); /* returns when the vCPU has stopped */
	void (*reset)(struct ucall_port *port); /* forgets all messages */
	void (*close)(struct ucall_port *port, bool inherited);
};

struct ucall_port {
	struct ucall_channel *channel;
	struct ucall_vcpu *vcpu; /* the public handle, for backends */
	void *cpu; /* the machine's */
	const struct ucall_port_ops *ops;
	unsigned int number;
	const struct ucall_exit *exit; /* the last exit; the machine owns it */
	/* The host's view; the guest may write to it at any time.  NULL: no mailbox. */
	struct ucall_mailbox *mailbox;
	struct ucall_queued *queued; /* NULL: no queue */
	bool backend_ready; /* vcpu_init() succeeded: vcpu_fini() is due */
};

extern const struct ucall_port_ops ucall_port_plain; /* run.c */

static inline int ucall_channel_timeout(const struct ucall_channel *channel)
{
	return __atomic_load_n(&channel->timeout_ms, __ATOMIC_RELAXED);
}

/* A debugger may have come or gone since the call began: its time starts anew. */
static inline void ucall_channel_renew(const struct ucall_channel *channel,
				       struct ucall_limit *limit)
{
	const int ms = ucall_channel_timeout(channel);

	if (limit->ms != ms)
		*limit = (struct ucall_limit){ .ms = ms };
}

/* Bytes that a plugin's guest code takes in the guest, in whole pages. */
size_t ucall_channel_code_size(const struct ucall_channel *channel);

/* Where this guest has what the guest ABI puts at address `usual`. */
static inline uint64_t ucall_channel_address(const struct ucall_channel *channel, uint64_t usual)
{
	return channel->address + (usual - UCALL_MAILBOX_ADDRESS);
}

/* Functions return 0, or -1 after ucall_fail(). */

/*
 * Chooses the backend, and refuses one that cannot serve this VM.  The caller has set vm, machine,
 * data, traits and via.
 */
int ucall_channel_choose(struct ucall_channel *channel, const char *backend,
			 const struct ucall_ops *ops, const char *ops_options);
/* Sets up the bell page and the backend's guest code, and calls its init(). */
int ucall_channel_open(struct ucall_channel *channel);
/*
 * Calls its uninit() if it is due.  `inherited`: in a forked child, where backend functions are
 * not called.
 */
void ucall_channel_close(struct ucall_channel *channel, bool inherited);

/* Sets up the vCPU's mailbox and queue; the caller has set vcpu, cpu, number and exit. */
int ucall_port_open(struct ucall_port *port, struct ucall_channel *channel);
/* Calls the backend's vcpu_init(). */
int ucall_port_start(struct ucall_port *port);
/* Calls its vcpu_fini() if it is due.  The port may be only partly set up. */
void ucall_port_leave(struct ucall_port *port, bool inherited);
void ucall_port_close(struct ucall_port *port, bool inherited);
/* For a vCPU that is restarted. */
void ucall_port_reset(struct ucall_port *port);

/* True if the last exit is the backend's.  *where: the value it carried, if sent by address. */
bool ucall_port_rang(struct ucall_port *port, uint64_t *where);
/* The guest address of the last exit's message; 0 if the exit is not a ucall. */
uint64_t ucall_port_find(struct ucall_port *port);
/* Takes the message at gva; returns as get_ucall(). */
int ucall_port_take(struct ucall_port *port, uint64_t gva, struct ucall *uc);
/* Counts a message, for diagnosis. */
void ucall_port_count(struct ucall_port *port);

#endif
