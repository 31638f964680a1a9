/* SPDX-License-Identifier: MIT */
/* The core's two objects. */
#ifndef LIBUCALL_VM_H
#define LIBUCALL_VM_H

#include <pthread.h>

#include <ucall/plugin.h>

#include "arch/arch.h"
#include "engine.h"

struct ucall_backend; /* a loaded plugin: backend.h */
struct ucall_image; /* a separate guest ELF: image.h */
struct ucall_region; /* regions.h */
struct ucall_runner; /* runner.h */
struct ucall_snapshot; /* snapshot.c */
struct ucall_protection; /* protect.h */
struct ucall_protect_ops;

struct ucall_memory {
	void *mapping; /* what was reserved: 1 MiB more than `size` */
	uint8_t *base; /* the host's view of guest-physical address 0 */
	size_t size;
	uint64_t next; /* guest-physical address of the first page that is free */
	uint64_t end; /* and after the last: shared pages of a VM with encrypted memory lie above it */
	/*
	 * Encrypted memory: this bit of a guest-physical address says "private", in page tables and in
	 * all addresses that the core hands around; 0: there is none.
	 */
	uint64_t c_bit;
	uint8_t *private_base; /* as `base`, of addresses with the bit */
	void *private_mapping; /* NULL: it is the same memory */
	uint64_t heap; /* guest-virtual address of the next allocation */
	uint64_t root; /* page tables of all but the vCPUs' own mailbox slots; flat: 0 */
	struct ucall_region *regions; /* of a flat guest, and with encrypted memory */
	size_t region_count; /* atomic */
	unsigned int stacks, roots; /* given out; not again, if adding a vCPU fails */
};

struct ucall_vm {
	const struct ucall_engine *engine;
	const struct ucall_arch *arch;
	char *engine_reason; /* why this engine */
	void *engine_data; /* the engine's own */
	unsigned int process; /* whose it is: process.h */
	bool inherited; /* it is being freed in a child of that process: only memory and descriptors */
	bool flat; /* no page tables and no exception stubs of the core */
	struct ucall_image *image; /* NULL: the guest is the program itself */
	uint64_t return_address; /* where guest functions return to */

	pthread_mutex_t lock; /* memory, page tables, the list of vCPUs */
	struct ucall_memory memory;
	struct ucall_vcpu *vcpus; /* the newest first */
	unsigned int vcpu_count;

	const struct ucall_protection *protection; /* never NULL */
	const struct ucall_protect_ops *protect; /* the engine's; NULL: memory is not encrypted */
	struct ucall_args *protect_args;
	void *protect_data; /* the engine's own */
	bool launched; /* atomic: set-up is over; from the beginning, if nothing ends it */
	uint8_t measurement[64];
	int measurement_size;
	bool guest_vc;

	bool irqchip, nested;
	int ring;
	int timeout_ms;
	FILE *output;

	enum ucall_via via;
	const struct ucall_backend *backend; /* NULL: the program's own */
	char *backend_name;
	struct ucall_ops ops; /* a copy, zero beyond the plugin's size */
	struct ucall_args *args;
	bool backend_ready; /* init() succeeded: uninit() is due */
	void *backend_data;
	uint32_t queue_lines; /* of each vCPU's queue; 0: there is none */
	bool queue_polled; /* while its vCPU runs, in a thread of its own */
	struct ucall_snapshot *snapshot; /* NULL: there is none */
	uint64_t code; /* guest-physical address and size of the backend's guest code */
	size_t code_size;
	struct ucall_bell *bell;
	uint64_t bell_gpa;

	void *arch_data; /* the host's view of the architecture's VM-wide pages */
	uint64_t arch_gpa;
	uint64_t vc_gpa; /* x86_64: pages of the core's #VC handler; 0: there is none */
};

/* The state in which a vCPU starts. */
struct ucall_boot {
	uint64_t entry;
	uint64_t sp;
	uint64_t root; /* flat: what its own regions are marked with */
	uint64_t tls;
	uint64_t args[6];
};

/* How a run ended: told when the messages that it left in the queue are taken. */
struct ucall_outcome {
	bool there;
	bool late; /* there were some */
	int result, error; /* as struct ucall_engine.run, and errno */
	char text[512]; /* ucall_error(), of errors that are not the guest's; a thread has its own */
};

/* Where the host is in a queue, in lines as struct ucall_queue counts them. */
struct ucall_queue_place {
	uint64_t taken;
	uint64_t told; /* of these, what the guest knows */
	uint64_t put; /* the guest's, when it was last read */
};

struct ucall_vcpu {
	struct ucall_vm *vm;
	struct ucall_vcpu *next;
	void *engine_data; /* the engine's own */
	void *arch_data; /* the architecture's own */
	void *protect_data; /* the engine's own */
	struct ucall_mailbox *mailbox; /* the host's view; the guest writes it at any time */
	struct ucall_queue *queue; /* likewise; NULL: there is none */
	struct ucall_queue_place place;
	struct ucall_outcome later;
	struct ucall_runner *runner;
	int kicked; /* atomic; of a vCPU with a runner */
	struct ucall_exit exit;
	struct ucall_fault_info fault;
	char *report; /* the fault in full, NULL if there is none */
	bool dead; /* it faulted: only a restart helps */
	bool backend_ready; /* vcpu_init() succeeded: vcpu_fini() is due */
	struct ucall_boot boot;
	unsigned int number;
};

/* Is its private memory encrypted by now? */
static inline bool ucall_vm_is_closed(const struct ucall_vm *vm)
{
	return vm->memory.c_bit && __atomic_load_n(&vm->launched, __ATOMIC_ACQUIRE);
}

/* On the thread that ran the vCPU; keeps errno. */
void ucall_outcome_set(struct ucall_outcome *outcome, int result);

#endif
