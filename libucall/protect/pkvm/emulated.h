/* SPDX-License-Identifier: MIT */
/* The rules of protected KVM on arm64, by an engine that acts as the CPU. */
#ifndef LIBUCALL_PKVM_EMULATED_H
#define LIBUCALL_PKVM_EMULATED_H

#include "protect/protect.h"

extern const struct ucall_emulation pkvm_emulation;

#endif
