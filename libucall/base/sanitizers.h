/* SPDX-License-Identifier: MIT */
/* Defines ADDRESS_SANITIZER and THREAD_SANITIZER if gcc or clang builds this with them. */
#ifndef LIBUCALL_SANITIZERS_H
#define LIBUCALL_SANITIZERS_H

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#endif
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

#endif
