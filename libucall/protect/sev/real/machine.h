/* SPDX-License-Identifier: MIT */
/* What this machine has for SEV, SEV-ES and SEV-SNP, and what it lacks. */
#ifndef LIBUCALL_X86_64_MACHINE_H
#define LIBUCALL_X86_64_MACHINE_H

#include <ucall/plugin.h>

struct sev_machine {
	uint32_t features; /* CPUID 0x8000001f EAX; 0: no such leaf */
	uint32_t c_bit; /* its position: EBX[5:0] */
	/* kvm_amd's parameters sev, sev_es, sev_snp: 1 on, 0 off, -1 not there. */
	bool has_kvm_amd;
	int parameter[3];
	int vm_types; /* KVM_CAP_VM_TYPES: one bit per type; 0: an older kernel */
	bool has_hypercall_exits; /* KVM_CAP_EXIT_HYPERCALL with KVM_HC_MAP_GPA_RANGE */
	int device_error; /* errno of opening /dev/sev; 0: it can be opened */
	int firmware_error; /* errno of asking the firmware for its status; 0: it answered */
	uint8_t firmware_major, firmware_minor, firmware_build;
};

/* probe.c */
void sev_probe(struct sev_machine *m, int kvm_fd);
/* Opens /dev/sev, the secure processor: a descriptor, or -1 and errno. */
int sev_open_device(void);

/* machine.c */

/* -1 after ucall_fail() (EOPNOTSUPP, EACCES) if it cannot run VMs of that UCALL_PROTECT_ bit. */
int sev_check_machine(const struct sev_machine *m, uint32_t bit);

/* True if such VMs need KVM's calls from before Linux 6.10. */
bool sev_needs_old_api(const struct sev_machine *m, uint32_t bit);

#endif
