/* SPDX-License-Identifier: MIT */
/* The rules of protected KVM on arm64, by an engine that acts as the CPU. */
#ifndef LIBUCALL_PKVM_EMULATED_H
#define LIBUCALL_PKVM_EMULATED_H

#include "protect/protect.h"

extern const struct ucall_emulation pkvm_emulation;

/* struct ucall_guard.copy, for the real one too: the host cannot touch the guest's own memory. */
int pkvm_refuse_copy(struct ucall_machine *vm, uint64_t gpa, void *to, const void *from, size_t size);

#endif
