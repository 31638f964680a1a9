/* SPDX-License-Identifier: MIT */
/* A VM's backend. */
#ifndef LIBUCALL_VM_BACKEND_H
#define LIBUCALL_VM_BACKEND_H

#include "machine/vm.h"

/* Which backend; refuses one that cannot serve this VM, in words. */
int ucall_vm_choose_backend(struct ucall_vm *vm, const struct ucall_vm_config *config);

/* The bell page, the backend's guest code, and its init(). */
int ucall_vm_install_backend(struct ucall_vm *vm);
/* The backend's vcpu_init(). */
int ucall_vcpu_install_backend(struct ucall_vcpu *vcpu);

/* Its vcpu_fini() of all vCPUs and its uninit(), as far as they are due; of one vCPU. */
void ucall_vm_remove_backend(struct ucall_vm *vm);
void ucall_vcpu_remove_backend(struct ucall_vcpu *vcpu);

#endif
