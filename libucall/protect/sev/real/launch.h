/* SPDX-License-Identifier: MIT */
/*
 * The KVM calls that make a VM with encrypted memory, as data: a table of steps.  sev_launch() runs
 * them, by ioctl() or a test's replacement for it; sev_launch_list() writes them out.
 */
#ifndef LIBUCALL_X86_64_LAUNCH_H
#define LIBUCALL_X86_64_LAUNCH_H

#include <ucall/plugin.h>

#include "protect/sev/kvm-sev.h"

/* Each step belongs to a part of the VM's life; between the parts the engine does its own work. */
enum sev_part {
	SEV_PART_CREATE, /* the VM itself: returns its descriptor */
	SEV_PART_INIT,
	SEV_PART_MEMORY,
	SEV_PART_LAUNCH, /* after all vCPUs have their registers */
	SEV_PARTS,
};

struct sev_launch {
	/* What to launch. */
	uint32_t bit; /* UCALL_PROTECT_ */
	bool old_api; /* KVM_SEV_INIT and KVM_SEV_ES_INIT: Linux before 6.10 */
	uint64_t policy;
	int kvm_fd, sev_fd;
	void *memory; /* the host's address of guest-physical address 0 */
	uint64_t memory_size;
	void *source; /* SNP: the same, for the initial contents of private pages */
	uint64_t private_start, private_end; /* guest-physical */

	/* How to call, and the results. */
	int (*call)(void *data, int fd, unsigned long request, void *arg); /* ioctl(2) */
	void *call_data;
	int vm_fd, memfd; /* -1: none; the caller closes both */
	uint32_t handle; /* SEV and SEV-ES: the firmware's */
	uint8_t *measurement;
	uint32_t measurement_room, measurement_size;
};

/* Runs all steps of one part.  -1 after ucall_fail(), with the call and the firmware's code. */
int sev_launch(struct sev_launch *l, enum sev_part part);

/* The same calls as text, one per line as in strace; new memory, NULL after ucall_fail(). */
char *sev_launch_list(const struct sev_launch *l, unsigned int vcpus);

/* The name of a firmware error: "SEV_RET_INVALID_LEN"; NULL: unknown. */
const char *sev_firmware_error(uint32_t error);

#endif
