/* SPDX-License-Identifier: MIT */
/*
 * A channel: messages between a machine's guest and its host, and the backend that rings for them.
 * Each vCPU has a port.  What a channel needs of the machine is in machine-ops.h.
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
	unsigned int process; /* whose it is: base/process.h */
	/* of what both sides share: UCALL_MAILBOX_ADDRESS, unless an owner has another place */
	uint64_t address;

	FILE *output; /* of GUEST_PRINTF; NULL: stdout */
	int timeout_ms;
	enum ucall_via via;

	const struct ucall_backend *backend; /* NULL: the program's own */
	char *backend_name;
	struct ucall_ops ops; /* a copy, zero beyond the plugin's size */
	struct ucall_args *args;
	bool backend_ready; /* init() succeeded: uninit() is due */
	void *backend_data;
	uint32_t queue_lines; /* of each vCPU's queue; 0: messages do not queue */
	bool queue_polled; /* while its vCPU runs, in a thread of its own */
	struct ucall_bell *bell;
};

/* How messages come: with exits (run.c, receive.c), or through a queue (queued.c). */
struct ucall_port_ops {
	int (*run)(struct ucall_port *port,
		   struct ucall_limit *limit); /* until there is a message, or an exit */
	/* get_ucall(); with `only`, if its guest address is that. */
	int (*receive)(struct ucall_port *port, const uint64_t *only, struct ucall *uc);
	void (*kick)(struct ucall_port *port);
	void (*stop)(struct ucall_port *port); /* returns when the vCPU does not run */
	void (*reset)(struct ucall_port *port); /* forgets all messages */
	void (*close)(struct ucall_port *port, bool inherited);
};

struct ucall_port {
	struct ucall_channel *channel;
	struct ucall_vcpu *vcpu; /* the public handle, for backends */
	void *cpu; /* the machine's */
	const struct ucall_port_ops *ops;
	unsigned int number;
	const struct ucall_exit *exit; /* the last, the machine's */
	/* As the host sees it; the guest writes it at any time.  NULL: a vCPU without mailbox. */
	struct ucall_mailbox *mailbox;
	struct ucall_queued *queued; /* NULL: messages do not queue */
	bool backend_ready; /* vcpu_init() succeeded: vcpu_fini() is due */
};

extern const struct ucall_port_ops ucall_port_plain; /* run.c */

/* Bytes of a plugin's guest code as it is copied, whole pages. */
size_t ucall_channel_code_size(const struct ucall_channel *channel);

/* Where a part of the guest ABI is in this guest. */
static inline uint64_t ucall_channel_address(const struct ucall_channel *channel, uint64_t usual)
{
	return channel->address + (usual - UCALL_MAILBOX_ADDRESS);
}

/* Functions return 0, or -1 after ucall_fail(). */

/*
 * What the caller has set: vm, machine, data, traits, via.  Chooses the backend; refuses one that
 * cannot serve.
 */
int ucall_channel_choose(struct ucall_channel *channel, const char *backend,
			 const struct ucall_ops *ops, const char *ops_options);
/* The bell page, the backend's guest code, and its init(). */
int ucall_channel_open(struct ucall_channel *channel);
/*
 * Its uninit(), if it is due; `inherited`: in a child of the process, where no backend's function
 * is called.
 */
void ucall_channel_close(struct ucall_channel *channel, bool inherited);

/* The vCPU's mailbox and queue; the caller has set vcpu, cpu, number and exit. */
int ucall_port_open(struct ucall_port *port, struct ucall_channel *channel);
/* The backend's vcpu_init(). */
int ucall_port_start(struct ucall_port *port);
/* Its vcpu_fini(), if it is due.  May be half made. */
void ucall_port_leave(struct ucall_port *port, bool inherited);
void ucall_port_close(struct ucall_port *port, bool inherited);
/* For a vCPU that starts again. */
void ucall_port_reset(struct ucall_port *port);

/* Is the last exit the backend's?  *where: what it carried, if messages come by address. */
bool ucall_port_rang(struct ucall_port *port, uint64_t *where);
/* Is the last exit a ucall, and where is its message?  0: it is not. */
uint64_t ucall_port_find(struct ucall_port *port);
/* The message there; as get_ucall(). */
int ucall_port_take(struct ucall_port *port, uint64_t gva, struct ucall *uc);
/* Counts a message, for diagnosis. */
void ucall_port_count(struct ucall_port *port);

#endif
