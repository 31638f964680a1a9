/* SPDX-License-Identifier: MIT */
/*
 * A machine: a VM that libucall itself runs, with its memory, image and vCPUs.  It does not know
 * about messages: channels are built on it through the callbacks in channel/machine-ops.h.
 */
#ifndef LIBUCALL_MACHINE_H
#define LIBUCALL_MACHINE_H

#include <pthread.h>

#include <ucall/plugin.h>

#include "arch/arch.h"
#include "engine.h"
#include "pages.h"

struct ucall_image; /* a separate guest ELF: image.h */
struct ucall_protection; /* protect/protect.h */
struct ucall_guard; /* protect/guard.h */
struct ucall_snapshot; /* snapshot.c */
struct ucall_stub_cpu; /* arch/stubs.h */

/* The phases of a machine's life.  Only ucall_machine_finish() and _launch() end the first. */
enum ucall_phase {
	UCALL_SETTING_UP,
	UCALL_LAUNCHED,
};

/* KVM's memory slots for backends; the machine uses the others. */
#define UCALL_BACKEND_SLOT 16
#define UCALL_BACKEND_SLOTS 16

static inline bool ucall_is_backends_slot(uint32_t slot)
{
	return slot >= UCALL_BACKEND_SLOT && slot < UCALL_BACKEND_SLOT + UCALL_BACKEND_SLOTS;
}

/* Memory at the same guest address in every vCPU's own slot of the address space. */
struct ucall_common {
	uint64_t gva, gpa;
	size_t size;
	unsigned int prot; /* UCALL_MAP_ */
};

#define UCALL_COMMON_MAX 4

struct ucall_machine {
	const struct ucall_engine *engine;
	const struct ucall_arch *arch;
	char *engine_reason; /* why this engine */
	void *engine_data; /* the engine's own */
	unsigned int process; /* the owner: base/process.h */
	/* it is being freed in a child of that process: free only memory and descriptors */
	bool inherited;
	bool flat; /* no page tables and no exception stubs of the core */
	struct ucall_image *image; /* NULL: the guest is the program itself */
	struct ucall_coverage *coverage; /* NULL: the host cannot read it, or there is none */
	uint64_t return_address; /* where guest functions return to */

	pthread_mutex_t lock; /* memory, page tables, the list of vCPUs */
	struct ucall_memory memory;
	struct ucall_common common[UCALL_COMMON_MAX];
	unsigned int common_count;
	struct ucall_cpu *vcpus; /* the newest first */
	unsigned int vcpu_count;

	const struct ucall_protection *protection; /* never NULL */
	const struct ucall_guard *guard; /* enforces its rules; NULL: no protection */
	struct ucall_args *protection_options;
	void *guard_data; /* the guard's own */
	enum ucall_phase phase; /* atomic */
	/* set during creation if something can only be set up once all vCPUs exist */
	bool needs_launch;
	uint8_t measurement[64];
	int measurement_size;
	bool guest_vc;

	bool irqchip, nested;
	/* each exit must provide the root of the page tables: messages are passed by address */
	bool wants_root;
	int ring;
	unsigned int slots; /* memory slots that a backend has taken */
	struct ucall_snapshot *snapshot; /* NULL: none was taken */

	/*
	 * Handlers: UCALL_VECTORS guest functions, 0: none.  Fix-ups: guest addresses of struct
	 * ucall_fixup.
	 */
	uint64_t *handlers;
	struct {
		uint64_t start, end;
	} fixups;
	uint64_t stub_code, stub_data,
		arch_gpa; /* pages of exception stubs and the architecture's tables */
};

/* The state in which a vCPU starts. */
struct ucall_boot {
	uint64_t entry;
	uint64_t sp;
	uint64_t root; /* flat: the mark of its own regions */
	uint64_t tls;
	uint64_t args[6];
	/* Guest code that runs first and then calls entry, with its argument; 0: none. */
	uint64_t start, start_arg;
};

struct ucall_cpu {
	struct ucall_machine *vm;
	struct ucall_cpu *next;
	void *engine_data; /* the engine's own */
	void *arch_data; /* the architecture's own */
	bool stepping; /* ucall_vcpu_set_stepping() */
	void *guard_data; /* the guard's own */
	struct ucall_exit exit; /* the last */
	struct ucall_boot boot;
	struct ucall_stub_cpu *stub_cpu; /* the host's view of its exception stubs' data */
	uint64_t shared_page; /* guest-physical address of its protection->vcpu_page; 0: none */
	unsigned int number;
};

/* vm->lock is held.  NULL: there is no such vCPU. */
static inline struct ucall_cpu *ucall_machine_cpu(const struct ucall_machine *vm,
						  unsigned int number)
{
	struct ucall_cpu *cpu = vm->vcpus;

	while (cpu && cpu->number != number)
		cpu = cpu->next;
	return cpu;
}

static inline bool ucall_machine_is_launched(const struct ucall_machine *vm)
{
	return __atomic_load_n(&vm->phase, __ATOMIC_ACQUIRE) == UCALL_LAUNCHED;
}

/* The guest's handler for `vector`, for an engine that delivers exceptions itself; 0: none. */
static inline uint64_t ucall_machine_handler(const struct ucall_machine *vm, uint64_t vector)
{
	uint64_t handler;

	if (vector >= vm->arch->vectors)
		return 0;
	handler = __atomic_load_n(&vm->handlers[vector], __ATOMIC_ACQUIRE);
	if (!handler && vm->arch->handler_class)
		handler = __atomic_load_n(&vm->handlers[vm->arch->handler_class(vector)],
					  __ATOMIC_ACQUIRE);
	return handler;
}

/* True if the host can no longer read its private memory. */
static inline bool ucall_machine_is_encrypted(const struct ucall_machine *vm)
{
	return vm->memory.has_private && ucall_machine_is_launched(vm);
}

/*
 * Functions return 0, or -1 after ucall_fail().  Initialises a machine that is all zeroes; engine
 * and arch may be NULL, to be chosen later.
 */
int ucall_machine_init(struct ucall_machine *vm, const struct ucall_engine *engine,
		       const struct ucall_arch *arch);

/*
 * A machine is created in two steps: the first applies the configuration and chooses image and
 * engine; the second creates the VM, with memory and guest.  In between, a backend is chosen.
 */
int ucall_machine_choose(struct ucall_machine *vm, const struct ucall_vm_config *config);
int ucall_machine_build(struct ucall_machine *vm, const struct ucall_vm_config *config);
/* From here on it can run, unless it needs a launch. */
void ucall_machine_finish(struct ucall_machine *vm);
void ucall_machine_fini(struct ucall_machine *vm); /* its vCPUs are gone; it may be half made */

/* Ends its set-up; vm->lock is held. */
int ucall_machine_launch(struct ucall_machine *vm);

/*
 * Zeroed memory for all vCPUs, present and future, at gva in each one's own slot of the address
 * space; NULL after ucall_fail().
 */
void *ucall_machine_map_common(struct ucall_machine *vm, uint64_t gva, size_t size,
			       unsigned int prot);

/*
 * Adding a vCPU, with vm->lock held: ucall_cpu_map_memory() makes its memory, to which
 * ucall_cpu_map() may add; ucall_cpu_create() makes the vCPU itself and adds it to the list.
 */
int ucall_cpu_map_memory(struct ucall_cpu *vcpu);
int ucall_cpu_create(struct ucall_cpu *vcpu);
/* Zeroed memory for this vCPU only, which the host can always read; NULL after ucall_fail(). */
void *ucall_cpu_map(struct ucall_cpu *vcpu, uint64_t gva, size_t size, unsigned int prot);
/* Parts of a stack for exception handlers, downwards from `top`, each with unmapped memory below. */
int ucall_cpu_map_handler_stack(struct ucall_cpu *vcpu, uint64_t top, unsigned int parts);
void ucall_cpu_fini(struct ucall_cpu *vcpu); /* it may be half made; it is no longer in the list */

/* Fails if it may not run yet; launches the machine if that needs no ucall_vm_launch(). */
int ucall_cpu_check_run(struct ucall_cpu *vcpu);
/* Resets the vCPU to where it started. */
int ucall_cpu_restart(struct ucall_cpu *vcpu);

#endif
