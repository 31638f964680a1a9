/* SPDX-License-Identifier: MIT */
/* The thread's last error.  ucall_fail() itself is public: <ucall/plugin.h>. */
#ifndef LIBUCALL_ERROR_H
#define LIBUCALL_ERROR_H

#include <ucall/plugin.h>

/*
 * Puts "TEXT: " before the thread's error and keeps errno: says which file or object a message is
 * about, one level up from where it arose.  Returns -1.
 */
int ucall_fail_in(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ucall_fail() for a system call that has set errno: "WHAT: No such file or directory". */
int ucall_fail_call(const char *what);

#endif
