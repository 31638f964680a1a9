/* SPDX-License-Identifier: MIT */
/* Guest integers in host byte order, and the reverse. */
#ifndef LIBUCALL_BYTE_ORDER_H
#define LIBUCALL_BYTE_ORDER_H

#include "arch/arch.h"

static inline bool ucall_is_swapped(const struct ucall_arch *arch)
{
	return arch->big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
}

static inline uint64_t ucall_guest64(const struct ucall_arch *arch, uint64_t value)
{
	return ucall_is_swapped(arch) ? __builtin_bswap64(value) : value;
}

static inline uint32_t ucall_guest32(const struct ucall_arch *arch, uint32_t value)
{
	return ucall_is_swapped(arch) ? __builtin_bswap32(value) : value;
}

static inline uint16_t ucall_guest16(const struct ucall_arch *arch, uint16_t value)
{
	return ucall_is_swapped(arch) ? __builtin_bswap16(value) : value;
}

/* In either direction. */
static inline void ucall_guest_frame(const struct ucall_arch *arch, struct ucall_frame *to,
				     const struct ucall_frame *from)
{
	const uint64_t *f = (const uint64_t *)(const void *)from;
	uint64_t *t = (uint64_t *)(void *)to;

	for (size_t i = 0; i < sizeof(*from) / sizeof(*f); i++)
		t[i] = ucall_guest64(arch, f[i]);
}

#endif
