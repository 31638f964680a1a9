/* SPDX-License-Identifier: MIT */
#ifndef LIBUCALL_X86_MODULE_PARAMETER_H
#define LIBUCALL_X86_MODULE_PARAMETER_H

/* A switch of one of KVM's modules: 1: on, 0: off, -1: there is none, or the module is not loaded. */
int x86_module_parameter(const char *module, const char *name);

#endif
