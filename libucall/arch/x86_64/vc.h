/* SPDX-License-Identifier: MIT */
/* The core's #VC handler, which is guest code: guest-vc.c. */
#ifndef LIBUCALL_X86_64_VC_H
#define LIBUCALL_X86_64_VC_H

#include <ucall/guest.h>

/*
 * Does by the GHCB what the instruction at regs->rip would have done, and moves on.  Other than 0: it does
 * not, and *regs is the exception that ends the guest.
 */
int ucall_x86_64_vc(struct ucall_ex_regs *regs) UCALL_HIDDEN;

/* The section that has it. */
extern const uint8_t ucall_vc_start[] __asm__("__start_ucall_vc") UCALL_HIDDEN;
extern const uint8_t ucall_vc_end[] __asm__("__stop_ucall_vc") UCALL_HIDDEN;

#endif
