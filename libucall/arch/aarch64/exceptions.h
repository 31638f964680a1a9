/* SPDX-License-Identifier: MIT */
/* aarch64's exceptions: ESR_EL1 (Arm ARM, D17.2.37). */
#ifndef LIBUCALL_AARCH64_EXCEPTIONS_H
#define LIBUCALL_AARCH64_EXCEPTIONS_H

#define ESR(ec, iss) ((uint64_t)(ec) << 26 | 1u << 25 | (iss))
#define ESR_EC(esr) ((esr) >> 26 & 0x3f)
#define EC_UNKNOWN 0x00
#define EC_FP 0x07
#define EC_SVC 0x15
#define EC_HVC 0x16
#define EC_SMC 0x17
#define EC_FETCH_LOWER 0x20
#define EC_FETCH 0x21
#define EC_PC_ALIGNMENT 0x22
#define EC_DATA_LOWER 0x24
#define EC_DATA 0x25
#define EC_SP_ALIGNMENT 0x26
#define EC_SERROR 0x2f
#define EC_BRK 0x3c

/* For aborts: ISS, and the status in it, which depends on the page table's level. */
#define ISS_WRITE 0x40
#define ISS_STATUS(esr) ((esr)&0x3f)
#define STATUS_TRANSLATION(level) (0x04 + (level))
#define STATUS_PERMISSION(level) (0x0c + (level))
#define STATUS_IS_PERMISSION(status) (((status)&0x3c) == STATUS_PERMISSION(0))
#define STATUS_ALIGNMENT 0x21

#endif
