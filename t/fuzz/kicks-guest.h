/* SPDX-License-Identifier: MIT */
/* The guest of the fuzz target kicks, which is compiled without the fuzzer's instrumentation. */
#ifndef FUZZ_KICKS_GUEST_H
#define FUZZ_KICKS_GUEST_H

#include <stdint.h>

/* Sends messages; after every fourth, runs a loop `spins` times. */
void guest_busy(uint64_t spins);

#endif
