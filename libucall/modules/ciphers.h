/* SPDX-License-Identifier: MIT */
/*
 * Ciphers for emulated memory encryption.  They are in a module of their own, which needs libcrypto
 * and is loaded when the first such VM is created.
 */
#ifndef LIBUCALL_CIPHERS_H
#define LIBUCALL_CIPHERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UCALL_XTS_KEY_SIZE 32
#define UCALL_DIGEST_SIZE 48

/* What the module exports, as `ucall_ciphers`.  All return 0, or -1. */
struct ucall_ciphers {
	const char *version; /* of libucall: both are built together */
	/* Makes a random key. */
	int (*new_key)(uint8_t key[UCALL_XTS_KEY_SIZE]);
	/*
	 * AES-128-XTS (IEEE 1619) of one data unit of `size` bytes, 16 or more, with that number.
	 */
	int (*xts)(bool encrypt, const uint8_t key[UCALL_XTS_KEY_SIZE], uint64_t unit,
		   const void *from, void *to, size_t size);
	int (*sha384)(const void *data, size_t size, uint8_t digest[UCALL_DIGEST_SIZE]);
};

/* Loads the module.  NULL after ucall_fail() (EOPNOTSUPP), which says what to install. */
const struct ucall_ciphers *ucall_ciphers_load(void);

#endif
