/* SPDX-License-Identifier: MIT */
/*
 * <ucall/attach.h> - backends for VMs that libucall did not create.
 *
 * For a program with its own KVM descriptors, guest memory and page tables.  It attaches its VM and
 * vCPUs to get libucall's doorbells, still runs them with its own KVM_RUN, and asks after each exit
 * whether it was the backend's doorbell.  docs/ATTACH.md builds such a program step by step.
 *
 * This header includes no other libucall header, and none of its names collides with a program's
 * own struct ucall, ucall(), get_ucall() or GUEST_ macros; <ucall/ucall.h> can be included too.
 * ucall_vm_free(), ucall_error(), ucall_vm_backend() and ucall_vm_backend_path() are the same as
 * there.
 *
 * Errors: functions return -1, NULL or 0, and set errno and ucall_error().  Threads: as in
 * <ucall/ucall.h>; each vCPU is used by one thread at a time.
 */
#ifndef UCALL_ATTACH_H
#define UCALL_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Guest addresses of what both sides share: mailbox, bell page, the backend's code, in this order
 * from UCALL_ATTACH_ADDRESS on.  They take UCALL_ATTACH_AREA bytes, rounded up to the page size; a
 * queue (backend ring) lies 2 MiB after the mailbox.
 */
#define UCALL_ATTACH_ADDRESS 0x8000000000ull
#define UCALL_ATTACH_BELL 0x1000ull /* offset of the bell page */
#define UCALL_ATTACH_AREA 0x12000ull

/* ---- the guest ---- */

/*
 * Marks a guest function that is part of the host's program: no vector registers, stack protector
 * or instrumentation, whatever the compiler's flags.  If you copy it to the guest by section, add
 * the section attribute yourself.
 *
 * Attributes are spelled with underscores, because programs have macros such as `noinline`.
 */
#if defined(__x86_64__)
#define UCALL_ATTACH_TARGET __attribute__((__target__("general-regs-only")))
#else
#define UCALL_ATTACH_TARGET
#endif
#if defined(__clang__) || __GNUC__ >= 11
#define UCALL_ATTACH_NO_SSP __attribute__((__no_stack_protector__))
#else
#define UCALL_ATTACH_NO_SSP __attribute__((__optimize__("no-stack-protector")))
#endif
#if defined(__has_attribute)
#if __has_attribute(no_profile_instrument_function)
#define UCALL_ATTACH_NO_PROFILE __attribute__((__no_profile_instrument_function__))
#endif
#endif
#ifndef UCALL_ATTACH_NO_PROFILE
#define UCALL_ATTACH_NO_PROFILE
#endif
#define UCALL_ATTACH_PLAIN \
	UCALL_ATTACH_TARGET UCALL_ATTACH_NO_PROFILE __attribute__(( \
		__no_sanitize__("address", "undefined", "thread"), __no_instrument_function__))
#define UCALL_ATTACH_GUEST __attribute__((__noinline__, __used__)) UCALL_ATTACH_PLAIN UCALL_ATTACH_NO_SSP

/*
 * Rings the doorbell with any 64-bit value.  Only backends that carry addresses pass the value on
 * to ucall_vcpu_rang().  Returns when the host has run the vCPU again.
 *
 * Guest code that includes <ucall/guest.h> may use ucall() and the GUEST_ macros instead, but only
 * at the default address; if messages go by address, it must define UCALL_NO_MAILBOX first.
 * ucall(), GUEST_SYNC and GUEST_DONE are inline.  GUEST_PRINTF, GUEST_FAIL and GUEST_ASSERT call
 * functions of libucall-guest.a and use string literals, so the guest must have all of the
 * program's code and read-only data at their own addresses.
 */
static inline __attribute__((__always_inline__)) UCALL_ATTACH_PLAIN void
ucall_bell_ring_at(uint64_t address, uint64_t value)
{
	const uint64_t bell = address + UCALL_ATTACH_BELL;

	((void (*)(uint64_t, uint64_t))(uintptr_t) *
	 (const volatile uint64_t *)(uintptr_t)bell)(value, bell);
}

static inline __attribute__((__always_inline__)) UCALL_ATTACH_PLAIN void ucall_bell_ring(uint64_t value)
{
	ucall_bell_ring_at(UCALL_ATTACH_ADDRESS, value);
}

#ifndef UCALL_GUEST_BUILD

/* ---- the host ---- */

#ifndef UCALL_PUBLIC
#define UCALL_PUBLIC __attribute__((__visibility__("default")))
#endif

struct ucall_vm;
struct ucall_vcpu;
struct ucall_ops;
struct kvm_run;

/* Flags for map(), in addition to readable. */
#define UCALL_ATTACH_WRITE 1u
#define UCALL_ATTACH_EXEC 2u

/* How messages reach the host. */
#define UCALL_ATTACH_BY_MAILBOX 1u /* in the vCPU's mailbox; needs map_own() */
#define UCALL_ATTACH_BY_ADDRESS 2u /* anywhere in guest memory: the exit carries the address */

/* Zero in any field means its default.  Fields are only ever added at the end. */
struct ucall_attach_config {
	/* as in struct ucall_vm_config; NULL: $UCALL_BACKEND, else the architecture's default */
	const char *backend;
	/* the program's own backend; must live as long as the VM */
	const struct ucall_ops *ops;
	const char *ops_options;
	/* UCALL_ATTACH_BY_...; default: by address if the backend can, even with map_own() */
	unsigned int via;
	const char *arch; /* the guest's; default: the host's */
	/* "sev": the guest's memory is encrypted, its registers are not; default: none */
	const char *protection;
	int kvm_fd; /* of /dev/kvm, or 0; the owner keeps both descriptors */
	int vm_fd;
	uint32_t first_slot,
		/* memory slots that the backend may use, and the owner does not; slots 0: none */
		slots;
	/* address without memory: default of the option `gpa`, for backends that have it */
	uint64_t device_gpa;
	bool irqchip; /* the VM has, or will get, an interrupt controller in the kernel */
	int ring; /* privilege level of guest code that rings: 0 or 3 */
	size_t page_size; /* of the guest's page tables: 4096 (default), 16384 or 65536 */
	/*
	 * Guest address of the shared area; default UCALL_ATTACH_ADDRESS.  Must be a multiple of
	 * page_size that the guest's page tables can map.  The guest rings by ucall_bell_ring_at().
	 */
	uint64_t address;

	void *owner; /* first argument of the functions below */
	/*
	 * Maps zeroed guest memory at [gva, gva + size), whole pages, for every vCPU, including
	 * those added later.  Returns the host's view of it, NULL on failure.  It must live as long
	 * as the VM.  In a guest with encrypted memory it must be private, and that of map_own()
	 * shared.
	 */
	void *(*map)(void *owner, uint64_t gva, size_t size, unsigned int prot);
	/*
	 * The same for one vCPU only; `vcpu` is the argument of ucall_vcpu_attach(), which calls
	 * this: from several threads at once if several attach, and again for a vCPU that is
	 * attached again.  NULL: there are no mailboxes.
	 */
	void *(*map_own)(void *owner, void *vcpu, uint64_t gva, size_t size, unsigned int prot);
	/*
	 * Maps `size` bytes at guest-physical `gpa`, where accesses exit.  Returns the guest
	 * address, 0 on failure.  NULL: backends that need such an address are refused.
	 */
	uint64_t (*map_device)(void *owner, uint64_t gpa, size_t size);
	/*
	 * Copies guest memory as that vCPU sees it.  Returns 0, or -1.  gva comes from the guest
	 * and can be anything.  NULL: ucall_vcpu_message() reads no messages by address.
	 */
	int (*read)(void *owner, void *vcpu, uint64_t gva, void *to, size_t size);
};

/* A message in libucall's format. */
struct ucall_message {
	/*
	 * 1 SYNC, 2 ABORT, 3 PRINTF, 4 DONE of <ucall/guest.h>; 0x100 to 0xffff: the program's own
	 */
	uint32_t cmd;
	uint32_t nargs;
	uint64_t args[7];
	uint32_t text_size;
	char text[1024]; /* NUL-terminated */
};

/*
 * Computes how many bytes attaching will request from map(), and from map_own() for each vCPU,
 * without page tables.  It can be called before the VM exists: it uses no descriptors and calls no
 * callbacks, but it matters whether map_own is NULL.  vm and vcpu may be NULL.  Returns 0 or -1.
 */
UCALL_PUBLIC int ucall_attach_size_sized(const struct ucall_attach_config *config,
					 size_t config_size, size_t *vm, size_t *vcpu);

static inline int ucall_attach_size(const struct ucall_attach_config *config, size_t *vm,
				    size_t *vcpu)
{
	return ucall_attach_size_sized(config, sizeof(*config), vm, vcpu);
}

UCALL_PUBLIC struct ucall_vm *ucall_vm_attach_sized(const struct ucall_attach_config *config,
						    size_t config_size);

/*
 * Attaches a VM.  The owner frees the result with ucall_vm_free() before the VM itself.  NULL on
 * failure: EOPNOTSUPP if this backend does not support such a VM; ucall_error() says why.
 */
static inline struct ucall_vm *ucall_vm_attach(const struct ucall_attach_config *config)
{
	return ucall_vm_attach_sized(config, sizeof(*config));
}

/*
 * Attaches a vCPU before it runs.  `vcpu` is passed to the callbacks.  `number` must differ from
 * those of the VM's other attached vCPUs; guest_get_vcpuid() returns it in a guest with a mailbox.
 * `run` is the mapped struct kvm_run, of run_size bytes.  NULL on failure.
 */
UCALL_PUBLIC struct ucall_vcpu *ucall_vcpu_attach(struct ucall_vm *vm, void *vcpu,
						  unsigned int number, int fd, struct kvm_run *run,
						  size_t run_size);

/*
 * Detaches the vCPU.  Call this before its descriptor and `run` go away.  ucall_vm_free() does it
 * for all vCPUs that are left.
 */
UCALL_PUBLIC void ucall_vcpu_detach(struct ucall_vcpu *vcpu);

/*
 * Call this after a KVM_RUN that returned 0.  Returns 1 if the exit was the backend's doorbell,
 * else 0.  With 1, *where (may be NULL) is the value that the guest rang with, unchecked (0 by
 * mailbox).  Takes no message, follows no address, and returns the same until the next KVM_RUN.
 */
UCALL_PUBLIC int ucall_vcpu_rang(struct ucall_vcpu *vcpu, uint64_t *where);

/*
 * Gets the message of that exit in *message (may be NULL) and returns its command.  0: the exit was
 * not the doorbell, or it was and there is no message (ucall_vcpu_rang() tells which; a guest built
 * with UCALL_NO_MAILBOX puts no message into its mailbox).  -1: the message cannot be read
 * (EPROTO).
 *
 * By address, read() copies the message each time.  By mailbox, the message is taken, so that the
 * guest can continue, and further calls return it again.  The library does not see KVM_RUN: if the
 * guest then rings without a message, it is returned once more.  To prevent that, call
 * ucall_vcpu_forget() before each KVM_RUN.  A guest's ucall_shared() works only in libucall's own
 * VMs (EPROTO).
 */
UCALL_PUBLIC int ucall_vcpu_message(struct ucall_vcpu *vcpu, struct ucall_message *message);
/* Call this before KVM_RUN: the last message will not be returned again. */
UCALL_PUBLIC void ucall_vcpu_forget(struct ucall_vcpu *vcpu);

/*
 * True if the next KVM_RUN is what completes the instruction of the last exit (KVM API document, 5,
 * on KVM_EXIT_IO and others).  Then KVM_GET_REGS and others do not return the state after it.
 */
UCALL_PUBLIC bool ucall_vcpu_is_incomplete(struct ucall_vcpu *vcpu);

/* The KVM_EXIT_ number of the doorbell, once it has rung; 0 before. */
UCALL_PUBLIC uint32_t ucall_vm_exit_reason(const struct ucall_vm *vm);

UCALL_PUBLIC void ucall_vm_free(struct ucall_vm *vm);
UCALL_PUBLIC const char *ucall_error(void);
UCALL_PUBLIC const char *ucall_vm_backend(const struct ucall_vm *vm);
UCALL_PUBLIC const char *ucall_vm_backend_path(const struct ucall_vm *vm);

#endif /* UCALL_GUEST_BUILD */

#ifdef __cplusplus
}
#endif

#endif
