/* SPDX-License-Identifier: MIT */
/* The pieces of the s390x architecture. */
#ifndef LIBUCALL_S390X_H
#define LIBUCALL_S390X_H

#include <errno.h>

#include "../../error.h"
#include "../../vm.h"

uint64_t ucall_s390x_new_root(struct ucall_vm *vm);
int ucall_s390x_map(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t gpa,
		    unsigned int prot);
void ucall_s390x_share(struct ucall_vm *vm, uint64_t to, uint64_t from, uint64_t gva);
int ucall_s390x_walk(struct ucall_vm *vm, uint64_t root, uint64_t gva, uint64_t *gpa,
		     unsigned int *prot);

/* An address-space-control element for a root: region-third table, of full length. */
#define S390X_ASCE_TYPE 0x7ull

/* ucall_fault_info.vector: a program interruption code, or this and the number of an SVC. */
#define S390X_VECTOR_SVC 0x10000u

#endif
