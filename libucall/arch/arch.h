/* SPDX-License-Identifier: MIT */
/*
 * What differs between guest architectures, for every engine.  Every host has all four; only the
 * host's own also has a struct ucall_native: what the core runs in guests of that architecture.
 */
#ifndef LIBUCALL_ARCH_H
#define LIBUCALL_ARCH_H

#include <ucall/plugin.h>

struct ucall_text;
struct ucall_memory; /* machine/pages.h */
struct ucall_machine;
struct ucall_cpu;

/* Protection of a mapped page.  All pages are readable. */
#define UCALL_MAP_WRITE 1u
#define UCALL_MAP_EXEC 2u
#define UCALL_MAP_KERNEL 4u /* not for ring 3 */
#define UCALL_MAP_DEVICE 8u /* not memory: accesses exit */
#define UCALL_MAP_SHARED \
	16u /* with the host; makes a difference only if the VM has private memory */

/* The kind of a guest's faulting memory access. */
enum ucall_access { UCALL_ACCESS_READ, UCALL_ACCESS_WRITE, UCALL_ACCESS_FETCH };

/* A reference that leaves a backend's guest code. */
struct ucall_escape {
	uint64_t at; /* address of the instruction */
	uint64_t target; /* what it refers to, unless `problem` is set */
	const char *problem; /* why the code cannot be checked; NULL: it is a reference */
};

/* A register as GDB wants it, in the order of its target descriptions (GDB manual, appendix G.5). */
enum ucall_register_kind {
	UCALL_REGISTER_UNKNOWN, /* the frame does not have it */
	UCALL_REGISTER_GPR,
	UCALL_REGISTER_PC,
	UCALL_REGISTER_SP,
	UCALL_REGISTER_FLAGS,
};

struct ucall_register {
	const char *name; /* NULL: the end of the list */
	uint8_t kind, index; /* index: of gpr[] */
	uint16_t bits;
	const char *type; /* NULL: int */
	const char *feature; /* the feature that begins with it */
};

#define UCALL_REGISTER(name, kind, index, bits, type) \
	{ \
		name, UCALL_REGISTER_##kind, index, bits, type, NULL \
	}

#define UCALL_DWARF_REGS 33
#define UCALL_CORE_REGS 34 /* at most */
#define UCALL_NO_PAGE UINT64_MAX /* no address of a page */

struct ucall_arch {
	const char *name;
	uint32_t bit; /* UCALL_ARCH_ */
	uint16_t machine; /* EM_ */
	bool big_endian;
	unsigned int vectors; /* count of exception and interrupt numbers, see UCALL_VECTORS */
	/* The vector whose handler serves `vector` if that has none.  NULL: no other. */
	unsigned int (*handler_class)(uint64_t vector);
	unsigned int result_register; /* gpr[] that holds a function's result */
	/* The gpr[] that holds a return address at a function's start; 0: the stack holds it. */
	unsigned int link_register;

	/*
	 * Page tables.  new_root() gives the address of an empty top-level table, 0 after
	 * ucall_fail().  map() maps one page and allocates tables below `root`; share() copies the
	 * top-level entry for `gva` from one root to another; walk() looks up one address and
	 * returns 0, or -1 without a message if nothing is mapped; next() gives the first address
	 * from `gva` on with a mapped page, UCALL_NO_PAGE if there is none, and takes up to *steps
	 * looks into tables, which it counts down: a guest can make its tables as large as it
	 * likes.  No read leaves guest memory, even if the guest has written the tables.
	 */
	size_t root_size; /* in bytes */
	uint64_t (*new_root)(struct ucall_memory *mem);
	int (*map)(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		   unsigned int prot);
	void (*share)(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva);
	int (*walk)(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		    unsigned int *prot);

	uint64_t (*next)(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps);

	/* The registers as in a core file's NT_PRSTATUS; returns their number. */
	unsigned int (*core_regs)(const struct ucall_frame *frame, uint64_t *regs);

	/* Its name and registers in GDB. */
	const char *gdb_name;
	const struct ucall_register *registers;

	/*
	 * describe_fault(): one line with the exception's name and details; `mapped`: there is
	 * memory at fault->address.  describe_regs(): lines with all registers.
	 */
	void (*describe_fault)(const struct ucall_fault_info *fault, bool mapped,
			       struct ucall_text *text);
	void (*describe_regs)(const struct ucall_fault_info *fault, struct ucall_text *text);
	/* True if an instruction fetch from fault->address failed. */
	bool (*is_fetch)(const struct ucall_fault_info *fault);
	/* True if an instruction of the vector unit caused it; if this is such an instruction. */
	bool (*is_vector_fault)(const struct ucall_fault_info *fault);
	bool (*is_vector_insn)(const uint8_t *code, size_t size); /* NULL: the fault tells */
	const char *vector_unit; /* "SSE or AVX" */
	/* The registers in DWARF's order; returns their number. */
	unsigned int (*dwarf_regs)(const struct ucall_fault_info *fault, uint64_t *regs);

	/*
	 * Finds the first reference that leaves [address, address + size) in the code of that
	 * range, which is at `code`.  Returns 1 and *escape, or 0 if there is none.  NULL: `ucall
	 * cc` has already checked it by the object's relocations.
	 */
	int (*find_escape)(const void *code, size_t size, uint64_t address,
			   struct ucall_escape *escape);
	/* Address of the slot that the PLT entry at `code` jumps through; 0: not a PLT entry. */
	uint64_t (*plt_slot)(const void *code, size_t size, uint64_t address);
};

/* Indices into ucall_archs, and their number. */
enum {
#define ARCH(name, NAME, ...) UCALL_ARCH_INDEX_##NAME,
#include "arch/list.h"
	UCALL_ARCHS
};

#define ARCH(name, NAME, ...) extern const struct ucall_arch ucall_arch_##name;
#include "arch/list.h"

extern const struct ucall_arch *const ucall_archs[UCALL_ARCHS];
extern const struct ucall_arch *const ucall_arch_native; /* of this host: arch/ARCH/native.c */

/* describe.c.  ", FAR 0x10: write to the null page"; `denied`: mapped, but not permitted. */
void ucall_describe_access(struct ucall_text *text, const char *where, uint64_t address,
			   enum ucall_access access, bool denied);
/* Lines of four registers each: "  x0  0123456789abcdef ...". */
void ucall_describe_gprs(struct ucall_text *text, const char *const *names, const uint64_t *gpr,
			 unsigned int count);

/* "x86_64 (amd64), aarch64 (arm64), ..." */
void ucall_arch_names(struct ucall_text *text);
/* By name ("arm64" too), NULL after ucall_fail(); by an ELF header's fields, NULL if unknown. */
const struct ucall_arch *ucall_arch_find(const char *name);
const struct ucall_arch *ucall_arch_of_elf(uint16_t machine, uint8_t elf_class, uint8_t byte_order);
/* Its index in ucall_archs. */
unsigned int ucall_arch_index(const struct ucall_arch *arch);

/*
 * What the core puts into guests of the host's own architecture: exception stubs, the code that
 * guest functions return to, a thread control block.
 */
#define UCALL_JUMP_MAX 8

struct ucall_native {
	/* Set up descriptor tables and stubs, for a VM and for a vCPU.  Not for flat guests. */
	int (*vm_init)(struct ucall_machine *vm);
	int (*vcpu_init)(struct ucall_cpu *vcpu);
	void (*vcpu_reset)(struct ucall_cpu *vcpu); /* before a restart */
	/*
	 * Where a guest function returns to: code in the stubs that sends UCALL_DONE.  Its address;
	 * and the code itself, which is position-independent.
	 */
	uint64_t (*return_address)(void);
	const void *(*return_code)(size_t *size);
	/* Encodes a jump within the program; returns its size, at most UCALL_JUMP_MAX. */
	size_t (*jump)(uint8_t *code, uint64_t from, uint64_t to);
	uint32_t glob_dat; /* type of relocations that only the GOT has; 0: data has them too */
	/*
	 * Thread-local variables: the block lies below the thread pointer (ELF TLS variant II) or
	 * `tcb_size` bytes above it (variant I); tcb_init() fills the control block at host address
	 * `tcb`, guest address `gva`.
	 */
	bool tls_above;
	size_t tcb_size;
	void (*tcb_init)(void *tcb, uint64_t gva);
};

extern const struct ucall_native ucall_native;

#endif
