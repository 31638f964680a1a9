/* SPDX-License-Identifier: MIT */
/* What differs between guest architectures, for every engine. */
#ifndef LIBUCALL_ARCH_H
#define LIBUCALL_ARCH_H

#include <ucall/plugin.h>

struct ucall_text;

/* Protection of a mapped page, beside being readable. */
#define UCALL_MAP_WRITE 1u
#define UCALL_MAP_EXEC 2u
#define UCALL_MAP_KERNEL 4u /* not for ring 3 */

/* A reference that leaves a backend's guest code. */
struct ucall_escape {
	uint64_t at; /* address of the instruction */
	uint64_t target; /* what it refers to; meaningless with `problem` */
	const char *problem; /* not a reference but this, NULL otherwise */
};

#define UCALL_DWARF_REGS 32

struct ucall_arch {
	const char *name;
	uint32_t bit; /* UCALL_ARCH_ */
	uint16_t machine; /* EM_ */
	bool big_endian;

	/*
	 * Page tables.  map() maps one page, allocating tables below `root`; share() copies the
	 * top-level entry for `gva` from one root to another; walk() looks up one address and
	 * returns 0, or -1 without a message where nothing is mapped.  Every read is bounded by
	 * guest memory: the guest may have written the tables.
	 */
	int (*map)(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa, unsigned int prot);
	void (*share)(struct ucall_vm *vm, uint64_t to, uint64_t from, uint64_t gva);
	int (*walk)(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		    unsigned int *prot);

	/* Descriptor tables and exception stubs: those of the VM, those of a vCPU. */
	int (*vm_init)(struct ucall_vm *vm);
	int (*vcpu_init)(struct ucall_vcpu *vcpu);
	void (*vcpu_reset)(struct ucall_vcpu *vcpu); /* before a restart */
	/* Where a guest function returns to: code that sends UCALL_DONE. */
	uint64_t (*return_address)(void);
	/* Fills the thread control block at host address `tcb`, guest address `gva`. */
	void (*tcb_init)(void *tcb, uint64_t gva);
	/* One line on an exception: its name and its particulars.  Lines with all registers. */
	void (*describe_fault)(const struct ucall_fault_info *fault, struct ucall_text *text);
	void (*describe_regs)(const struct ucall_fault_info *fault, struct ucall_text *text);
	/* Was it the fetch of an instruction at fault->address that failed? */
	bool (*is_fetch)(const struct ucall_fault_info *fault);
	/* Is it due to an instruction of the vector unit?  Is this such an instruction? */
	bool (*is_vector_fault)(const struct ucall_fault_info *fault);
	bool (*is_vector_insn)(const uint8_t *code, size_t size);
	/* The registers in DWARF's order; returns how many. */
	unsigned int (*dwarf_regs)(const struct ucall_fault_info *fault, uint64_t *regs);

	/*
	 * Finds references that leave [address, address + size) in the code there, which is at
	 * `code`.  Returns 0 if there are none, else 1 and the first.
	 */
	int (*find_escape)(const void *code, size_t size, uint64_t address,
			   struct ucall_escape *escape);
	/* The address that the procedure linkage table's entry at `code` jumps by, 0 if it is none. */
	uint64_t (*plt_slot)(const void *code, size_t size, uint64_t address);
};

/* The architecture of this host. */
extern const struct ucall_arch ucall_arch_native;

#endif
