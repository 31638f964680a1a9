/* SPDX-License-Identifier: MIT */
/*
 * The core's handlers for exceptions that are raised instead of exits, which are guest code: guest-vc.c,
 * guest-ve.c.
 */
#ifndef LIBUCALL_X86_64_EXITS_H
#define LIBUCALL_X86_64_EXITS_H

#include <ucall/guest.h>

/*
 * Do through the GHCB, or by TDG.VP.VMCALL, what the instruction at frame->pc would have done, and step
 * over it.  Return 0; otherwise they have not done so, and *frame is the exception that ends the guest.
 */
int ucall_x86_64_vc(struct ucall_frame *frame) UCALL_HIDDEN;
int ucall_x86_64_ve(struct ucall_frame *frame) UCALL_HIDDEN;

#endif
