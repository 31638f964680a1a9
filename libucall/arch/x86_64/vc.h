/* SPDX-License-Identifier: MIT */
/* The core's #VC handler, which is guest code: guest-vc.c. */
#ifndef LIBUCALL_X86_64_VC_H
#define LIBUCALL_X86_64_VC_H

#include <ucall/guest.h>

/*
 * Does through the GHCB what the instruction at frame->pc would have done, and steps over it.
 * Returns 0; otherwise it has not done so, and *frame is the exception that ends the guest.
 */
int ucall_x86_64_vc(struct ucall_frame *frame) UCALL_HIDDEN;

#endif
