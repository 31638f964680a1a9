/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_DEMO_GUEST_H
#define TOOLS_DEMO_GUEST_H

#include <ucall/guest.h>

void guest_main(uint64_t first, uint64_t second);

#endif
