/* SPDX-License-Identifier: MIT */
/*
 * What a channel needs from the machine below it.  libucall's own machine implements it in
 * vm/own.c, an attached VM in attach/attach.c, and a unit test in a few lines.
 */
#ifndef LIBUCALL_MACHINE_OPS_H
#define LIBUCALL_MACHINE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ucall/plugin.h>

#include "base/run-end.h"

struct ucall_arch; /* arch/arch.h */
struct ucall_protection; /* protect/protect.h */

/*
 * `vm` is struct ucall_channel.data, `cpu` struct ucall_port.cpu.  A function that fails calls
 * ucall_fail() and returns -1, NULL or 0.  A function that is NULL: the machine cannot do it.
 */
struct ucall_machine_ops {
	/* For ucall_vm_free() of a VM that is not libucall's own. */
	void (*free)(void *vm);

	/* 0 if the set-up may still change.  `what`: the public function that asks. */
	int (*check_may_change)(void *vm, const char *what);

	/*
	 * Map zeroed memory at gva, for all vCPUs or (map_own) for one, and return the host's view.
	 * prot: UCALL_MAP_ bits.
	 */
	void *(*map)(void *vm, uint64_t gva, size_t size, unsigned int prot);
	void *(*map_own)(void *cpu, uint64_t gva, size_t size, unsigned int prot);
	/* Maps the device at `gpa`, where accesses exit; returns its guest-virtual address. */
	uint64_t (*map_device)(void *vm, uint64_t gpa, size_t size);

	/*
	 * Guest memory as the vCPU sees it.  read() copies from it; message() returns the host's
	 * view of a message's first 8 bytes, if the host can read the whole message.  Without
	 * message(), messages by address cannot be acknowledged.
	 */
	int (*read)(void *cpu, uint64_t gva, void *to, size_t size);
	uint64_t *(*message)(void *cpu, uint64_t gva);

	/*
	 * The guest says that it has shared these pages with the host, or takes them back.  Returns 0,
	 * or 1 if it takes back what was not shared, and nothing changes.
	 */
	int (*pages)(void *cpu, uint64_t gva, uint64_t size, bool is_shared);

	/* Registers at the last exit; argument() costs no system call. */
	uint64_t (*argument)(void *cpu);
	int (*get_regs)(void *cpu, struct ucall_frame *regs);
	int (*set_regs)(void *cpu, const struct ucall_frame *regs);
	/*
	 * KVM's descriptors, -1 on an engine without them.  A memory slot for the backend, -1 if
	 * all are taken.
	 */
	int (*vm_fd)(void *vm);
	int (*vcpu_fd)(void *cpu);
	void *(*vcpu_run)(void *cpu);
	int (*take_slot)(void *vm);

	/*
	 * Running; all NULL for a machine whose owner runs its vCPUs.  run() fills in the port's
	 * exit.  report() is called when the end of a run is reported to the user.  It returns 0 if
	 * the caller should look at the exit, or -1 with a sentence on what went wrong.
	 * report_exit(), report_message() and report_timeout() always return -1.
	 */
	int (*check_run)(void *cpu); /* 0 if it may run now */
	enum ucall_run_end (*run)(void *cpu, int64_t deadline);
	void (*kick)(void *cpu); /* async-signal-safe */
	int (*report)(void *cpu, enum ucall_run_end end, int timeout_ms);
	int (*report_exit)(void *cpu); /* the exit is not the backend's */
	int (*report_message)(void *cpu); /* the message cannot be read; ucall_error() says why */
	int (*report_timeout)(void *cpu,
			      int timeout_ms); /* of a call that ran the vCPU several times */
};

/* What decides which backend is chosen, and whether it can serve the VM. */
struct ucall_traits {
	const struct ucall_arch *arch;
	const struct ucall_protection *protection;
	const char *engine; /* "kvm" */
	bool has_kvm; /* KVM's descriptors */
	bool irqchip; /* an interrupt controller in the kernel */
	bool guest_vc; /* the guest handles #VC */
	bool separate_image; /* the guest is not this program */
	bool attached; /* its owner runs it, and takes a message with each exit */
	int ring;
};

#endif
