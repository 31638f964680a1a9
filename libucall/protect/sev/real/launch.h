/* SPDX-License-Identifier: MIT */
/*
 * The calls by which KVM makes a VM with encrypted memory, as data: one table of steps, which sev_launch()
 * goes through, calling ioctl() or what a test puts in its place, and sev_launch_list() writes out.
 */
#ifndef LIBUCALL_X86_64_LAUNCH_H
#define LIBUCALL_X86_64_LAUNCH_H

#include <ucall/plugin.h>

#include "protect/sev/kvm-sev.h"

/* A step belongs to a part of the VM's life; what lies between the parts is the engine's own work. */
enum sev_part {
	SEV_PART_CREATE, /* the VM itself: returns its descriptor */
	SEV_PART_INIT,
	SEV_PART_MEMORY,
	SEV_PART_LAUNCH, /* after all vCPUs have their registers */
	SEV_PARTS,
};

struct sev_launch {
	/* What is to be launched. */
	uint32_t bit; /* UCALL_PROTECT_ */
	bool old_api; /* KVM_SEV_INIT and KVM_SEV_ES_INIT: Linux before 6.10 */
	uint64_t policy;
	int kvm_fd, sev_fd;
	void *memory; /* what guest-physical address 0 is here */
	uint64_t memory_size;
	void *source; /* SNP: the same for what private pages are to contain */
	uint64_t private_start, private_end; /* guest-physical */

	/* How, and what came of it. */
	int (*call)(void *data, int fd, unsigned long request, void *arg); /* ioctl(2) */
	void *call_data;
	int vm_fd, memfd; /* -1: not there; the caller closes both */
	uint32_t handle; /* SEV and SEV-ES: the firmware's */
	uint8_t *measurement;
	uint32_t measurement_room, measurement_size;
};

/* All steps of one part.  0, or -1 after ucall_fail(), which names the call and the firmware's code. */
int sev_launch(struct sev_launch *l, enum sev_part part);

/* The same in words, a call a line as strace writes them; new memory, NULL after ucall_fail(). */
char *sev_launch_list(const struct sev_launch *l, unsigned int vcpus);

/* The name of a firmware's code: "SEV_RET_INVALID_LEN"; NULL: it has none. */
const char *sev_firmware_error(uint32_t error);

#endif
