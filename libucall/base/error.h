/* SPDX-License-Identifier: MIT */
/* The thread's last error.  ucall_fail() itself is public: <ucall/plugin.h>. */
#ifndef LIBUCALL_ERROR_H
#define LIBUCALL_ERROR_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

/*
 * Puts "TEXT: " before the thread's error and keeps errno: says which file or object a message is
 * about, one level up from where it arose.  Returns -1.
 */
int ucall_fail_in(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Around a call of somebody else's function that may fail without ucall_fail(): forgets the thread's error; then, if
 * there is none, "its WHAT() failed and did not say why".  The second returns -1 and keeps errno.
 */
void ucall_forget_error(void);
int ucall_fail_unsaid(const char *what);

/*
 * True after ucall_fail(EINVAL) if the caller of `function` has no VM or vCPU: most of all because creating it
 * failed and nobody looked, so the sentence has the reason of that.
 */
bool ucall_is_null(const void *object, const char *function);

/* As the functions without ucall_: NULL after ucall_fail() when there is no memory. */
void *ucall_calloc(size_t count, size_t size);
void *ucall_realloc(void *p, size_t size);
char *ucall_strdup(const char *s);
char *ucall_strndup(const char *s, size_t n);

/* ucall_fail() for a system call that has set errno: "WHAT: No such file or directory". */
int ucall_fail_call(const char *what);

#endif
