/* SPDX-License-Identifier: MIT */
/*
 * What a channel needs of the machine below it.  libucall's own machine has one (vm/own.c), an
 * attached VM another (attach/attach.c), a unit test one of a few lines.
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
 * `vm` is struct ucall_channel.data, `cpu` struct ucall_port.cpu.  A function that fails has called
 * ucall_fail(), and returns -1, NULL or 0.  NULL in place of a function: the machine cannot do it.
 */
struct ucall_machine_ops {
	/* For ucall_vm_free() of a VM that is not libucall's own. */
	void (*free)(void *vm);

	/* 0 if the set-up may still change.  `what`: the public function that asks. */
	int (*may_change)(void *vm, const char *what);

	/*
	 * Zeroed memory at that guest address for all vCPUs, and for one: the host's view.  prot:
	 * UCALL_MAP_.
	 */
	void *(*map)(void *vm, uint64_t gva, size_t size, unsigned int prot);
	void *(*map_own)(void *cpu, uint64_t gva, size_t size, unsigned int prot);
	/* A guest-virtual address for the device at `gpa`, accesses to which exit. */
	uint64_t (*map_device)(void *vm, uint64_t gpa, size_t size);

	/*
	 * Guest memory as the vCPU sees it: copies from it; the host's view of the first 8 bytes of
	 * a message, all of which the host can read (NULL: messages by address cannot be
	 * acknowledged).
	 */
	int (*read)(void *cpu, uint64_t gva, void *to, size_t size);
	uint64_t *(*message)(void *cpu, uint64_t gva);

	/* Registers at the last exit; argument() costs no system call. */
	uint64_t (*argument)(void *cpu);
	int (*get_regs)(void *cpu, struct ucall_frame *regs);
	int (*set_regs)(void *cpu, const struct ucall_frame *regs);
	/*
	 * KVM's descriptors, -1 on an engine without them.  A memory slot for the backend, -1 if all
	 * are taken.
	 */
	int (*vm_fd)(void *vm);
	int (*vcpu_fd)(void *cpu);
	void *(*vcpu_run)(void *cpu);
	int (*take_slot)(void *vm);

	/*
	 * Running; all NULL for a machine whose owner runs its vCPUs.  run() fills in the port's
	 * exit.  report() is called when the end of a run is told to the user: 0 if the exit is to
	 * be looked at, or -1 and the sentence on what went wrong.  After report_exit(),
	 * report_message() and report_timeout() it always is -1.
	 */
	int (*check_run)(void *cpu); /* may it run now? */
	enum ucall_run_end (*run)(void *cpu, int64_t deadline);
	void (*kick)(void *cpu); /* async-signal-safe */
	int (*report)(void *cpu, enum ucall_run_end end, int timeout_ms);
	int (*report_exit)(void *cpu); /* the exit is not the backend's */
	int (*report_message)(void *cpu); /* the message cannot be read; ucall_error() says why */
	int (*report_timeout)(void *cpu,
			      int timeout_ms); /* the limit of a call that ran it several times */
};

/* What a backend, and whether it can serve, depends on. */
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
