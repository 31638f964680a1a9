/* SPDX-License-Identifier: MIT */
#ifndef LIBUCALL_VCPU_H
#define LIBUCALL_VCPU_H

#include "vm.h"

/* Frees a vCPU that is not in its VM's list, or no longer. */
void ucall_vcpu_free(struct ucall_vcpu *vcpu);

#endif
