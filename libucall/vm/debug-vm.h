/* SPDX-License-Identifier: MIT */
/*
 * A debugged VM, for the files of debug.h: stops (debug.c), what the debugger does (debug-ops.c), words
 * (debug-text.c), set-up (gdb.c).
 */
#ifndef LIBUCALL_DEBUG_VM_H
#define LIBUCALL_DEBUG_VM_H

#include <pthread.h>
#include <sys/types.h>

#include "debug.h"
#include "message-text.h"

#define UCALL_DEBUG_BREAKPOINTS 1024
#define UCALL_DEBUG_WATCHES 16
#define UCALL_DEBUG_WATCH_SIZE 64
#define UCALL_DEBUG_MESSAGES 16 /* kinds of messages that stop */
#define UCALL_DEBUG_LOG 32 /* messages that are kept for `monitor ucall` */
#define UCALL_DEBUG_LINE (UCALL_MESSAGE_TEXT + 16)

struct ucall_debug_watch {
	uint64_t gva;
	size_t size;
	uint8_t value[UCALL_DEBUG_WATCH_SIZE];
};

struct ucall_debug {
	struct ucall_own_vm *vm;
	struct ucall_machine_ops ops;
	const struct ucall_gdb *gdb; /* the module */
	struct ucall_gdb_server *server;
	char *remove; /* the socket's file; NULL: none */
	dev_t device; /* where it is */
	ino_t inode;
	int event; /* see struct ucall_debug_ops */
	int timeout_ms; /* the VM's, when no debugger is there */
	bool closed; /* its registers: no breakpoints, no steps */
	bool hardware; /* let the engine have breakpoints */

	pthread_mutex_t lock; /* before the machine's */
	pthread_cond_t changed;
	bool attached; /* a debugger is there, or the first one is awaited */
	bool stopped; /* vCPUs stop, or have stopped */
	unsigned int running; /* how many are in the engine */
	struct ucall_debug_stop stop; /* why it is stopped */

	unsigned int generation; /* changes with breakpoints and watchpoints */
	uint64_t breakpoints[UCALL_DEBUG_BREAKPOINTS];
	unsigned int breakpoint_count;
	struct ucall_debug_watch watches[UCALL_DEBUG_WATCHES];
	unsigned int watch_count;
	int messages[UCALL_DEBUG_MESSAGES];
	unsigned int message_count;

	char log[UCALL_DEBUG_LOG][UCALL_DEBUG_LINE];
	uint64_t logged; /* messages in all */
};

extern const struct ucall_debug_ops ucall_debug_ops;

/* A new one, stopped; NULL after ucall_fail().  install() puts it between the VM and its channel. */
struct ucall_debug *ucall_debug_new(struct ucall_own_vm *vm);
void ucall_debug_install(struct ucall_debug *d);
void ucall_debug_release(struct ucall_debug *d); /* lets all vCPUs go, for good */
void ucall_debug_free(struct ucall_debug *d, bool inherited);

/* debug.c, for debug-ops.c; the caller holds d->lock. */
void ucall_debug_tell(struct ucall_debug *d); /* the debugger, if the stop is complete */
void ucall_debug_stop_all(struct ucall_debug *d, const struct ucall_debug_stop *stop);
void ucall_debug_set_attached(struct ucall_debug *d, bool on);
int ucall_debug_read(struct ucall_own_vcpu *v, uint64_t gva, void *to, size_t size);
void ucall_debug_read_watched(struct ucall_own_vcpu *v, const struct ucall_debug_watch *w,
			      uint8_t *to);

#define UCALL_DEBUG_SIGNAL_INT 2 /* as GDB numbers them */
#define UCALL_DEBUG_SIGNAL_TRAP 5

/* debug-text.c; the caller holds d->lock. */
void ucall_debug_log(struct ucall_debug *d, unsigned int vcpu, int cmd, const struct ucall *uc);
const char *ucall_debug_last(const struct ucall_debug *d); /* the last message */
void ucall_debug_monitor(struct ucall_debug *d, const char *command, struct ucall_text *text);
int ucall_own_program(const struct ucall_own_vm *vm, char *path, size_t size);

#endif
