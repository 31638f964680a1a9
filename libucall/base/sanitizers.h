/* SPDX-License-Identifier: MIT */
/* ADDRESS_SANITIZER, THREAD_SANITIZER: what this is built with, in gcc's words or clang's. */
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
