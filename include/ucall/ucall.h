/* SPDX-License-Identifier: MIT */
/*
 * <ucall/ucall.h> - the host's side: virtual machines, vCPUs, guest memory, messages.
 *
 * Errors: a function that fails returns -1, NULL or 0 as its comment says, sets errno, and leaves a
 * sentence in ucall_error().  The library never prints (a guest's GUEST_PRINTF goes to the stream
 * that the VM's configuration names), never exits and never aborts; but see UNICORN below.  A function that is
 * given NULL for a VM or vCPU fails with EINVAL, and ucall_error() has why the call before failed; those that only
 * tell something of it, and so cannot fail, return NULL or 0.
 *
 * Threads: different VMs may be used by different threads at once.  Within a VM, each vCPU may be
 * used by one thread at a time, and different vCPUs by different threads; the functions that take a
 * struct ucall_vm lock what they share.  ucall_vm_free() must be the last call on a VM.
 *
 * UNICORN: engine unicorn is for guests that you trust.  The emulator below it is not a security boundary: guest code
 * can make it abort the process (two bytes do on x86_64) or write outside of its own memory.  Run guests of others
 * on engine kvm, or in a process of their own, as `ucall run` and <ucall/test.h> do.
 *
 * Processes: a VM belongs to the process that created it.  A child that fork() made while there were VMs
 * can create VMs of its own, and free its copies of the parent's with ucall_vm_free(), which closes their
 * descriptors, unmaps their memory and calls no function of a backend.  It need not: exec and _exit() do.
 * Whatever would run such a copy, or ask KVM about it, fails with EPERM; its memory can still be read and written, as
 * the child's own copy.  The parent's VMs are not affected.  In a child of a program with threads POSIX promises only
 * what is async-signal-safe, until exec: a thread that is not there may hold the dynamic linker's lock or one of
 * this library's, for which ucall_vm_create() then waits.
 */
#ifndef UCALL_UCALL_H
#define UCALL_UCALL_H

#include <ucall/abi.h>
#include <ucall/guest.h>

/*
 * UCALL_GUEST_BUILD: this file is being compiled as a separate guest ELF, perhaps for another
 * architecture, with no C library.  Of a source with both halves it leaves the guest's; the host's
 * stands under #ifndef UCALL_GUEST_BUILD.
 */
#ifndef UCALL_GUEST_BUILD

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UCALL_PUBLIC __attribute__((visibility("default")))

struct ucall_vm;
struct ucall_vcpu;
struct ucall_ops;

/*
 * The last error of the calling thread, one sentence or more, without a newline at its end.  Never
 * NULL.  Valid until the next call of a libucall function that fails in this thread.
 */
UCALL_PUBLIC const char *ucall_error(void);

/* The library's version, such as "0.1.0". */
UCALL_PUBLIC const char *ucall_version(void);

/* Which of a backend's two pairs of operations plain ucall() uses. */
enum ucall_via {
	UCALL_VIA_DEFAULT = 0, /* the mailbox where the backend can, else the address */
	UCALL_VIA_MAILBOX = 1, /* the host knows where the message lies */
	UCALL_VIA_ADDRESS = 2, /* the exit carries the message's address */
};

/*
 * How a VM is to be.  Zero in any field means its default, so that a program names only what it
 * cares about.  Fields are only ever added at the end.
 */
struct ucall_vm_config {
	/*
	 * The backend: NAME[,KEY=VALUE...] or /path/to/plugin.so[,KEY=VALUE...].  NULL: what
	 * $UCALL_BACKEND says, else the backend that is the default for the guest architecture.
	 */
	const char *backend;
	/* A backend that the program brings itself; wins over `backend` and $UCALL_BACKEND. */
	const struct ucall_ops *ops;
	/* The options of `ops`, as KEY=VALUE[,KEY=VALUE...]. */
	const char *ops_options;
	enum ucall_via via;
	size_t mem_size; /* guest memory in bytes, 2 MiB to 3 GiB; default 64 MiB.  Lazily populated */
	/*
	 * An in-kernel interrupt controller.  x86_64: PICs, I/O APIC and local APICs (KVM_CREATE_IRQCHIP).
	 * aarch64: a GICv3.  riscv64: an APLIC and IMSICs (AIA).  Of these two the vCPUs are all added before the
	 * first of them runs, or before ucall_vm_launch(), after which the host can raise interrupts.
	 */
	bool irqchip;
	/*
	 * Privilege level of the guest's functions: 0 or 3 (x86_64).  Exception handlers run in
	 * ring 0 either way.
	 */
	int ring;
	/*
	 * Limit in milliseconds for each ucall_next() and each ucall_vcpu_run(), for all the runs of the
	 * vCPU that the call makes.  0: $UCALL_TIMEOUT (in seconds), else 10 s.  -1: none.  Engine unicorn
	 * ends an instruction that it has begun: about a second later at most, for an s390x MVCL or CLCL of
	 * 16 MiB.  Engine kvm does it by a signal, libucall(3), which a thread's first run unblocks: a thread that
	 * blocks all signals later is not stopped, nor kicked.
	 */
	int timeout_ms;
	FILE *output; /* where GUEST_PRINTF goes; default stdout */
	const char *kvm_device; /* default /dev/kvm */
	/*
	 * What runs the vCPUs: "kvm" or "unicorn".  NULL: what $UCALL_ENGINE says, else kvm for guests
	 * of the host's architecture where /dev/kvm works, else unicorn.
	 */
	const char *engine;
	/*
	 * The guest's architecture: x86_64 (or amd64), aarch64 (or arm64), s390x, riscv64.  NULL: that
	 * of the separate guest ELF, or the host's if there is none.
	 */
	const char *arch;
	/*
	 * A separate guest ELF, made by `ucall cc`: its path, or its bytes, which are copied.  Neither:
	 * the guest is this program itself.
	 */
	const char *image;
	const void *image_data;
	size_t image_size;
	/*
	 * How the guest's memory is encrypted: NAME[,KEY=VALUE...], NULL or "none": not.  `ucall list`
	 * shows what there is; docs/CONFIDENTIAL.md says what each keeps of the rules of hardware.
	 * sev, sev-es, sev-snp: of the machine; emulated-sev, emulated-sev-es, emulated-sev-snp: on any KVM
	 * of an x86_64 host.  The VM runs after ucall_vm_launch().
	 */
	const char *protect;
	/*
	 * The guest has a handler for #VC, so that instructions that exit work in spite of SEV-ES and
	 * SEV-SNP: one of the core's, for port I/O, CPUID and MSRs, or that of ucall_vm_set_handler().
	 */
	bool guest_vc;
	/*
	 * The guest may be a hypervisor: on x86_64, CPUID offers it SVM or VMX where this machine's KVM has nested
	 * virtualization.  Off, since it opens much of KVM to the guest.
	 */
	bool nested;
};

/*
 * Guest-physical addresses of the registers of an `irqchip`, to be given to ucall_vm_map_device().
 * aarch64 (Arm IHI 0069, 12.8 and 12.10): the GICv3's distributor, 64 KiB; the redistributors, 128 KiB for each
 * vCPU in the order of their numbers.  riscv64 (RISC-V AIA, 3.5 and 4.5): the APLIC, 16 KiB; a page for each
 * vCPU with its IMSIC's interrupt file for supervisor level.  x86_64: the architecture's own.
 */
#define UCALL_GICD_GPA 0xf0000000
#define UCALL_GICR_GPA 0xf0100000
#define UCALL_APLIC_GPA 0xf0000000
#define UCALL_IMSIC_GPA 0xf1000000

/* ucall_vm_create() with the size that struct ucall_vm_config has for the caller. */
UCALL_PUBLIC struct ucall_vm *ucall_vm_create_sized(const struct ucall_vm_config *config,
						    size_t config_size);

/*
 * Creates a VM, its memory with a copy of the program's own segments as they are now, or of a
 * separate guest ELF, and its backend.  `config` may be NULL and is not used afterwards, but for `ops` (must live as long as
 * the VM) and `output`.  Returns NULL on failure; EOPNOTSUPP means that this backend or engine
 * cannot serve such a VM, ENODEV and EACCES that this machine has no engine for it.
 */
static inline struct ucall_vm *ucall_vm_create(const struct ucall_vm_config *config)
{
	return ucall_vm_create_sized(config, sizeof(struct ucall_vm_config));
}

/*
 * Ends the set-up of a VM with encrypted memory: what is private in its memory is encrypted and
 * measured, and for SEV-ES and SEV-SNP its vCPUs' registers are.  It runs only after this.  From now on
 * the host reads private memory as ciphertext, and adding vCPUs, allocating, mapping and
 * ucall_sync_...() fail (EPERM).  Without protection it does what the first run would: an `irqchip` that is for
 * the vCPUs that there are is set up.  Returns 0, or -1.
 */
UCALL_PUBLIC int ucall_vm_launch(struct ucall_vm *vm);

/*
 * The measurement of what was launched.  Emulated: SHA-384 (48 bytes) over private pages and, for SEV-ES
 * and SEV-SNP, vCPU states, chained as the SEV-SNP firmware ABI (AMD 56860, 8.17.2) does; the same set-up
 * gives the same bytes.  Of sev and sev-es: what KVM_SEV_LAUNCH_MEASURE gives.  Returns the number of bytes
 * and *digest, or -1 (EPERM before launch; EOPNOTSUPP without protection, and of sev-snp, whose guest
 * has it in its attestation report).
 */
UCALL_PUBLIC int ucall_vm_measurement(const struct ucall_vm *vm, const uint8_t **digest);

/*
 * What is asked of KVM and the firmware to launch a VM with `protect` (sev, sev-es or sev-snp, with
 * options) that is set up as this one, whose protection is the emulated one: a call a line, as strace
 * writes them.  free() it; NULL on failure.
 */
UCALL_PUBLIC char *ucall_vm_launch_list(struct ucall_vm *vm, const char *protect);

/*
 * A VM's state, to come back to: memory, vCPUs, interrupt controllers, what has been allocated and mapped.
 * A later snapshot takes the place of an earlier one.  The instructions of the last exits are completed
 * first, with what the host has given them.  Coming back undoes what the guest, the library and the host by
 * ucall_vm_host_pointer() have written since; a backend's or program's own state is theirs.  To come back
 * costs a small part of what a new VM does, whatever the memory's size.  No vCPU may be running, and none may
 * have been added between the two (EBUSY).  Return 0, or -1: EOPNOTSUPP for VMs that the machine encrypts,
 * for engines other than kvm, on s390x, and with an `irqchip` on aarch64 and riscv64; EPERM before
 * ucall_vm_launch(); EINVAL where there is no snapshot.  After another failure the VM can only be freed, or
 * brought back by a snapshot or restore that succeeds.
 */
UCALL_PUBLIC int ucall_vm_snapshot(struct ucall_vm *vm);
UCALL_PUBLIC int ucall_vm_restore(struct ucall_vm *vm);

/* "emulated-sev-es", "none" */
UCALL_PUBLIC const char *ucall_vm_protection(const struct ucall_vm *vm);

/* Frees the VM and its vCPUs; none of them may be running.  NULL is allowed.  Keeps errno. */
UCALL_PUBLIC void ucall_vm_free(struct ucall_vm *vm);

UCALL_PUBLIC const char *ucall_vm_backend(const struct ucall_vm *vm); /* its name */
UCALL_PUBLIC const char *ucall_vm_backend_path(const struct ucall_vm *vm); /* NULL: the program's */
UCALL_PUBLIC const char *ucall_vm_engine(const struct ucall_vm *vm); /* "kvm" */
/* Why it has that engine, a phrase such as "chosen by $UCALL_ENGINE". */
UCALL_PUBLIC const char *ucall_vm_engine_reason(const struct ucall_vm *vm);
UCALL_PUBLIC const char *ucall_vm_arch(const struct ucall_vm *vm); /* "x86_64" */
/* Does guest-virtual equal guest-physical, with no page tables? */
UCALL_PUBLIC bool ucall_vm_is_flat(const struct ucall_vm *vm);
UCALL_PUBLIC enum ucall_via ucall_vm_via(const struct ucall_vm *vm); /* never the default */

/*
 * Descriptors and structures of the kvm engine, for raw KVM work; they stay the library's.  -1 or
 * NULL (EOPNOTSUPP) with another engine.
 */
UCALL_PUBLIC int ucall_vm_fd(const struct ucall_vm *vm);
UCALL_PUBLIC int ucall_vcpu_fd(const struct ucall_vcpu *vcpu);
/* The vCPU's struct kvm_run, mapped (KVM API document, section 5). */
UCALL_PUBLIC void *ucall_vcpu_kvm_run(const struct ucall_vcpu *vcpu);

/*
 * Adds a vCPU that will start in the guest function at `entry` with `nargs` (0..6) arguments.
 * Freed by ucall_vm_free().  Returns NULL on failure.
 */
UCALL_PUBLIC struct ucall_vcpu *ucall_vcpu_add_entry(struct ucall_vm *vm, uint64_t entry,
						     unsigned int nargs, uint64_t a0, uint64_t a1,
						     uint64_t a2, uint64_t a3, uint64_t a4,
						     uint64_t a5);
#define UCALL_SIX_(z, a, b, c, d, e, f, ...) \
	(uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f)
/* Of nargs and the arguments. */
#define UCALL_SIX(...) UCALL_SIX_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define UCALL_CHECKED(...) \
	(UCALL_FIRST(__VA_ARGS__) == UCALL_COUNT(__VA_ARGS__) ? UCALL_FIRST(__VA_ARGS__) : 255u)
/*
 * The same by function: of the program at `function`, or of the VM's separate guest ELF by `name`.
 */
UCALL_PUBLIC struct ucall_vcpu *ucall_vcpu_add_function(struct ucall_vm *vm, uint64_t function,
							const char *name, unsigned int nargs,
							uint64_t a0, uint64_t a1, uint64_t a2,
							uint64_t a3, uint64_t a4, uint64_t a5);
/*
 * ucall_vcpu_add(vm, guest_main, 2, arg0, arg1): integers or pointers.  Where the VM has a separate
 * guest ELF, its function of that name.  A number other than that of the arguments: EINVAL.
 */
#define ucall_vcpu_add(vm, function, ...) \
	ucall_vcpu_add_function((vm), (uint64_t)(uintptr_t)(function), #function, \
				UCALL_CHECKED(__VA_ARGS__), UCALL_SIX(__VA_ARGS__))
/* ucall_vcpu_add_symbol(vm, "guest_main", 1, arg): for a separate guest ELF only. */
#define ucall_vcpu_add_symbol(vm, name, ...) \
	ucall_vcpu_add_function((vm), 0, (name), UCALL_CHECKED(__VA_ARGS__), UCALL_SIX(__VA_ARGS__))

/* The guest address of a symbol of the separate guest ELF; 0 (ENOENT, EOPNOTSUPP) on failure. */
UCALL_PUBLIC uint64_t ucall_vm_symbol(struct ucall_vm *vm, const char *name);

UCALL_PUBLIC struct ucall_vm *ucall_vcpu_vm(const struct ucall_vcpu *vcpu);
UCALL_PUBLIC unsigned int ucall_vcpu_number(const struct ucall_vcpu *vcpu); /* from 0 */

/*
 * Runs the vCPU until the guest's next message and copies it to *uc (may be NULL).  GUEST_PRINTF is
 * written to the VM's output stream and not returned.  Returns the command (UCALL_SYNC, UCALL_DONE,
 * ...; always > 0), or -1: the guest aborted or failed an assert (ECANCELED; *uc is the message),
 * faulted (EFAULT, see ucall_fault()), exceeded its time limit (ETIMEDOUT; the vCPU can be run
 * again), was kicked (EINTR; the same), sent a message that is none (EPROTO), or made an exit that is
 * no ucall (ENOMSG; see ucall_vcpu_exit()).
 */
UCALL_PUBLIC int ucall_next(struct ucall_vcpu *vcpu, struct ucall *uc);

/*
 * Runs the vCPU until its next exit of any kind, and leaves the message, if it was one, for
 * get_ucall().  Returns 0, or -1 with errno EFAULT, ETIMEDOUT or EINTR as above, or KVM's own.
 */
UCALL_PUBLIC int ucall_vcpu_run(struct ucall_vcpu *vcpu);

/*
 * Takes the message of the last exit: copies it to *uc (may be NULL), and lets the guest go on at
 * the next run.  Returns its command, UCALL_NONE (0) when the exit was no ucall, or -1 (EPROTO).
 */
UCALL_PUBLIC int get_ucall(struct ucall_vcpu *vcpu, struct ucall *uc);

/*
 * The same for a message that the guest sent with ucall_shared() from guest address `uc_gva`: any
 * other message stays where it is, and the return value is UCALL_NONE.
 */
UCALL_PUBLIC int get_ucall_shared(struct ucall_vcpu *vcpu, uint64_t uc_gva, struct ucall *copy);

/* Allocates `count` messages in shared guest memory; returns their guest address, 0 on failure. */
UCALL_PUBLIC uint64_t ucall_shared_alloc(struct ucall_vm *vm, size_t count);

/* What the engine saw when the vCPU last stopped; valid until it runs again. */
struct ucall_exit;
UCALL_PUBLIC const struct ucall_exit *ucall_vcpu_exit(const struct ucall_vcpu *vcpu);

/* struct ucall_fault_info.kind, beside those of enum ucall_fault_kind. */
enum ucall_stop_kind {
	UCALL_FAULT_SHUTDOWN = 0x100, /* triple fault */
	UCALL_FAULT_TIMEOUT = 0x101, /* the time limit; the vCPU can go on */
	UCALL_FAULT_EXIT = 0x102, /* an exit that is no ucall; the vCPU can go on */
	UCALL_FAULT_MESSAGE = 0x104, /* a message that is none; the vCPU can go on */
	UCALL_FAULT_VECTOR = 0x103, /* an SSE or AVX instruction in a guest without */
};

/* A function of the guest that was under way. */
struct ucall_backtrace_entry {
	uint64_t pc; /* what it was to execute next */
	uint64_t offset; /* of that in the function */
	char function[80]; /* empty: unknown */
	char file[160]; /* empty: unknown */
	uint32_t line;
	uint32_t reserved;
};

#define UCALL_BACKTRACE_MOST 16

/* What a guest did that went wrong. */
struct ucall_fault_info {
	uint32_t kind; /* enum ucall_fault_kind, enum ucall_stop_kind */
	uint32_t valid; /* 0: nothing went wrong in the last run */
	struct ucall_frame frame;
	uint8_t bytes[16]; /* of code at frame.pc */
	uint32_t byte_count;
	uint32_t backtrace_count; /* 0: no function names here; see ucall_fault_report() */
	struct ucall_backtrace_entry backtrace[UCALL_BACKTRACE_MOST];
};

/* What ended the vCPU's last run with an error; never NULL, but see `valid`. */
UCALL_PUBLIC const struct ucall_fault_info *ucall_fault(const struct ucall_vcpu *vcpu);

/*
 * All of it as text for people, several lines without a newline at the end: what happened, the
 * guest's backtrace, its registers and code.  Never NULL; empty if nothing went wrong.  Valid until
 * the vCPU is run again.
 */
UCALL_PUBLIC const char *ucall_fault_report(const struct ucall_vcpu *vcpu);

/*
 * Ends the vCPU's present run, or else its next one at once, with errno EINTR; it can then be run
 * again.  From any thread, and from signal handlers; the vCPU must exist for as long.
 */
UCALL_PUBLIC void ucall_vcpu_kick(struct ucall_vcpu *vcpu);

/*
 * Puts a vCPU that does not run back to where it started, with the arguments that it had, also after
 * a fault, and forgets a message that was under way.  Guest memory stays as it is.  Returns 0 or -1
 * (EPERM with encrypted memory, where neither stack nor registers can be put back).
 */
UCALL_PUBLIC int ucall_vcpu_restart(struct ucall_vcpu *vcpu);

/*
 * Single steps: from now on each ucall_vcpu_run() of a vCPU ends after one instruction of the guest, with the exit
 * UCALL_EXIT_DEBUG, or with the exit that the instruction made.  (ucall_next() ends with ENOMSG there.)  Returns 0, or
 * -1: EOPNOTSUPP where the engine cannot (KVM on riscv64; in ring 3 of a KVM that interprets ring 0 steps are not
 * reported), EINVAL where the guest's registers are closed.
 */
UCALL_PUBLIC int ucall_vcpu_set_stepping(struct ucall_vcpu *vcpu, bool on);

/*
 * General registers of a vCPU that does not run: pc, sp, flags and gpr[].  All else in *frame is 0 when they are
 * read, and is ignored when they are set.  Return 0, or -1 (EINVAL where they are closed to the host).
 */
UCALL_PUBLIC int ucall_vcpu_get_regs(struct ucall_vcpu *vcpu, struct ucall_frame *frame);
UCALL_PUBLIC int ucall_vcpu_set_regs(struct ucall_vcpu *vcpu, const struct ucall_frame *frame);

/* ucall_vm_alloc() flags */
#define UCALL_MEM_PRIVATE 0u /* encrypted, in a confidential guest */
#define UCALL_MEM_SHARED 1u
#define UCALL_MEM_EXEC 2u /* executable instead of writable; the host can still write */

/*
 * Allocates guest memory, zeroed, in whole pages, with an unmapped page before and after it.
 * Returns its guest-virtual address, 0 on failure (ENOMEM).  Lives as long as the VM.
 */
UCALL_PUBLIC uint64_t ucall_vm_alloc(struct ucall_vm *vm, size_t size, unsigned int flags);

/*
 * Maps the pages of [gva, gva + size), a part of one allocation, once more, as `flags` say; the
 * addresses of both are of the same guest-physical pages.  With encrypted memory this is how a guest has
 * both views of a page, private and shared; see docs/CONFIDENTIAL.md for what they show.  Returns the
 * guest-virtual address, 0 on failure (EFAULT, EOPNOTSUPP in a flat guest).
 */
UCALL_PUBLIC uint64_t ucall_vm_alias(struct ucall_vm *vm, uint64_t gva, size_t size,
				     unsigned int flags);

/*
 * SEV-SNP: makes [gpa, gpa + size), whole pages of guest memory, private or shared, as the guest's own
 * request does (ucall_guest_set_private()).  Contents are lost.  Returns 0, or -1 (EOPNOTSUPP for
 * others, whose guests decide by the page table alone).
 */
UCALL_PUBLIC int ucall_vm_set_private(struct ucall_vm *vm, uint64_t gpa, size_t size,
				      bool is_private);

/*
 * Guest-virtual to guest-physical address by the VM's page tables (a vCPU's own mailbox page is
 * not among them: see ucall_vcpu_mailbox()); without the C-bit.  The page tables of a launched VM with
 * encrypted memory cannot be read: there it is by what the host has mapped itself.  Returns 0, or -1
 * with EFAULT.
 */
UCALL_PUBLIC int ucall_vm_translate(struct ucall_vm *vm, uint64_t gva, uint64_t *gpa);

/*
 * Copy between host and guest memory by guest-virtual address.  All or nothing: every page is
 * looked up before the first byte is copied.  Write access by the host does not heed the guest's
 * own permissions.  Private memory of a launched VM reads as ciphertext, and is corrupted by a write, in
 * blocks of 16 bytes.  Return 0, or -1 with EFAULT.
 */
UCALL_PUBLIC int ucall_vm_read(struct ucall_vm *vm, uint64_t gva, void *to, size_t size);
UCALL_PUBLIC int ucall_vm_write(struct ucall_vm *vm, uint64_t gva, const void *from, size_t size);

/*
 * The same by guest-physical address, as the hypervisor of a machine sees it: memory that is mapped as
 * private is encrypted there too.
 */
UCALL_PUBLIC int ucall_vm_read_physical(struct ucall_vm *vm, uint64_t gpa, void *to, size_t size);
UCALL_PUBLIC int ucall_vm_write_physical(struct ucall_vm *vm, uint64_t gpa, const void *from,
					 size_t size);

/*
 * The same for one integer of 1, 2, 4 or 8 bytes, in the guest's byte order there and the host's
 * here.
 */
UCALL_PUBLIC int ucall_vm_read_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t *value);
UCALL_PUBLIC int ucall_vm_write_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t value);

/*
 * Copies a NUL-terminated string of at most size - 1 bytes, and its NUL.  Returns its length, or -1
 * with EFAULT (runs into unmapped memory) or EOVERFLOW (no NUL in time).
 */
UCALL_PUBLIC ptrdiff_t ucall_vm_read_string(struct ucall_vm *vm, uint64_t gva, char *to, size_t size);

/*
 * The host's view of [gva, gva + size), which must be physically contiguous, as every allocation
 * is.  NULL on failure (EFAULT; EPERM if it is private memory of a VM with encrypted memory).  Lives as
 * long as the VM; the guest can change it at any time.
 */
UCALL_PUBLIC void *ucall_vm_host_pointer(struct ucall_vm *vm, uint64_t gva, size_t size);

/*
 * The host's view of a vCPU's mailbox, in the guest's byte order; the guest can change it at any
 * time.
 */
UCALL_PUBLIC struct ucall_mailbox *ucall_vcpu_mailbox(const struct ucall_vcpu *vcpu);

/*
 * Copy the variable *p of the program between host and guest: the guest has its own copy of the
 * program's variables, made when the VM was created.  Return 0, or -1 with EFAULT, or EPERM after
 * ucall_vm_launch() of a VM with encrypted memory.
 */
#define ucall_sync_to_guest(vm, p) ucall_vm_sync_to((vm), (p), sizeof(*(p)))
#define ucall_sync_from_guest(vm, p) ucall_vm_sync_from((vm), (p), sizeof(*(p)))
UCALL_PUBLIC int ucall_vm_sync_to(struct ucall_vm *vm, const void *variable, size_t size);
UCALL_PUBLIC int ucall_vm_sync_from(struct ucall_vm *vm, void *variable, size_t size);

/*
 * ucall_vm_set_handler(vm, vector, handler): the guest function `void handler(struct ucall_frame *frame)` runs for
 * exceptions and interrupts of that number (see UCALL_VECTORS) on every vCPU, on a stack of its own and in the
 * kernel's privilege level.  It may make ucalls, may cause exceptions itself, four deep, and may change pc, sp, flags,
 * extra and gpr in the frame, with which the guest goes on.  NULL: the number ends the run with EFAULT, as all do at
 * first.  In a VM with a separate guest ELF it is that ELF's function of the same name.
 *
 * A handler of the exception that stands for an exit under a protection (#VC of SEV-ES) stands for an instruction
 * that may be a doorbell: to make ucalls of its own it calls ucall_nest_enter() itself.
 *
 * Engine kvm: the guest's own vectors call it.  Engine unicorn: the emulator raises no interrupts, and the engine calls
 * it for exceptions; frame->unknown says which particulars are hidden.  Returns 0, or -1 with EINVAL, EPERM after
 * ucall_vm_launch() of a VM with encrypted memory, or EOPNOTSUPP where the engine runs no handlers.
 */
#define ucall_vm_set_handler(vm, vector, handler) \
	ucall_vm_set_handler_function((vm), (vector), ucall_handler_address(handler), #handler)
static inline uint64_t ucall_handler_address(void (*handler)(struct ucall_frame *frame))
{
	return (uint64_t)(uintptr_t)handler;
}
UCALL_PUBLIC int ucall_vm_set_handler_function(struct ucall_vm *vm, unsigned int vector,
					       uint64_t function, const char *name);
/* The same by name alone, for a separate guest ELF. */
UCALL_PUBLIC int ucall_vm_set_handler_symbol(struct ucall_vm *vm, unsigned int vector,
					     const char *name);

#ifdef __cplusplus
}
#endif

#endif /* UCALL_GUEST_BUILD */
#endif /* UCALL_UCALL_H */
