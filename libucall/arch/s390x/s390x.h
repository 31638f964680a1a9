/* SPDX-License-Identifier: MIT */
/* The pieces of the s390x architecture. */
#ifndef LIBUCALL_S390X_H
#define LIBUCALL_S390X_H

#include <errno.h>

#include "base/error.h"
#include "machine/pages.h"

uint64_t ucall_s390x_new_root(struct ucall_memory *mem);
int ucall_s390x_map(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t gpa,
		    unsigned int prot);
void ucall_s390x_share(struct ucall_memory *mem, uint64_t to, uint64_t from, uint64_t gva);
int ucall_s390x_walk(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *gpa,
		     unsigned int *prot);
uint64_t ucall_s390x_next(struct ucall_memory *mem, uint64_t root, uint64_t gva, uint64_t *steps);

/* An address-space-control element for a root: region-third table, of full length. */
#define S390X_ASCE_TYPE 0x7ull

/* Decodes KVM exits that only s390x has: returns 1 and fills in *exit, or returns 0. */
struct kvm_run;
int ucall_s390x_decode(const struct kvm_run *run, const uint64_t *gprs, struct ucall_exit *exit);

/* Program interruption codes (Principles of Operation, figure 6-1). */
#define S390X_PGM_OPERATION 0x01
#define S390X_PGM_PROTECTION 0x04
#define S390X_PGM_ADDRESSING 0x05
#define S390X_PGM_SEGMENT 0x10
#define S390X_PGM_PAGE 0x11
#define S390X_PGM_ASCE_TYPE 0x38
#define S390X_PGM_REGION_THIRD 0x3b

/*
 * DIAG R1,R3,D2(B2), four bytes in the guest's order: the code is D2, plus the register B2 if that
 * is not 0.
 */
#define S390X_DIAG 0x83

struct s390x_diag {
	unsigned int reg, base;
	uint32_t displacement;
};

static inline bool s390x_parse_diag(uint32_t insn, struct s390x_diag *diag)
{
	diag->reg = insn >> 20 & 0xf;
	diag->base = insn >> 12 & 0xf;
	diag->displacement = insn & 0xfff;
	return insn >> 24 == S390X_DIAG;
}

static inline void s390x_diag_exit(const struct s390x_diag *diag, uint64_t base, uint64_t value,
				   struct ucall_exit *exit)
{
	exit->reason = UCALL_EXIT_DIAG;
	exit->u.diag.code = (uint32_t)(diag->displacement + (diag->base ? base : 0)) & 0xffff;
	exit->u.diag.reg = diag->reg;
	exit->u.diag.value = value;
}

#endif
