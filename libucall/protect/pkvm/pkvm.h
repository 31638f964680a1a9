/* SPDX-License-Identifier: MIT */
/*
 * Protected guests of KVM on arm64 (Documentation/virt/kvm/arm/pkvm.rst): their memory is their own,
 * except for pages that they share with the host.
 */
#ifndef LIBUCALL_PKVM_H
#define LIBUCALL_PKVM_H

#include "kvm/kvm.h"

extern const struct ucall_kvm_guards pkvm_guards;

#endif
