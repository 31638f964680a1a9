/* SPDX-License-Identifier: MIT */
/*
 * <ucall/plugin.h> - for writing a backend.
 *
 * A backend is one source file: metadata (UCALL_BACKEND), guest functions marked UCALL_DOORBELL and
 * listed in UCALL_GUEST_CODE, host functions, and `const struct ucall_ops ucall_ops`, the last two
 * under #ifndef UCALL_GUEST_BUILD.  Built with
 *
 *	cc -shared -fPIC foo.c $(pkg-config --cflags --libs ucall) -o ucall-foo.so
 *
 * it serves guests of the host's architecture; with `ucall cc --backend foo.c -o ucall-foo.so`,
 * guests of all architectures for which there is a compiler.  UCALL_BACKEND=foo finds it in
 * $UCALL_PLUGIN_PATH or in the installed backend folder.  The core reads the metadata and checks
 * the guest code before any code of the file runs.
 */
#ifndef UCALL_PLUGIN_H
#define UCALL_PLUGIN_H

#include <ucall/ucall.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Version of struct ucall_ops and of the metadata.  Fields are only ever added at the end. */
#define UCALL_ABI 1

/* ---- metadata ---- */

/* Guest architectures: bits of ucall_metadata.default_for. */
#define UCALL_ARCH_X86_64 (1u << 0)
#define UCALL_ARCH_AARCH64 (1u << 1)
#define UCALL_ARCH_S390X (1u << 2)
#define UCALL_ARCH_RISCV64 (1u << 3)

/* What the backend needs of a VM: bits of ucall_metadata.needs. */
#define UCALL_NEEDS_NO_IRQCHIP (1u << 0) /* no in-kernel interrupt controller */
#define UCALL_NEEDS_RING0 (1u << 1) /* guest functions in ring 0 */
/* For SEV-ES and SEV-SNP a #VC handler in the guest, for TDX a #VE handler (guest_vc). */
#define UCALL_NEEDS_GUEST_VC (1u << 2)
/* An engine with KVM's descriptors: the backend uses ucall_vm_fd() or ucall_vcpu_fd(). */
#define UCALL_NEEDS_KVM (1u << 3)
#define UCALL_NEEDS_ALL 0xfu /* all bits of this version; a backend with another bit is refused */

/* Bits of ucall_metadata.protections and .default_for_protections. */
#define UCALL_PROTECT_NONE (1u << 0)
#define UCALL_PROTECT_SEV (1u << 1)
#define UCALL_PROTECT_SEV_ES (1u << 2)
#define UCALL_PROTECT_SEV_SNP (1u << 3)
#define UCALL_PROTECT_PKVM (1u << 4)
#define UCALL_PROTECT_TDX (1u << 5)

enum ucall_option_type {
	UCALL_OPTION_UINT = 1, /* decimal, 0x hexadecimal or 0 octal, min <= value <= max */
	UCALL_OPTION_BOOL = 2, /* 0 or 1 */
	UCALL_OPTION_CHOICE = 3, /* one of `choices` */
	UCALL_OPTION_STRING = 4, /* any text without a comma */
};

/* An option KEY=VALUE of a backend's config string. */
struct ucall_option {
	char name[24];
	uint32_t type; /* enum ucall_option_type */
	uint32_t reserved;
	uint64_t min, max;
	char value[40]; /* the default, written as in a config string */
	char choices[64]; /* "this|that" */
	char help[104]; /* a phrase for `ucall info` */
};

#define UCALL_MAX_OPTIONS 8

/*
 * All that is known about a backend without running it.  No pointers, so that it can be in an ELF
 * note (a pointer there would silently become a relocation).  Integers are in the host's byte
 * order.
 */
struct ucall_metadata {
	uint32_t abi; /* UCALL_ABI */
	uint32_t guest_abi; /* UCALL_GUEST_ABI */
	uint32_t size; /* of this structure */
	/* C++ initializers must name the following in this order. */
	uint32_t queue_lines; /* of the queue that it requests in an attached VM; 0: none */
	char name[32]; /* a-z 0-9 - _ */
	char version[32];
	char summary[128]; /* one phrase */
	uint32_t needs; /* UCALL_NEEDS_ bits */
	uint32_t protections; /* UCALL_PROTECT_ bits: VMs that it supports */
	uint32_t default_for; /* UCALL_ARCH_ bits: where it is the default... */
	uint32_t default_for_protections; /* ...for VMs of these UCALL_PROTECT_ bits */
	struct ucall_option options[UCALL_MAX_OPTIONS]; /* an empty name ends the list */
};

/*
 * ELF note types.  Both have the name UCALL_NOTE_NAME, whose length puts the descriptor at a
 * multiple of 8, and the alignment 8, so that there is no gap in either order.
 */
#define UCALL_NOTE_NAME "libucall"
#define UCALL_NOTE_METADATA 1 /* one: struct ucall_metadata */
#define UCALL_NOTE_IMAGE 2 /* one for each guest architecture: struct ucall_image_note */

/*
 * Guest code of one architecture.  For the host's architecture, it is the plugin's section
 * ucall_guest, and its entries are in ucall_ops; for other architectures, it follows the note's
 * fields.
 */
struct ucall_image_note {
	uint32_t size; /* of this structure */
	uint32_t guest_abi;
	uint16_t machine; /* EM_X86_64, ... */
	uint8_t elf_class; /* ELFCLASS64 */
	uint8_t byte_order; /* ELFDATA2LSB, ELFDATA2MSB */
	int32_t start; /* address of the first byte, minus the address of this field */
	int32_t end; /* address after the last byte, minus the address of this field */
	uint32_t link_address; /* of the first byte, modulo 4096; the copy is congruent to it */
	uint32_t entry[2]; /* offsets of send_cmd and send_cmd_shared from the first byte */
	uint32_t reserved[2];
};

#define UCALL_ENTRY_NONE 0xffffffffu /* the backend has none */
#define UCALL_ENTRY_OPS 0xfffffffeu /* as in ucall_ops */
#define UCALL_LINK_OPS 0xffffffffu /* link_address is the section's address */

/* ---- guest code ---- */

/*
 * Marks a guest function of a backend: void f(struct ucall *uc, const struct ucall_bell *bell).
 * bell->param[] has the values that init() set with ucall_vm_set_param().  The function must be
 * self-contained: the core copies only this section of the plugin into the guest.  No calls or
 * references may leave it: no global variables, string literals, switch tables, library functions.
 */
#if UCALL_HAS_ATTRIBUTE(optimize)
#define UCALL_NO_JUMP_TABLES __attribute__((optimize("no-jump-tables")))
#else
#define UCALL_NO_JUMP_TABLES
#endif
#define UCALL_DOORBELL \
	__attribute__((section("ucall_guest"), noinline, used)) UCALL_GUEST UCALL_NO_JUMP_TABLES

/*
 * UCALL_GUEST_CODE(send_cmd, send_cmd_shared), at file scope, after these functions (NULL for one
 * that the backend does not have): declares guest code for the architecture being compiled for.  A
 * backend for only some architectures puts its guest half under `#if defined(__s390x__)` or the
 * like; on a host of another architecture it leaves these two fields of ucall_ops out.
 */
#if defined(UCALL_GUEST_BUILD)
/* For `ucall cc --backend`, which takes the section and these two offsets out of the object. */
#define UCALL_GUEST_CODE(send, send_shared) \
	static void (*const ucall_entries_[2])(struct ucall *, const struct ucall_bell *) \
		__attribute__((section(UCALL_ENTRIES_SECTION), used)) = { send, send_shared }
#else
#define UCALL_GUEST_CODE(send, send_shared) \
	__asm__(".pushsection .note.ucall,\"a\",%note\n" \
		"	.balign 8\n" \
		"	.long 9, 2f - 1f, 2\n" \
		"	.asciz \"" UCALL_NOTE_NAME "\"\n" \
		"	.balign 8\n" \
		"1:	.long 2f - 1b, 1\n" \
		"	.short " UCALL_HOST_MACHINE "\n" \
		"	.byte 2, " UCALL_HOST_DATA "\n" \
		"	.hidden __start_ucall_guest\n" \
		"	.hidden __stop_ucall_guest\n" \
		"	.long __start_ucall_guest - .\n" \
		"	.long __stop_ucall_guest - .\n" \
		"	.long 0xffffffff, 0xfffffffe, 0xfffffffe, 0, 0\n" \
		"2:\n" \
		"	.popsection\n")
#endif
#define UCALL_ENTRIES_SECTION ".ucall_entries"

#ifdef UCALL_GUEST_BUILD
#define UCALL_BACKEND(...) struct ucall /* used by the host's half only */
#else

/* ---- host code ---- */

enum ucall_exit_reason {
	UCALL_EXIT_NONE = 0, /* has not run */
	UCALL_EXIT_IO = 1,
	UCALL_EXIT_MMIO = 2,
	UCALL_EXIT_HALT = 3,
	UCALL_EXIT_DIAG = 4,
	UCALL_EXIT_SBI = 5,
	UCALL_EXIT_MSR = 6,
	UCALL_EXIT_SHUTDOWN = 7, /* x86: triple fault */
	UCALL_EXIT_EXCEPTION = 8, /* a guest exception without a handler */
	UCALL_EXIT_TIMEOUT = 9,
	UCALL_EXIT_KICK = 10, /* ucall_vcpu_kick() */
	UCALL_EXIT_OTHER = 11, /* see native */
	UCALL_EXIT_MEMORY = 12, /* SEV-SNP, TDX: shared memory was used as private, or vice versa */
	UCALL_EXIT_TERMINATE = 13, /* the guest asked to be ended: GHCB MSR protocol */
	UCALL_EXIT_DEBUG = 14, /* an instruction was executed: ucall_vcpu_set_stepping() */
	UCALL_EXIT_FATAL = 15, /* the guest cannot go on: TDX, ReportFatalError */
};

/* Why a vCPU stopped.  In the host's byte order, whatever the guest's. */
struct ucall_exit {
	uint32_t reason; /* enum ucall_exit_reason */
	uint32_t native; /* the engine's own number: KVM_EXIT_... */
	union {
		struct {
			uint64_t data; /* what was written; the first item if count > 1 */
			uint32_t count;
			uint16_t port;
			uint8_t size; /* of an item, in bytes */
			uint8_t is_write;
		} io;
		struct {
			uint64_t gpa;
			uint64_t data;
			uint32_t size;
			uint32_t is_write;
		} mmio;
		struct {
			uint32_t code; /* the function, 0x501 for ucalls */
			uint32_t reg; /* number of the register that holds the message's address */
			uint64_t value; /* of that register */
		} diag;
		struct {
			uint64_t extension, function, args[6];
		} sbi;
		struct {
			uint64_t index, data;
			uint32_t is_write;
		} msr;
		struct {
			uint64_t vector, code, address; /* as in struct ucall_fault_area */
			uint32_t unknown; /* UCALL_UNKNOWN_ bits */
		} exception;
		struct {
			uint64_t gpa, size;
			uint32_t is_private; /* how the guest used it */
		} memory;
		struct {
			uint32_t set, reason; /* GHCB specification, 2.3.1 */
		} terminate;
		struct {
			uint64_t code, address; /* R12; R13: where more text is, if code has bit 63 */
			char text[64]; /* no NUL if all are used */
		} fatal;
		struct {
			uint64_t suberror, data[3];
		} other;
		uint64_t reserved[12];
	} u;
};

struct ucall_args; /* the options of a VM's backend, parsed and checked */

/*
 * A backend.  Every function may be called for several VMs at once, from any thread, so a backend
 * must keep its state per VM (ucall_vm_set_backend_data()).  NULL is allowed for init, uninit,
 * vcpu_init and vcpu_fini, for recv_cmd_shared if there is a recv_cmd, and for one of the two
 * pairs.
 */
struct ucall_ops {
	uint32_t abi; /* UCALL_OPS fills in these three */
	uint32_t size;
	const struct ucall_metadata *metadata;

	/*
	 * init() is called when a VM is created: its memory exists, but no vCPU.  Returns 0, or -1
	 * after ucall_fail().  uninit() is called when the VM is freed, if init() succeeded, but
	 * not in a child of fork() that frees its copy.
	 */
	int (*init)(struct ucall_vm *vm, const struct ucall_args *args);
	void (*uninit)(struct ucall_vm *vm);

	/*
	 * Run in guests of the host's architecture.  send_cmd() rings and passes the message's
	 * address (in a register, in the data, ...); send_cmd_shared() only rings, and the host
	 * finds the message itself.  Guest code for other architectures is in the images: see
	 * UCALL_GUEST_CODE.
	 */
	void (*send_cmd)(struct ucall *uc, const struct ucall_bell *bell);
	void (*send_cmd_shared)(struct ucall *uc, const struct ucall_bell *bell);

	/*
	 * Called on the host, on the vCPU's thread.  Return 1 if the exit is this backend's
	 * doorbell, else 0.  With 1, recv_cmd() sets *where to the message's guest-virtual address,
	 * which the core checks.  Without recv_cmd_shared(), recv_cmd() is called for both; for a
	 * message in the mailbox the core ignores *where.
	 *
	 * They may be called more than once for one exit.  They may read and set the vCPU's
	 * registers (ucall_vcpu_get_regs(), _set_regs(); KVM's ioctls on ucall_vcpu_fd() except
	 * KVM_RUN) and read and write guest memory.  They must not run, kick, restart or free the
	 * vCPU, nor print, exit, or wait for anything.
	 */
	int (*recv_cmd)(struct ucall_vcpu *vcpu, const struct ucall_exit *exit, uint64_t *where);
	int (*recv_cmd_shared)(struct ucall_vcpu *vcpu, const struct ucall_exit *exit);

	/*
	 * vcpu_init() is called when a vCPU is added: its registers are set, and it has not run.
	 * It does what a doorbell needs for each vCPU, such as KVM_SET_GUEST_DEBUG or
	 * KVM_ENABLE_CAP on ucall_vcpu_fd(vcpu).  Returns 0, or -1 after ucall_fail(): then
	 * ucall_vcpu_add() fails, and the VM should be freed.  vcpu_fini() is called when the VM is
	 * freed, before uninit(), if vcpu_init() succeeded.
	 *
	 * In an attached VM, vCPUs may exist at init().  ucall_vcpu_attach() calls vcpu_init(),
	 * perhaps before the owner sets registers; ucall_vcpu_detach() also calls vcpu_fini().
	 */
	int (*vcpu_init)(struct ucall_vm *vm, struct ucall_vcpu *vcpu);
	void (*vcpu_fini)(struct ucall_vm *vm, struct ucall_vcpu *vcpu);
};

/*
 * True if the exit is a write of one item of `size` bytes to that I/O port.  For recv_cmd and
 * recv_cmd_shared.
 */
static inline bool ucall_exit_is_out(const struct ucall_exit *exit, uint64_t port,
				     unsigned int size)
{
	return exit->reason == UCALL_EXIT_IO && exit->u.io.is_write && exit->u.io.size == size &&
	       exit->u.io.count == 1 && exit->u.io.port == port;
}

/* True if it is a store of `size` bytes to that guest-physical address. */
static inline bool ucall_exit_is_store(const struct ucall_exit *exit, uint64_t gpa,
				       unsigned int size)
{
	return exit->reason == UCALL_EXIT_MMIO && exit->u.mmio.is_write &&
	       exit->u.mmio.size == size && exit->u.mmio.gpa == gpa;
}

/* The value of an option, checked against the metadata; 0 or NULL for an unknown name. */
UCALL_PUBLIC uint64_t ucall_args_uint(const struct ucall_args *args, const char *name);
UCALL_PUBLIC const char *ucall_args_string(const struct ucall_args *args, const char *name);

/*
 * Reports an error: sets errno to `error` and ucall_error() to the text, which should say what is
 * wrong, where, and what to do.  Returns -1.
 */
UCALL_PUBLIC int ucall_fail(int error, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* In init(): sets bell->param[n] for the guest code, n < UCALL_PARAMS.  Returns 0, or -1. */
UCALL_PUBLIC int ucall_vm_set_param(struct ucall_vm *vm, unsigned int n, uint64_t value);

/*
 * In init(), or in a program before ucall_vm_launch(): maps `size` bytes at guest-physical address
 * `gpa`, outside guest memory, so that the guest's accesses exit.  Returns the guest-virtual
 * address, 0 on failure.
 */
UCALL_PUBLIC uint64_t ucall_vm_map_device(struct ucall_vm *vm, uint64_t gpa, size_t size);

/*
 * In init(): returns the number of a memory slot for the backend (KVM_SET_USER_MEMORY_REGION on
 * ucall_vm_fd()), which keeps it until the VM ends; uninit() deletes the region if it frees its
 * memory.  Writes to a read-only slot exit; map it with ucall_vm_map_device().  Returns -1 if there
 * is no slot (EOPNOTSUPP, ENOSPC).
 */
UCALL_PUBLIC int ucall_vm_take_slot(struct ucall_vm *vm);

/*
 * In init(): gives each vCPU a message queue at UCALL_QUEUE_ADDRESS in the guest, with `lines`
 * lines (a power of two, 64 to UCALL_QUEUE_LINES_MAX).  The core takes its messages before it
 * looks at an exit.  `polled`: the vCPU runs in its own thread, and the core takes messages while
 * it runs.  The doorbell adds messages with ucall_queue_put() of <ucall/queue.h>; recv_cmd_shared()
 * is still called for exits only.  Returns 0, or -1 (EINVAL; EOPNOTSUPP with UCALL_VIA_ADDRESS).
 */
UCALL_PUBLIC int ucall_vm_set_queue(struct ucall_vm *vm, uint32_t lines, bool polled);

/*
 * The kind of VM, for a backend whose options limit which VMs it supports: its UCALL_PROTECT_ bit,
 * the ring of its guest functions, whether it has an in-kernel interrupt controller.
 */
UCALL_PUBLIC uint32_t ucall_vm_protection_bit(const struct ucall_vm *vm);
/* Whether the VM's registers are encrypted for the host once it runs. */
UCALL_PUBLIC bool ucall_vm_closes_registers(const struct ucall_vm *vm);
/* TDX: the bit of guest-physical addresses that means shared memory; 0 elsewhere.  In init(). */
UCALL_PUBLIC uint64_t ucall_vm_shared_bit(const struct ucall_vm *vm);
UCALL_PUBLIC int ucall_vm_ring(const struct ucall_vm *vm);
UCALL_PUBLIC bool ucall_vm_has_irqchip(const struct ucall_vm *vm);

/*
 * True if the VM is attached (<ucall/attach.h>).  Its owner runs the vCPUs and takes one message
 * with each exit, so a queue can hold at most one.
 */
UCALL_PUBLIC bool ucall_vm_is_attached(const struct ucall_vm *vm);

/* A pointer that the backend keeps for each VM, NULL at first. */
UCALL_PUBLIC void ucall_vm_set_backend_data(struct ucall_vm *vm, void *data);
UCALL_PUBLIC void *ucall_vm_backend_data(const struct ucall_vm *vm);

/*
 * In recv_cmd(): the value, at the exit, of the register for a function's first argument (x86_64:
 * RDI, aarch64: x0, s390x: r2, riscv64: a0); 0 if registers are closed to the host.
 */
UCALL_PUBLIC uint64_t ucall_vcpu_argument(struct ucall_vcpu *vcpu);

/* ---- the macros that fill in these structures ---- */

struct ucall_metadata_note {
	uint32_t namesz, descsz, type;
	char name[12];
	struct ucall_metadata metadata;
};

#ifdef __ELF__
#if defined(__x86_64__)
#define UCALL_HOST_MACHINE "62"
#elif defined(__aarch64__)
#define UCALL_HOST_MACHINE "183"
#elif defined(__s390x__)
#define UCALL_HOST_MACHINE "22"
#elif defined(__riscv)
#define UCALL_HOST_MACHINE "243"
#endif
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define UCALL_HOST_DATA "2"
#else
#define UCALL_HOST_DATA "1"
#endif

/*
 * UCALL_BACKEND(.name = "foo", .version = "1.0", .summary = "...", ...), once, at file scope:
 * defines the metadata, and the note that holds it.
 */
#define UCALL_BACKEND(...) \
	static const struct ucall_metadata_note ucall_metadata_note \
		__attribute__((section(".note.ucall"), used, aligned(8))) = { \
			sizeof(UCALL_NOTE_NAME), \
			sizeof(struct ucall_metadata), \
			UCALL_NOTE_METADATA, \
			UCALL_NOTE_NAME, \
			{ .abi = UCALL_ABI, \
			  .guest_abi = UCALL_GUEST_ABI, \
			  .size = sizeof(struct ucall_metadata), \
			  __VA_ARGS__ }, \
		}
#endif

/* The first fields of `const struct ucall_ops ucall_ops = { UCALL_OPS, .init = ..., };` */
#define UCALL_OPS \
	.abi = UCALL_ABI, .size = sizeof(struct ucall_ops), \
	.metadata = &ucall_metadata_note.metadata

/* ---- listing backends ---- */

/* A backend that was found, and all that is known about it without running it. */
struct ucall_backend_info {
	struct ucall_metadata metadata; /* all zero if there is a problem */
	const char *path;
	const char *problem; /* why it cannot be used; NULL: it can */
	uint32_t archs; /* UCALL_ARCH_ bits: it has guest code for these */
};

/*
 * All backends in $UCALL_PLUGIN_PATH and the installed backend folder, sorted by name; for each
 * name, the first one found.  Returns an array of *count; free it with ucall_backends_free().  NULL
 * on failure.
 */
UCALL_PUBLIC struct ucall_backend_info *ucall_backends(size_t *count);
/*
 * One backend, by the name or path of a config string (its options are ignored).  Free it with
 * ucall_backends_free().  NULL on failure.
 */
UCALL_PUBLIC struct ucall_backend_info *ucall_backend_find(const char *config);
UCALL_PUBLIC void ucall_backends_free(struct ucall_backend_info *backends);

/* ---- listing engines ---- */

/* Bits of ucall_engine_info.can: what VMs of an engine can have. */
#define UCALL_CAN_PAGING (1u << 0) /* page tables: guest-virtual differs from guest-physical */
#define UCALL_CAN_IRQCHIP (1u << 1)
#define UCALL_CAN_RING3 (1u << 2)
#define UCALL_CAN_HANDLERS (1u << 3) /* the guest's own exception handlers run */
#define UCALL_CAN_PROTECT (1u << 4) /* memory encryption, see ucall_protections() */
#define UCALL_CAN_KVM (1u << 5) /* ucall_vm_fd() and ucall_vcpu_fd() are KVM's */
#define UCALL_CAN_STEP (1u << 6) /* ucall_vcpu_set_stepping() */

struct ucall_engine_info {
	const char *name; /* NULL ends the array */
	const char *summary;
	char version[32]; /* of the library that it uses; empty: none */
	char problem[512]; /* why it cannot be used here; empty: it can */
	uint32_t archs; /* UCALL_ARCH_ bits: guests that it runs on this host */
	uint32_t can; /* UCALL_CAN_ bits */
};

/* All engines, in the order in which they are tried.  Free with free(); NULL after ucall_fail(). */
UCALL_PUBLIC struct ucall_engine_info *ucall_engines(void);

/* True if the engine, where it works, runs guests of one of `archs` over that backend. */
static inline bool ucall_engine_serves(const struct ucall_engine_info *engine,
				       const struct ucall_backend_info *backend, uint32_t archs)
{
	return (engine->archs & backend->archs & archs) &&
	       (!(backend->metadata.needs & UCALL_NEEDS_KVM) || (engine->can & UCALL_CAN_KVM));
}

/*
 * Checks that VMs can be created with that engine, or with any if it is NULL.  Returns 0, or -1:
 * ucall_error() then says why not; for any, why not with the last.
 */
UCALL_PUBLIC int ucall_engine_check(const char *engine);

/* ---- listing kinds of memory encryption ---- */

struct ucall_protection_info {
	const char *name; /* for ucall_vm_config.protect; NULL ends the array */
	const char *summary;
	uint32_t bit; /* UCALL_PROTECT_ bit that a backend must have for it */
	char problem[512]; /* why it is not available here; empty: it is */
	const char *engine; /* the only one that has it; NULL: any */
	uint32_t archs; /* UCALL_ARCH_ bits: guests that can have it */
};

/* All kinds, "none" first.  Free with free(); NULL after ucall_fail(). */
UCALL_PUBLIC struct ucall_protection_info *ucall_protections(void);
/* The UCALL_PROTECT_ bit of a ucall_vm_config.protect; 0 after ucall_fail(). */
UCALL_PUBLIC uint32_t ucall_protection_bit(const char *protect);
/*
 * For one UCALL_PROTECT_ bit: its name ("sev-es"; NULL: unknown bit); whether registers are closed
 * to the host.
 */
UCALL_PUBLIC const char *ucall_protection_name(uint32_t bit);
UCALL_PUBLIC bool ucall_protection_closes_registers(uint32_t bit);

/*
 * The name of one UCALL_ARCH_ bit, NULL if unknown; the bit of a name, 0 if unknown: ucall_error()
 * then lists the known names.
 */
UCALL_PUBLIC const char *ucall_arch_name(uint32_t arch);
UCALL_PUBLIC uint32_t ucall_arch_bit(const char *name);
/* The bit of this host. */
UCALL_PUBLIC uint32_t ucall_arch_host(void);

#endif /* UCALL_GUEST_BUILD */

#ifdef __cplusplus
}
#endif

#endif /* UCALL_PLUGIN_H */
