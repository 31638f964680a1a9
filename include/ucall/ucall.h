/* SPDX-License-Identifier: MIT */
/*
 * <ucall/ucall.h> - the host's side: virtual machines, vCPUs, guest memory, messages.
 *
 * Errors: a function that fails returns -1, NULL or 0, as its comment says, sets errno, and stores
 * a message for ucall_error().  The library never prints (a guest's GUEST_PRINTF goes to the VM's
 * `output` stream), never exits and never aborts; but see UNICORN below.  A function that is given
 * NULL for a VM or vCPU fails with EINVAL, and ucall_error() repeats the error of the call before.
 * Getters, which cannot fail, return NULL or 0 for it.
 *
 * Threads: different VMs may be used by different threads at once.  Within a VM, each vCPU may be
 * used by one thread at a time, and different vCPUs by different threads; the functions that take a
 * struct ucall_vm lock what they share.  ucall_vm_free() must be the last call on a VM.
 *
 * UNICORN: engine unicorn is for guests that you trust.  The emulator below it is not a security
 * boundary: guest code can make it abort the process (on x86_64, two bytes suffice) or write
 * outside its own memory.  Run untrusted guests on engine kvm, or in a process of their own, as
 * `ucall run` and <ucall/test.h> do.
 *
 * Processes: a VM belongs to the process that created it.  A child of fork() can create its own
 * VMs.  It can free its copies of the parent's VMs with ucall_vm_free(), which closes their
 * descriptors and unmaps their memory without calling the backend; exec and _exit() also do this.
 * Functions that would run such a copy, or ask KVM about it, fail with EPERM; its memory can be
 * read and written, as the child's own copy.  The parent's VMs are not affected.  If the parent has
 * threads, POSIX allows the child only async-signal-safe functions until exec: a thread that the
 * child lacks may hold a lock of the dynamic linker or of this library, and ucall_vm_create() then
 * waits for it.
 */
#ifndef UCALL_UCALL_H
#define UCALL_UCALL_H

#include <ucall/abi.h>
#include <ucall/guest.h>

/*
 * UCALL_GUEST_BUILD is defined when a source is compiled as a separate guest ELF, without a C
 * library and perhaps for another architecture.  A source with both halves puts the host's half
 * under #ifndef UCALL_GUEST_BUILD.
 */
#ifndef UCALL_GUEST_BUILD

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define UCALL_PUBLIC __attribute__((__visibility__("default")))

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

/* Which of a backend's two pairs of operations ucall() uses to send a message. */
enum ucall_via {
	UCALL_VIA_DEFAULT = 0, /* the mailbox if the backend supports it, else the address */
	UCALL_VIA_MAILBOX = 1, /* the host knows where the message is */
	UCALL_VIA_ADDRESS = 2, /* the exit carries the message's address */
};

/*
 * VM configuration.  Zero in any field means its default, so a program sets only the fields that it
 * needs.  New fields are only added at the end.
 */
struct ucall_vm_config {
	/*
	 * The backend: NAME[,KEY=VALUE...] or /path/to/plugin.so[,KEY=VALUE...].  NULL:
	 * $UCALL_BACKEND if it is set, otherwise the default backend for the guest architecture.
	 */
	const char *backend;
	/* The program's own backend; overrides `backend` and $UCALL_BACKEND. */
	const struct ucall_ops *ops;
	/* Options for `ops`: KEY=VALUE[,KEY=VALUE...]. */
	const char *ops_options;
	enum ucall_via via;
	/* Guest memory in bytes, 2 MiB to 3 GiB; default 64 MiB.  Lazily populated. */
	size_t mem_size;
	/*
	 * An in-kernel interrupt controller.  x86_64: PICs, I/O APIC and local APICs
	 * (KVM_CREATE_IRQCHIP).  aarch64: a GICv3, with an ITS if KVM has one.  riscv64: an APLIC
	 * and IMSICs (AIA).  On aarch64 and riscv64, add all vCPUs before the first of them runs,
	 * or before ucall_vm_launch(); after that the host can raise interrupts.
	 */
	bool irqchip;
	/*
	 * Privilege level of the guest's functions: 0 or 3 (x86_64).  Exception handlers run in
	 * ring 0 either way.
	 */
	int ring;
	/*
	 * Time limit in milliseconds for each ucall_next() and ucall_vcpu_run(); it covers all runs
	 * of the vCPU that the call makes.  0: $UCALL_TIMEOUT (in seconds), else 10 s.  -1: no
	 * limit.  Engine unicorn completes the current instruction first: about a second at most,
	 * for an s390x MVCL or CLCL of 16 MiB.  Engine kvm uses a signal, see libucall(3), which a
	 * thread's first run unblocks: a thread that later blocks all signals can be neither
	 * stopped nor kicked.
	 */
	int timeout_ms;
	FILE *output; /* where GUEST_PRINTF goes; default stdout */
	const char *kvm_device; /* default /dev/kvm */
	/*
	 * What runs the vCPUs: "kvm" or "unicorn".  NULL: $UCALL_ENGINE if it is set, otherwise kvm
	 * if the guest has the host's architecture and /dev/kvm works, otherwise unicorn.
	 */
	const char *engine;
	/*
	 * The guest's architecture: x86_64 (or amd64), aarch64 (or arm64), s390x, riscv64.  NULL:
	 * that of the separate guest ELF, or the host's if there is none.
	 */
	const char *arch;
	/*
	 * A separate guest ELF, made by `ucall cc`: its path, or its bytes, which are copied.
	 * Neither: the guest is this program itself.
	 */
	const char *image;
	const void *image_data;
	size_t image_size;
	/*
	 * Memory encryption: NAME[,KEY=VALUE...]; NULL or "none": no encryption.  `ucall list`
	 * shows the available kinds; docs/CONFIDENTIAL.md says which hardware rules each one keeps.
	 * sev, sev-es and sev-snp use the machine's hardware; emulated-sev, emulated-sev-es and
	 * emulated-sev-snp work with any KVM of an x86_64 host, and so does emulated-tdx; tdx is
	 * the machine's own; pkvm is arm64's protected KVM, and emulated-pkvm its rules on engine
	 * unicorn.  The VM can run only after ucall_vm_launch().
	 */
	const char *protect;
	/*
	 * The guest handles #VC or #VE, so that instructions that exit work under SEV-ES and
	 * SEV-SNP, or TDX.  The core's handler does port I/O, CPUID and MSRs, and with TDX MMIO and
	 * HLT; ucall_vm_set_handler() replaces it.
	 */
	bool guest_vc;
	/*
	 * The guest may be a hypervisor: on x86_64, CPUID offers SVM or VMX if this machine's KVM
	 * supports nested virtualization.  Off by default, because it exposes much of KVM to the
	 * guest.
	 */
	bool nested;
};

/*
 * Guest-physical addresses of the registers of an `irqchip`, for ucall_vm_map_device().  aarch64
 * (Arm IHI 0069, 12.8 and 12.10): the GICv3's distributor, 64 KiB; the ITS, 128 KiB; the
 * redistributors, 128 KiB for each vCPU, in the order of vCPU numbers.  riscv64 (RISC-V AIA, 3.5
 * and 4.5): the APLIC, 16 KiB; one page for each vCPU with its IMSIC's supervisor-level interrupt
 * file.  x86_64: the architecture's own addresses.
 */
#define UCALL_GICD_GPA 0xf0000000
#define UCALL_GITS_GPA 0xf0080000
#define UCALL_GICR_GPA 0xf0100000
#define UCALL_APLIC_GPA 0xf0000000
#define UCALL_IMSIC_GPA 0xf1000000

/* ucall_vm_create() for a caller whose struct ucall_vm_config has config_size bytes. */
UCALL_PUBLIC struct ucall_vm *ucall_vm_create_sized(const struct ucall_vm_config *config,
						    size_t config_size);

/*
 * Creates a VM and its backend.  The VM's memory gets a copy of the program's segments as they are
 * now, or of a separate guest ELF.  `config` may be NULL and is not used after the call, except
 * `ops` (which must live as long as the VM) and `output`.  Free the VM with ucall_vm_free().
 * Returns NULL on failure: EOPNOTSUPP if this backend or engine does not support such a VM, ENODEV
 * or EACCES if this machine has no engine for it.
 */
static inline struct ucall_vm *ucall_vm_create(const struct ucall_vm_config *config)
{
	return ucall_vm_create_sized(config, sizeof(struct ucall_vm_config));
}

/*
 * Ends the set-up of a VM with encrypted memory; the VM can run only after this.  Encrypts and
 * measures its private memory and, for SEV-ES and SEV-SNP, its vCPUs' registers.  From then on the
 * host reads private memory as ciphertext (with pkvm and TDX it cannot read it: EPERM), and adding
 * vCPUs, allocating, mapping and ucall_sync_...() fail (EPERM).  With pkvm and TDX it runs the
 * first vCPU until the guest has shared what the host needs.  Without protection it does what the
 * first run would do: it sets up an `irqchip` for the vCPUs that have been added.  Returns 0, or
 * -1.
 */
UCALL_PUBLIC int ucall_vm_launch(struct ucall_vm *vm);

/*
 * Gives the launch measurement.  Emulated kinds: SHA-384 (48 bytes) over private pages and, for
 * SEV-ES and SEV-SNP, vCPU states, chained as the SEV-SNP firmware ABI (AMD 56860, 8.17.2) does;
 * the same set-up gives the same bytes.  sev and sev-es: the result of KVM_SEV_LAUNCH_MEASURE.
 * Points *digest to it (it belongs to the VM) and returns its size in bytes.  Returns -1 on
 * failure: EPERM before launch; EOPNOTSUPP without protection, with pkvm and TDX, which are not
 * measured here, and for sev-snp, where it is in the guest's attestation report.
 */
UCALL_PUBLIC int ucall_vm_measurement(const struct ucall_vm *vm, const uint8_t **digest);

/*
 * Lists the KVM and firmware calls that a launch with `protect` (sev, sev-es, sev-snp or tdx, with
 * options) would make for a VM set up like this one: one call per line, as strace writes them.
 * This VM must have the emulated kind of that protection.  The caller frees the text with free().
 * NULL on failure.
 */
UCALL_PUBLIC char *ucall_vm_launch_list(struct ucall_vm *vm, const char *protect);

/*
 * Writes an ELF core file of the guest to `path`, for a debugger: `gdb guest.elf core`, or the
 * program itself if it is the guest.  It has the memory that the host can read, by the guest's
 * addresses (zero pages and what is private to the guest are left out; of memory that each vCPU has
 * at the same address, such as mailboxes, it has the first vCPU's), and for each vCPU whose
 * registers are known a thread: those of a vCPU that went wrong are where it did, and it comes
 * first.  A note of owner "libucall" has the backend, the engine and the report
 * (ucall_fault_report()).  No vCPU may be running.  Returns 0, or -1; then an older file of that
 * name is as it was.
 */
UCALL_PUBLIC int ucall_vm_core(struct ucall_vm *vm, const char *path);

/*
 * Writes a trace of the VM to `path`, which is made anew: each run of a vCPU with its exit, each
 * message, and the guest's spans (GUEST_TRACE_BEGIN()), as Perfetto's TracePackets; `ucall trace`
 * prints it.  Before ucall_vcpu_add().  The file is complete after ucall_vm_free().  If `path` is
 * NULL and the VM is traced: writes what has been kept back, and fails if anything could not be
 * written.  The environment variable UCALL_TRACE names a file to which each VM of a program is
 * added.  Returns 0, or -1 (EBUSY).
 */
UCALL_PUBLIC int ucall_vm_trace(struct ucall_vm *vm, const char *path);

/*
 * Waits for gdb: the VM's vCPUs stop before their next instruction until a debugger has connected to
 * `address` and lets them go on.  `address` is a port of this machine's loopback device ("1234", for
 * `target remote :1234`) or "unix:PATH", a socket that only its owner may use; a port is open to all
 * users of this machine.  ",breakpoints=step" after it: no breakpoints of the CPU.  The environment
 * variable UCALL_GDB does the same when a VM is created.  While a debugger is attached, the VM has no
 * time limit.  When it leaves, the VM goes on; another one may come.  No vCPU may be running.
 * Returns 0, or -1 (EADDRINUSE, EINVAL, EBUSY: the VM has such an address already).  See
 * docs/DEBUGGING.md.
 */
UCALL_PUBLIC int ucall_vm_gdb(struct ucall_vm *vm, const char *address);

/*
 * Adds what the guest has executed to this program's coverage, so that gcov shows guest functions
 * as executed: compile with `--coverage -DUCALL_COVERAGE`, by gcc or clang.  ucall_vm_free(),
 * ucall_vm_snapshot() and ucall_vm_restore() do it too; call it if the program ends without freeing
 * its VM, or calls __gcov_dump() before.  The program must have its symbols (not stripped), and not
 * run under valgrind.  No vCPU may be running.  If other threads execute the same functions, compile
 * with -fprofile-update=atomic.
 *
 * For a separate guest ELF of `ucall cc --coverage` (by gcc 12 or later), only this call does it, and
 * adds to the .gcda files that the ELF names.  So call it for an ELF that you trust.
 *
 * Returns how many counters the guest has changed since they were last added, which is 0 in a program
 * without counters.  Returns -1 on failure: EOPNOTSUPP for attached VMs, EPERM if the VM's memory is
 * private, ENOENT or EINVAL if the ELF has no such counters.
 */
UCALL_PUBLIC int ucall_vm_sync_coverage(struct ucall_vm *vm);

/*
 * Save and restore a VM's state: memory, vCPUs, interrupt controllers, allocations and mappings.  A
 * new snapshot replaces the previous one.  Both first complete the instructions of the last exits,
 * with the data that the host supplied.  A restore undoes what the guest, the library and (through
 * ucall_vm_host_pointer()) the host have written since, but not the backend's or program's own
 * state.  It costs a small part of what a new VM costs, whatever the memory's size.  No vCPU may be
 * running, and none may have been added in between (EBUSY).  Return 0, or -1: EOPNOTSUPP for VMs
 * that the machine encrypts, for engines other than kvm, on s390x, and on aarch64 once the guest
 * has enabled LPIs, which an ITS delivers; EPERM before ucall_vm_launch(), and with an `irqchip` on
 * aarch64 and riscv64 before the first run; EINVAL if there is no snapshot.  After any other
 * failure the VM can only be freed, or recovered by a snapshot or restore that succeeds.
 */
UCALL_PUBLIC int ucall_vm_snapshot(struct ucall_vm *vm);
UCALL_PUBLIC int ucall_vm_restore(struct ucall_vm *vm);

/* The VM's memory encryption: "emulated-sev-es", "none", ... */
UCALL_PUBLIC const char *ucall_vm_protection(const struct ucall_vm *vm);

/* Frees the VM and its vCPUs; none of them may be running.  NULL is allowed.  Keeps errno. */
UCALL_PUBLIC void ucall_vm_free(struct ucall_vm *vm);

UCALL_PUBLIC const char *ucall_vm_backend(const struct ucall_vm *vm); /* its name */
UCALL_PUBLIC const char *ucall_vm_backend_path(const struct ucall_vm *vm); /* NULL with `ops` */
UCALL_PUBLIC const char *ucall_vm_engine(const struct ucall_vm *vm); /* "kvm" */
/* Why this engine was chosen, a phrase such as "chosen by $UCALL_ENGINE". */
UCALL_PUBLIC const char *ucall_vm_engine_reason(const struct ucall_vm *vm);
UCALL_PUBLIC const char *ucall_vm_arch(const struct ucall_vm *vm); /* "x86_64" */
/* True if guest-virtual addresses are guest-physical ones, without page tables. */
UCALL_PUBLIC bool ucall_vm_is_flat(const struct ucall_vm *vm);
UCALL_PUBLIC enum ucall_via ucall_vm_via(const struct ucall_vm *vm); /* never UCALL_VIA_DEFAULT */

/*
 * Descriptors and structures of the kvm engine, for direct KVM calls.  They belong to the library:
 * do not close or unmap them.  -1 or NULL (EOPNOTSUPP) with another engine.
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
/* Internal: the arguments as six uint64_t, and nargs, 255 if it is not their number. */
#define UCALL_SIX_(z, a, b, c, d, e, f, ...) \
	(uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f)
#define UCALL_SIX(...) UCALL_SIX_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
#define UCALL_CHECKED(...) \
	(UCALL_FIRST(__VA_ARGS__) == UCALL_COUNT(__VA_ARGS__) ? UCALL_FIRST(__VA_ARGS__) : 255u)
/* The same for a function: the program's, at `function`, or the separate guest ELF's, by `name`. */
UCALL_PUBLIC struct ucall_vcpu *ucall_vcpu_add_function(struct ucall_vm *vm, uint64_t function,
							const char *name, unsigned int nargs,
							uint64_t a0, uint64_t a1, uint64_t a2,
							uint64_t a3, uint64_t a4, uint64_t a5);
/*
 * ucall_vcpu_add(vm, guest_main, 2, arg0, arg1): the arguments are integers or pointers.  In a VM
 * with a separate guest ELF, starts that ELF's function of the same name.  EINVAL if the number is
 * wrong.
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
 * again), was kicked (EINTR; likewise), sent an invalid message (EPROTO), or made an exit that is
 * not a ucall (ENOMSG; see ucall_vcpu_exit()).
 */
UCALL_PUBLIC int ucall_next(struct ucall_vcpu *vcpu, struct ucall *uc);

/*
 * Runs the vCPU until its next exit of any kind.  If the exit is a message, get_ucall() takes it.
 * Returns 0, or -1 with errno EFAULT, ETIMEDOUT or EINTR as above, or KVM's errno.
 */
UCALL_PUBLIC int ucall_vcpu_run(struct ucall_vcpu *vcpu);

/*
 * Takes the message of the last exit: copies it to *uc (may be NULL), and lets the guest continue
 * at the next run.  Returns its command, UCALL_NONE (0) if the exit was not a ucall, or -1
 * (EPROTO).
 */
UCALL_PUBLIC int get_ucall(struct ucall_vcpu *vcpu, struct ucall *uc);

/*
 * The same for a message that the guest sent with ucall_shared() from guest address `uc_gva`.  Any
 * other message is left in place, and the return value is UCALL_NONE.
 */
UCALL_PUBLIC int get_ucall_shared(struct ucall_vcpu *vcpu, uint64_t uc_gva, struct ucall *copy);

/* Allocates `count` messages in shared guest memory; returns their guest address, 0 on failure. */
UCALL_PUBLIC uint64_t ucall_shared_alloc(struct ucall_vm *vm, size_t count);

/* The vCPU's last exit, see <ucall/plugin.h>; valid until it runs again. */
struct ucall_exit;
UCALL_PUBLIC const struct ucall_exit *ucall_vcpu_exit(const struct ucall_vcpu *vcpu);

/* struct ucall_fault_info.kind, in addition to enum ucall_fault_kind. */
enum ucall_stop_kind {
	UCALL_FAULT_SHUTDOWN = 0x100, /* triple fault */
	UCALL_FAULT_TIMEOUT = 0x101, /* the time limit; the vCPU can be run again */
	UCALL_FAULT_EXIT = 0x102, /* an exit that is not a ucall; the vCPU can be run again */
	UCALL_FAULT_MESSAGE = 0x104, /* an invalid message; the vCPU can be run again */
	UCALL_FAULT_VECTOR = 0x103, /* an SSE or AVX instruction in a guest that lacks them */
};

/* One frame of the guest's backtrace. */
struct ucall_backtrace_entry {
	uint64_t pc; /* its next instruction */
	uint64_t offset; /* of pc in the function */
	char function[80]; /* empty: unknown */
	char file[160]; /* empty: unknown */
	uint32_t line;
	uint32_t reserved;
};

#define UCALL_BACKTRACE_MAX 16

/* What went wrong in a guest. */
struct ucall_fault_info {
	uint32_t kind; /* enum ucall_fault_kind, enum ucall_stop_kind */
	uint32_t valid; /* 0: nothing went wrong in the last run */
	struct ucall_frame frame;
	uint8_t bytes[16]; /* code at frame.pc */
	uint32_t byte_count;
	uint32_t backtrace_count; /* 0: no backtrace; see ucall_fault_report() */
	struct ucall_backtrace_entry backtrace[UCALL_BACKTRACE_MAX];
};

/* The error that ended the vCPU's last run.  Never NULL; check `valid`. */
UCALL_PUBLIC const struct ucall_fault_info *ucall_fault(const struct ucall_vcpu *vcpu);

/*
 * The same as readable text, several lines without a newline at the end: what happened, the guest's
 * backtrace, its registers and code.  Never NULL; empty if nothing went wrong.  Valid until the
 * vCPU is run again.
 */
UCALL_PUBLIC const char *ucall_fault_report(const struct ucall_vcpu *vcpu);

/*
 * Ends the vCPU's current run, or else its next one at once, with errno EINTR; it can then be run
 * again.  May be called from any thread and from signal handlers.  The vCPU must not be freed
 * meanwhile.
 */
UCALL_PUBLIC void ucall_vcpu_kick(struct ucall_vcpu *vcpu);

/*
 * Resets a vCPU that is not running to where it started, with the same arguments, also after a
 * fault, and drops an unfinished message.  Guest memory stays as it is.  Returns 0, or -1 (EPERM
 * with encrypted memory, where neither stack nor registers can be reset).
 */
UCALL_PUBLIC int ucall_vcpu_restart(struct ucall_vcpu *vcpu);

/*
 * Turns single-stepping on or off; ucall_vm_launch() refuses a VM whose registers it would close
 * meanwhile (EINVAL).  While it is on, each ucall_vcpu_run() ends after one guest instruction, with
 * the exit UCALL_EXIT_DEBUG or the exit that the instruction made; ucall_next() then fails with
 * ENOMSG.  Returns 0, or -1: EOPNOTSUPP if the engine cannot do it (KVM on riscv64 before Linux 6.10;
 * later ones step by EBREAK in the guest's code), EINVAL if the guest's registers are closed to the
 * host.  A KVM that interprets ring 0 does not report steps in ring 3.
 */
UCALL_PUBLIC int ucall_vcpu_set_stepping(struct ucall_vcpu *vcpu, bool on);

/*
 * Read and set the general registers of a vCPU that is not running: pc, sp, flags and gpr[].  The
 * other fields of *frame read as 0 and are ignored when set.  Return 0, or -1 (EINVAL if the
 * registers are closed to the host).
 */
UCALL_PUBLIC int ucall_vcpu_get_regs(struct ucall_vcpu *vcpu, struct ucall_frame *frame);
UCALL_PUBLIC int ucall_vcpu_set_regs(struct ucall_vcpu *vcpu, const struct ucall_frame *frame);

/* ucall_vm_alloc() flags */
#define UCALL_MEM_PRIVATE 0u /* encrypted, in a confidential guest */
#define UCALL_MEM_SHARED 1u
#define UCALL_MEM_EXEC 2u /* executable instead of writable; the host can still write */

/*
 * Allocates `size` bytes of zeroed guest memory, in whole pages, with an unmapped page before and
 * after.  Returns its guest-virtual address, 0 on failure (ENOMEM).  Lives as long as the VM.
 */
UCALL_PUBLIC uint64_t ucall_vm_alloc(struct ucall_vm *vm, size_t size, unsigned int flags);

/*
 * Maps the pages of [gva, gva + size), a part of one allocation, a second time, as `flags` say.
 * Both addresses refer to the same guest-physical pages.  This gives a guest with encrypted memory
 * both views of a page, private and shared; see docs/CONFIDENTIAL.md for what each shows.  Returns
 * the new guest-virtual address, 0 on failure (EFAULT, EOPNOTSUPP in a flat guest).
 */
UCALL_PUBLIC uint64_t ucall_vm_alias(struct ucall_vm *vm, uint64_t gva, size_t size,
				     unsigned int flags);

/*
 * SEV-SNP and TDX: makes [gpa, gpa + size), whole pages of guest memory, private or shared, as the
 * guest's own request does (ucall_guest_set_private(), guest_td_map_gpa()).  Contents are lost.
 * Returns 0, or -1 (EOPNOTSUPP with other protections, where only the guest decides).
 */
UCALL_PUBLIC int ucall_vm_set_private(struct ucall_vm *vm, uint64_t gpa, size_t size,
				      bool is_private);

/*
 * Translates a guest-virtual to a guest-physical address, without the C-bit, by the VM's page
 * tables.  A vCPU's mailbox page is not in them: see ucall_vcpu_mailbox().  In a launched VM with
 * encrypted memory the page tables cannot be read, and only what the host has mapped itself is
 * found.  Returns 0, or -1 with EFAULT.
 */
UCALL_PUBLIC int ucall_vm_translate(struct ucall_vm *vm, uint64_t gva, uint64_t *gpa);

/*
 * Copy between host and guest memory by guest-virtual address.  All or nothing: every page is
 * looked up before the first byte is copied.  Writes ignore the guest's page permissions.  Private
 * memory of a launched VM reads as ciphertext, and a write corrupts it, in blocks of 16 bytes; with
 * pkvm both fail with EPERM; with TDX a read does, and a write poisons the page.  Return 0, or -1
 * with EFAULT.
 */
UCALL_PUBLIC int ucall_vm_read(struct ucall_vm *vm, uint64_t gva, void *to, size_t size);
UCALL_PUBLIC int ucall_vm_write(struct ucall_vm *vm, uint64_t gva, const void *from, size_t size);

/*
 * The same by guest-physical address, as a machine's hypervisor sees it: memory that is mapped as
 * private is encrypted here too.
 */
UCALL_PUBLIC int ucall_vm_read_physical(struct ucall_vm *vm, uint64_t gpa, void *to, size_t size);
UCALL_PUBLIC int ucall_vm_write_physical(struct ucall_vm *vm, uint64_t gpa, const void *from,
					 size_t size);

/* The same for one integer of 1, 2, 4 or 8 bytes, converted from or to the guest's byte order. */
UCALL_PUBLIC int ucall_vm_read_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t *value);
UCALL_PUBLIC int ucall_vm_write_int(struct ucall_vm *vm, uint64_t gva, size_t size, uint64_t value);

/*
 * Copies a NUL-terminated string of at most size - 1 bytes, and its NUL.  Returns its length, or -1
 * with EFAULT (runs into unmapped memory) or EOVERFLOW (no NUL within `size` bytes).
 */
UCALL_PUBLIC ptrdiff_t ucall_vm_read_string(struct ucall_vm *vm, uint64_t gva, char *to,
					    size_t size);

/*
 * The host's view of [gva, gva + size), which must be physically contiguous, as every allocation
 * is.  NULL on failure (EFAULT; EPERM if it is private memory of a VM with encrypted memory). Lives
 * as long as the VM; the guest can change it at any time.
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
 * ucall_vm_set_handler(vm, vector, handler): calls `void handler(struct ucall_frame *frame)`, a
 * guest function, for exceptions and interrupts of that number (see UCALL_VECTORS), on every vCPU,
 * on its own stack of 16 KiB and in the kernel's privilege level.  It may make ucalls, may raise
 * exceptions itself, up to four deep, and may change pc, sp, flags, extra and gpr in the frame,
 * with which the guest continues.  A NULL handler, the default, ends the run with EFAULT.  In a VM
 * with a separate guest ELF, that ELF's function of the same name runs.
 *
 * The instruction that raised #VC (SEV-ES, SEV-SNP) or #VE (TDX) may be the doorbell of a message.
 * A handler of these that makes ucalls must call ucall_nest_enter() before its first and
 * ucall_nest_leave() after its last, and only then ask the host for what the instruction wants.  If
 * its own doorbells raise the exception again, the inner call must make no ucalls.
 *
 * Engine kvm: the guest's own vectors call the handler.  Engine unicorn raises no interrupts; the
 * engine calls the handler for exceptions, and frame->unknown says which details are unknown.
 * There extra is 0, and system registers that a handler changes have their old values when it
 * returns.  Returns 0, or -1: EINVAL, EPERM after ucall_vm_launch() of a VM with encrypted memory,
 * or EOPNOTSUPP if the engine runs no handlers.
 */
#define ucall_vm_set_handler(vm, vector, handler) \
	ucall_vm_set_handler_function((vm), (vector), ucall_handler_address(handler), #handler)
static inline uint64_t ucall_handler_address(void (*handler)(struct ucall_frame *frame))
{
	return (uint64_t)(uintptr_t)handler;
}
UCALL_PUBLIC int ucall_vm_set_handler_function(struct ucall_vm *vm, unsigned int vector,
					       uint64_t function, const char *name);
/* The same by name only, for a separate guest ELF. */
UCALL_PUBLIC int ucall_vm_set_handler_symbol(struct ucall_vm *vm, unsigned int vector,
					     const char *name);

#ifdef __cplusplus
}
#endif

#endif /* UCALL_GUEST_BUILD */
#endif /* UCALL_UCALL_H */
