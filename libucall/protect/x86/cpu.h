/* SPDX-License-Identifier: MIT */
/*
 * What the emulations of x86_64's protections do as the CPU, on any KVM: memory slots for private
 * and shared pages, exits undone, exceptions raised, MSRs that exit.
 */
#ifndef LIBUCALL_X86_CPU_H
#define LIBUCALL_X86_CPU_H

#include "kvm/kvm.h"
#include "protect/private-pages.h"

/* ---- slots.c: pages that are private, or shared, or neither ---- */

enum x86_page {
	X86_ABSENT, /* no slot: an access exits */
	X86_SHARED,
	X86_PRIVATE,
};

/* A memory slot for pages of one kind. */
struct x86_slot {
	uint64_t start, size; /* guest-physical, in bytes; size 0: free */
	enum x86_page kind;
};

/* What struct ucall_machine.guard_data begins with. */
struct x86_cpu {
	int fd; /* the VM's */
	struct ucall_private_pages pages;
	struct x86_slot *slots;
	uint32_t slot_count, slots_most; /* slots_most: in use */
	/* Slots change only while no vCPU is in KVM_RUN. */
	pthread_mutex_t gate;
	pthread_cond_t gate_moved;
	unsigned int running;
	bool paused;
};

static inline struct x86_cpu *x86_cpu(const struct ucall_machine *vm)
{
	return vm->guard_data;
}

/* For x86_fini(), even after -1. */
int x86_init(struct x86_cpu *cpu, int fd);
void x86_fini(struct x86_cpu *cpu, bool inherited);

/* Finds the highest address bit that works for this KVM's memory slots and its vCPUs' page tables. */
int x86_find_address_bit(int fd, uint64_t *found, const struct kvm_cpuid2 *cpuid);
/* KVM_SET_USER_MEMORY_REGION. */
int x86_set_slot(int fd, uint32_t slot, uint64_t gpa, uint64_t size, const void *memory);

/* Begins with these slots' numbers in use, with the kinds that they have. */
int x86_track_slots(struct ucall_machine *vm, const struct x86_slot *slots, uint32_t count);
/*
 * Makes [start, end) one slot of that kind; what remains of the slots that it cuts gets slots of
 * its own.  Only while vCPUs are paused, or before they run.  ENOSPC: there are too many slots, and
 * nothing has changed.
 */
int x86_change_slots(struct ucall_machine *vm, uint64_t start, uint64_t end, enum x86_page kind);

/* Around KVM_RUN. */
void x86_enter(struct x86_cpu *cpu);
void x86_leave(struct x86_cpu *cpu);
/* Waits until no vCPU is in KVM_RUN, and keeps them out of it. */
void x86_pause(struct ucall_machine *vm);
void x86_resume(struct x86_cpu *cpu);

/* ---- exception.c ---- */

/*
 * Raises the exception at `regs`, by the guest's interrupt descriptor table; `code` is pushed if
 * that vector has an error code.  Returns 1; 0 if the guest shut down, as vcpu->exit says; -1 on
 * error.
 */
int x86_deliver(struct ucall_cpu *vcpu, int fd, const struct kvm_regs *regs, unsigned int vector,
		uint64_t code);
/*
 * Undoes the exit in vcpu->exit, as if the instruction had not begun: *regs are those before it,
 * and *size, if not NULL, its length in bytes, 0 if that is not known.  Returns 1; 0 if that is not
 * possible; -1 on error.
 */
int x86_undo(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, unsigned int *size);
/*
 * Turns the exit into one for an access of the wrong kind to the page of `gpa`: the guest used a
 * private page as shared, or the reverse.  is_private: how it was used.  0, or -1 after
 * ucall_fail().
 */
int x86_report_mismatch(struct ucall_cpu *vcpu, int fd, uint64_t gpa, bool is_private);

/* ---- insn.c: finds the instruction of an exit ---- */

struct x86_place {
	const uint8_t *code; /* at rip, with X86_BEFORE bytes before it and `have` from it on */
	size_t have;
	const struct kvm_regs *regs; /* at the exit */
	bool moves; /* completing the instruction moves rip, so it is still at the start */
	/* True if the exit's access was to guest address `gva`. */
	bool (*is_target)(void *data, uint64_t gva);
	void *data;
};

#define X86_BEFORE 15

/* Finds the start of the instruction that made `exit`: *regs are those before it. */
bool x86_find_start(const struct x86_place *at, const struct ucall_exit *exit,
		    struct kvm_regs *regs);

/* The general register with that number in instructions. */
uint64_t *x86_reg(struct kvm_regs *regs, unsigned int number);

/* ---- io.c: a port access that the guest asks for, as KVM shows it ---- */

/* Fills in `run` and vcpu->exit; `data` is what is written. */
void x86_show_io(struct ucall_cpu *vcpu, struct kvm_run *run, size_t run_size, uint16_t port,
		 uint8_t size, bool is_write, uint64_t data);
/* What the caller has put there as the answer to a read. */
uint64_t x86_read_io(const struct kvm_run *run, size_t run_size);

/* ---- cpuid.c ---- */

/* A copy with room for `more` leaves; NULL after ucall_fail(). */
struct kvm_cpuid2 *x86_copy_cpuid(const struct kvm_cpuid2 *cpuid, uint32_t more);
/* The leaf, which is added if it is missing. */
struct kvm_cpuid_entry2 *x86_cpuid_leaf(struct kvm_cpuid2 *cpuid, uint32_t function);
/* Looks up a leaf; all zero if it is missing (APM volume 3, appendix E). */
void x86_find_cpuid(const struct kvm_cpuid2 *cpuid, uint32_t function, uint32_t index,
		    uint32_t values[4]);

/* ---- msrs.c ---- */

/* KVM_GET_MSRS or KVM_SET_MSRS of one: false if the vCPU does not have it. */
bool x86_access_msr(int fd, uint32_t index, bool is_write, uint64_t *value);

struct x86_msrs {
	uint32_t first, count;
};

/* Fails if MSRs cannot exit to user space here. */
int x86_check_msr_exits(int kvm_fd);
/* MSRs that exit: only those, or all but those. */
int x86_filter_msrs(int fd, const struct x86_msrs *msrs, unsigned int count, bool only_these);

/* ---- steps ---- */

/* Fails if a VM cannot be single-stepped, for which `option` asks. */
int x86_check_steps(const struct ucall_machine *vm, const char *option);

/* The next instruction's code and the registers before it, with ENDBR64 skipped. */
int x86_look_ahead(struct ucall_cpu *vcpu, int fd, struct kvm_regs *regs, uint8_t *code,
		   size_t size);

#endif
