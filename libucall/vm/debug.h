/* SPDX-License-Identifier: MIT */
/*
 * A VM under a debugger.  The debugger has a thread of its own (the gdb module's); this layer stops
 * and resumes the vCPUs for it, and gives it their registers and memory.
 *
 * A debugged VM has its own struct ucall_machine_ops and struct ucall_port_ops, which call the usual
 * ones; other VMs have no code of this on their path.
 *
 * When one vCPU stops, all do: those that run are kicked, and those that the program is about to run
 * wait.  The program itself goes on until it runs a vCPU.
 */
#ifndef LIBUCALL_DEBUG_H
#define LIBUCALL_DEBUG_H

#include "base/text.h"
#include "channel/channel.h"

struct ucall_own_vm; /* own.h */
struct ucall_own_vcpu;
struct ucall_debug;

enum ucall_debug_why {
	UCALL_STOP_NONE,
	UCALL_STOP_ASKED, /* by the debugger, or before the first instruction */
	UCALL_STOP_STEP,
	UCALL_STOP_BREAKPOINT,
	UCALL_STOP_WATCHPOINT,
	UCALL_STOP_FAULT, /* the guest went wrong; the program has not been told yet */
	UCALL_STOP_MESSAGE, /* the host has received a message; the program has not been told yet */
};

struct ucall_debug_stop {
	enum ucall_debug_why why;
	unsigned int vcpu;
	uint64_t address; /* of the watched memory */
	int signal; /* as GDB numbers them */
	char text[256]; /* the fault, or the message */
};

enum ucall_debug_action {
	UCALL_DEBUG_GO,
	UCALL_DEBUG_HOLD, /* this vCPU does not run while others do */
	UCALL_DEBUG_STEP, /* until the program counter is not in [start, end) any more */
};

/* A vCPU's part: in struct ucall_own_vcpu. */
struct ucall_debug_cpu {
	struct ucall_port_ops ops; /* the port's */
	const struct ucall_port_ops *usual;
	bool running; /* in the engine */
	int kicked; /* atomic: by the program */
	bool user_stepping; /* ucall_vcpu_set_stepping() */
	bool was_stepped; /* its last run ended with a debug exit */
	bool emulates; /* the engine cannot have all breakpoints: it steps instead */
	unsigned int generation; /* of the breakpoints that the engine has */
	enum ucall_debug_action action;
	uint64_t start, end;
	bool is_held; /* an exit came while the vCPU left a doorbell: the next run ends with it */
	struct ucall_exit held;
	struct ucall_debug_stop pending; /* not told yet, as another vCPU's stop came first */
};

/* What the debugger's thread calls.  Those that return int: 0, or -1 after ucall_fail(). */
struct ucall_debug_ops {
	/* Readable when a stop is complete; take_stop() then says which, or 0: none. */
	int (*event)(const struct ucall_debug *d);
	int (*take_stop)(struct ucall_debug *d, struct ucall_debug_stop *stop);
	/* A debugger has come, and the VM stops; it has gone, and the VM goes on without it. */
	void (*attach)(struct ucall_debug *d);
	void (*detach)(struct ucall_debug *d);
	void (*interrupt)(struct ucall_debug *d);

	/* While the VM is stopped. */
	const struct ucall_arch *(*arch)(const struct ucall_debug *d);
	unsigned int (*vcpus)(
		struct ucall_debug *d); /* their number; 0 before the first is added */
	void (*set_action)(struct ucall_debug *d, unsigned int vcpu, enum ucall_debug_action action,
			   uint64_t start, uint64_t end);
	void (*resume)(struct ucall_debug *d);
	int (*get_regs)(struct ucall_debug *d, unsigned int vcpu, struct ucall_frame *frame);
	int (*set_regs)(struct ucall_debug *d, unsigned int vcpu, const struct ucall_frame *frame);
	int (*read)(struct ucall_debug *d, unsigned int vcpu, uint64_t gva, void *to, size_t size);
	int (*write)(struct ucall_debug *d, unsigned int vcpu, uint64_t gva, const void *from,
		     size_t size);
	int (*set_breakpoint)(struct ucall_debug *d, uint64_t gva, bool on);
	/* Stops when the memory changes. */
	int (*set_watchpoint)(struct ucall_debug *d, uint64_t gva, uint64_t size, bool on);
	/* "vCPU 0, faulted" */
	void (*describe_vcpu)(struct ucall_debug *d, unsigned int vcpu, struct ucall_text *text);
	/* Carries out a `monitor` command and adds what it prints. */
	void (*monitor)(struct ucall_debug *d, const char *command, struct ucall_text *text);
	/* The guest's ELF file.  Its auxiliary vector's size, 0 if it needs none. */
	int (*program)(struct ucall_debug *d, char *path, size_t size);
	size_t (*auxv)(struct ucall_debug *d, uint64_t *auxv);
};

#define UCALL_AUXV_WORDS 12

/* The gdb module's symbol, `ucall_gdb`. */
struct ucall_gdb_server;
struct ucall_gdb {
	const char *version; /* of libucall: both are built together */
	/*
	 * Serves debuggers that connect to `listener`, one at a time, in a new thread; stop() ends it,
	 * telling a debugger that is there that the guest has ended.  NULL after ucall_fail().
	 */
	struct ucall_gdb_server *(*start)(const struct ucall_debug_ops *ops, struct ucall_debug *d,
					  int listener);
	void (*stop)(struct ucall_gdb_server *server);
	void (*drop)(
		struct ucall_gdb_server *server); /* in a forked child, which has no such thread */
};

/* Waits for a debugger if UCALL_GDB is set.  -1 after ucall_fail(). */
int ucall_debug_open(struct ucall_own_vm *vm);
/* Ends it: the VM goes on without a debugger. */
void ucall_debug_close(struct ucall_own_vm *vm, bool inherited);
/* A new vCPU, whose port is open. */
void ucall_debug_add(struct ucall_own_vcpu *vcpu);
/* It has been restarted or restored: forgets stops and exits of before. */
void ucall_debug_reset(struct ucall_own_vcpu *vcpu);

/*
 * Called around a change of a vCPU's state by the program, such as a restart: begin() waits while the VM
 * is stopped, and no debugger can stop it until end().
 */
void ucall_debug_begin(struct ucall_own_vm *vm);
void ucall_debug_end(struct ucall_own_vm *vm);

#endif
