/* SPDX-License-Identifier: MIT */
/*
 * <ucall/attach.h> - backends for VMs that somebody else made.
 *
 * A program that has KVM's descriptors, guest memory and page tables of its own gets libucall's
 * doorbells here: it attaches its VM and vCPUs, goes on to run them by its own KVM_RUN, and asks
 * after each exit whether that was the backend's doorbell.  docs/ATTACH.md builds such a program
 * step by step.
 *
 * This header needs no other of libucall's, and defines no name that collides with a struct ucall,
 * a ucall(), a get_ucall() or GUEST_ macros of the program's own; it can also stand beside
 * <ucall/ucall.h>.  ucall_vm_free(), ucall_error(), ucall_vm_backend() and ucall_vm_backend_path()
 * are declared here as they are there.
 *
 * Errors: -1, NULL or 0, errno and ucall_error().  Threads: as in <ucall/ucall.h>; each vCPU is
 * used by one at a time.
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
#define UCALL_ATTACH_BELL 0x1000ull /* of the bell page, from there */
#define UCALL_ATTACH_AREA 0x12000ull

/* ---- the guest ---- */

/*
 * Marks a guest function that stands in the host's program: no vector registers, stack protector or
 * instrumentation, whatever the compiler's flags.  If you copy it to the guest by section, add the
 * section attribute yourself.
 */
#if defined(__x86_64__)
#define UCALL_ATTACH_TARGET __attribute__((target("general-regs-only")))
#else
#define UCALL_ATTACH_TARGET
#endif
#if defined(__clang__) || __GNUC__ >= 11
#define UCALL_ATTACH_NO_SSP __attribute__((no_stack_protector))
#else
#define UCALL_ATTACH_NO_SSP __attribute__((optimize("no-stack-protector")))
#endif
#if defined(__has_attribute)
#if __has_attribute(no_profile_instrument_function)
#define UCALL_ATTACH_NO_PROFILE __attribute__((no_profile_instrument_function))
#endif
#endif
#ifndef UCALL_ATTACH_NO_PROFILE
#define UCALL_ATTACH_NO_PROFILE
#endif
#define UCALL_ATTACH_PLAIN \
	UCALL_ATTACH_TARGET UCALL_ATTACH_NO_PROFILE __attribute__(( \
		no_sanitize("address", "undefined", "thread"), no_instrument_function))
#define UCALL_ATTACH_GUEST __attribute__((noinline, used)) UCALL_ATTACH_PLAIN UCALL_ATTACH_NO_SSP

/*
 * Rings with any 64-bit value.  Whether the host learns of it depends on the backend: one that
 * carries addresses gives it to ucall_vcpu_rang().  Returns when the host has run the vCPU again.
 *
 * Guest code that includes <ucall/guest.h> may use ucall() and the GUEST_ macros instead, at the
 * default address alone; if messages go by address it defines UCALL_NO_MAILBOX first.  ucall(),
 * GUEST_SYNC and GUEST_DONE are inline. GUEST_PRINTF, GUEST_FAIL and GUEST_ASSERT call functions of
 * libucall-guest.a and have string literals: the guest must have all of the program's code and
 * read-only data at their own addresses.
 */
static inline __attribute__((always_inline)) UCALL_ATTACH_PLAIN void
ucall_bell_ring_at(uint64_t address, uint64_t value)
{
	const uint64_t bell = address + UCALL_ATTACH_BELL;

	((void (*)(uint64_t, uint64_t))(uintptr_t) *
	 (const volatile uint64_t *)(uintptr_t)bell)(value, bell);
}

static inline __attribute__((always_inline)) UCALL_ATTACH_PLAIN void ucall_bell_ring(uint64_t value)
{
	ucall_bell_ring_at(UCALL_ATTACH_ADDRESS, value);
}

#ifndef UCALL_GUEST_BUILD

/* ---- the host ---- */

#ifndef UCALL_PUBLIC
#define UCALL_PUBLIC __attribute__((visibility("default")))
#endif

struct ucall_vm;
struct ucall_vcpu;
struct ucall_ops;
struct kvm_run;

/* How map() is to map, beside readable. */
#define UCALL_ATTACH_WRITE 1u
#define UCALL_ATTACH_EXEC 2u

/* How messages come. */
#define UCALL_ATTACH_BY_MAILBOX 1u /* in the vCPU's mailbox; needs map_own() */
#define UCALL_ATTACH_BY_ADDRESS 2u /* wherever the guest has them: the exit carries the address */

/* Zero in any field means its default.  Fields are only ever added at the end. */
struct ucall_attach_config {
	/* as in struct ucall_vm_config: NULL, $UCALL_BACKEND, else the architecture's default */
	const char *backend;
	/* a backend of the program's own, which lives as long as the VM */
	const struct ucall_ops *ops;
	const char *ops_options;
	/* UCALL_ATTACH_BY_...; default: by address if the backend can, even with map_own() */
	unsigned int via;
	const char *arch; /* the guest's; default: the host's */
	/* "sev": the guest's memory is encrypted, its registers are not; default: none */
	const char *protection;
	int kvm_fd; /* of /dev/kvm, or 0; both descriptors stay the owner's */
	int vm_fd;
	uint32_t first_slot,
		/* memory slots that the owner does not use, for the backend; slots 0: none */
		slots;
	/*
	 * where no memory is: used as the option gpa by backends that have one, unless it is given
	 */
	uint64_t device_gpa;
	bool irqchip; /* the VM has, or will get, an interrupt controller in the kernel */
	int ring; /* privilege level of guest code that rings: 0 or 3 */
	size_t page_size; /* of the guest's page tables: 4096 (default), 16384 or 65536 */
	/*
	 * Of the shared area: default UCALL_ATTACH_ADDRESS.  An address that the guest's page
	 * tables can have, and a multiple of page_size.  The guest rings by ucall_bell_ring_at().
	 */
	uint64_t address;

	void *owner; /* the first argument of: */
	/*
	 * Zeroed memory for the guest at [gva, gva + size), whole pages, in the address space of
	 * every vCPU, those to come included.  Returns the host's view of it, NULL on failure.  It
	 * lives as long as the VM.  In a guest with encrypted memory it is private, and what
	 * map_own() gives is shared.
	 */
	void *(*map)(void *owner, uint64_t gva, size_t size, unsigned int prot);
	/*
	 * The same for one vCPU alone; `vcpu` is what ucall_vcpu_attach() was given, which calls
	 * it, from several threads at once if several attach; again for a vCPU that is attached
	 * again.  NULL: there are no mailboxes.
	 */
	void *(*map_own)(void *owner, void *vcpu, uint64_t gva, size_t size, unsigned int prot);
	/*
	 * Where the guest sees `size` bytes of guest-physical addresses at `gpa`, accesses to which
	 * exit; 0 on failure.  NULL: backends that need such an address are refused.
	 */
	uint64_t (*map_device)(void *owner, uint64_t gpa, size_t size);
	/*
	 * Copies guest memory as that vCPU sees it: 0, or -1.  The address is the guest's, and can
	 * be anything.  NULL: ucall_vcpu_message() reads no messages by address.
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
 * How many bytes attaching will ask of map(), and of map_own() for each vCPU, without page tables.
 * It can be called before the VM exists: descriptors are not used and callbacks not called, but
 * whether map_own is NULL matters.  vm and vcpu may be NULL.  Returns 0 or -1.
 */
UCALL_PUBLIC int ucall_attach_size_sized(const struct ucall_attach_config *config,
					 size_t config_size, size_t *vm, size_t *vcpu);

static inline int ucall_attach_size(const struct ucall_attach_config *config, size_t *vm, size_t *vcpu)
{
	return ucall_attach_size_sized(config, sizeof(*config), vm, vcpu);
}

UCALL_PUBLIC struct ucall_vm *ucall_vm_attach_sized(const struct ucall_attach_config *config,
						    size_t config_size);

/*
 * Attaches a VM.  Its owner frees the result with ucall_vm_free() before the VM itself.  NULL on
 * failure: EOPNOTSUPP means that this backend cannot serve such a VM, and ucall_error() says why.
 */
static inline struct ucall_vm *ucall_vm_attach(const struct ucall_attach_config *config)
{
	return ucall_vm_attach_sized(config, sizeof(*config));
}

/*
 * Attaches a vCPU, before it runs: `vcpu` is the owner's, for the callbacks; `number` is one that
 * no other attached vCPU of the VM has, and what guest_get_vcpuid() gives in a guest with a
 * mailbox; `run` is the mapped struct kvm_run, of run_size bytes.  NULL on failure.
 */
UCALL_PUBLIC struct ucall_vcpu *ucall_vcpu_attach(struct ucall_vm *vm, void *vcpu,
						  unsigned int number, int fd, struct kvm_run *run,
						  size_t run_size);

/*
 * Forgets the vCPU, before its descriptor and `run` go.  ucall_vm_free() does it for all that are
 * left.
 */
UCALL_PUBLIC void ucall_vcpu_detach(struct ucall_vcpu *vcpu);

/*
 * After a KVM_RUN of the owner's that returned 0: was that the backend's doorbell?  1, and *where
 * (may be NULL) is the value that the guest rang with, as it gave it, which is checked for nothing
 * (0 by mailbox); or 0.  Takes nothing, follows no address, and answers the same however often,
 * until the next KVM_RUN.
 */
UCALL_PUBLIC int ucall_vcpu_rang(struct ucall_vcpu *vcpu, uint64_t *where);

/*
 * The message of that exit: its command, and *message (may be NULL).  0: the exit is not the
 * doorbell's, or it is and there is no message (ucall_vcpu_rang() tells which; a guest that was
 * built with UCALL_NO_MAILBOX puts none into its mailbox).  -1: it cannot be read (EPROTO).
 *
 * By address the message is copied by read() each time.  By mailbox it is taken, so that the guest
 * can go on, and given again to who asks again.  The library does not see KVM_RUN: should a guest
 * then ring without a message, it would be given once more.  An owner that wants to know calls
 * ucall_vcpu_forget() before each KVM_RUN.  A guest's ucall_shared() is for libucall's own VMs
 * (EPROTO).
 */
UCALL_PUBLIC int ucall_vcpu_message(struct ucall_vcpu *vcpu, struct ucall_message *message);
/* A KVM_RUN comes: the last message is not to be given again. */
UCALL_PUBLIC void ucall_vcpu_forget(struct ucall_vcpu *vcpu);

/*
 * Is the instruction of the last exit completed by the next KVM_RUN alone (KVM API document, 5, on
 * KVM_EXIT_IO and others)?  Then the state that KVM_GET_REGS and others tell is not the one after
 * it.
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
