/* SPDX-License-Identifier: MIT */
/*
 * The parts of KVM's interface for SEV, SEV-ES and SEV-SNP that are used here, under libucall's own
 * names: <linux/kvm.h> may be older than the running kernel.  Each part gives the Linux version
 * that added it.  See the KVM API document, "Secure Encrypted Virtualization (SEV)".
 */
#ifndef LIBUCALL_X86_64_KVM_SEV_H
#define LIBUCALL_X86_64_KVM_SEV_H

#include "protect/x86/kvm-private.h"

/* ---- Linux 4.16: SEV ---- */

#define SEV_IOCTL_REGISTER _IOR(KVMIO, 0xbb, struct sev_region) /* KVM_MEMORY_ENCRYPT_REG_REGION */

struct sev_region { /* struct kvm_enc_region */
	uint64_t addr, size;
};

struct sev_command { /* struct kvm_sev_cmd */
	uint32_t id, pad0;
	uint64_t data;
	uint32_t error; /* the firmware's */
	uint32_t sev_fd; /* /dev/sev */
};

enum sev_command_id {
	SEV_INIT = 0,
	SEV_ES_INIT = 1, /* 5.11 */
	SEV_LAUNCH_START = 2,
	SEV_LAUNCH_UPDATE_DATA = 3,
	SEV_LAUNCH_UPDATE_VMSA = 4, /* 5.11 */
	SEV_LAUNCH_MEASURE = 6,
	SEV_LAUNCH_FINISH = 7,
	SEV_GUEST_STATUS = 16,
	SEV_INIT2 = 22, /* 6.10 */
	SEV_SNP_LAUNCH_START = 100, /* 6.11 */
	SEV_SNP_LAUNCH_UPDATE = 101, /* 6.11 */
	SEV_SNP_LAUNCH_FINISH = 102, /* 6.11 */
};

struct sev_launch_start { /* struct kvm_sev_launch_start */
	uint32_t handle, policy;
	uint64_t dh_uaddr;
	uint32_t dh_len, pad0;
	uint64_t session_uaddr;
	uint32_t session_len, pad1;
};

struct sev_launch_update_data { /* struct kvm_sev_launch_update_data */
	uint64_t uaddr;
	uint32_t len, pad0;
};

struct sev_launch_measure { /* struct kvm_sev_launch_measure */
	uint64_t uaddr;
	uint32_t len, pad0;
};

struct sev_guest_status { /* struct kvm_sev_guest_status */
	uint32_t handle, policy, state;
};

#define SEV_STATE_RUNNING 3 /* SEV API specification, 4.2: GSTATE */

/* A guest's policy (SEV API specification, 3.2; SEV-SNP firmware ABI, 4.3). */
#define SEV_POLICY_NO_DEBUG (1u << 0)
#define SEV_POLICY_ES (1u << 2)
#define SEV_SNP_POLICY_SMT (1u << 16)
#define SEV_SNP_POLICY_RESERVED (1u << 17) /* must be 1 */

/* ---- Linux 6.0 ---- */

#define SEV_EVENT_TERM 6 /* KVM_SYSTEM_EVENT_SEV_TERM */

/* ---- Linux 6.10, 6.11: VM types ---- */

#define SEV_VM_SEV 2 /* KVM_X86_SEV_VM, 6.10 */
#define SEV_VM_ES 3 /* KVM_X86_SEV_ES_VM, 6.10 */
#define SEV_VM_SNP 4 /* KVM_X86_SNP_VM, 6.11 */

struct sev_init2 { /* struct kvm_sev_init */
	uint64_t vmsa_features;
	uint32_t flags;
	uint16_t ghcb_version, pad1;
	uint32_t pad2[8];
};

struct sev_snp_launch_start { /* struct kvm_sev_snp_launch_start */
	uint64_t policy;
	uint8_t gosvw[16];
	uint16_t flags;
	uint8_t pad0[6];
	uint64_t pad1[4];
};

struct sev_snp_launch_update { /* struct kvm_sev_snp_launch_update */
	uint64_t gfn_start, uaddr, len;
	uint8_t type, pad0;
	uint16_t flags;
	uint32_t pad1;
	uint64_t pad2[4];
};

#define SEV_SNP_PAGE_NORMAL 1 /* KVM_SEV_SNP_PAGE_TYPE_NORMAL */

struct sev_snp_launch_finish { /* struct kvm_sev_snp_launch_finish */
	uint64_t id_block_uaddr, id_auth_uaddr;
	uint8_t id_block_en, auth_key_en, vcek_disabled;
	uint8_t host_data[32];
	uint8_t pad0[3];
	uint16_t flags;
	uint64_t pad1[4];
};

#define SEV_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
SEV_SIZE(sev_command, 24);
SEV_SIZE(sev_launch_start, 40);
SEV_SIZE(sev_init2, 48);
SEV_SIZE(sev_snp_launch_start, 64);
SEV_SIZE(sev_snp_launch_update, 64);
SEV_SIZE(sev_snp_launch_finish, 88);
#undef SEV_SIZE

#endif
