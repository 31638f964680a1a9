/* SPDX-License-Identifier: MIT */
/* The thread's last error.  ucall_fail() itself is public: <ucall/plugin.h>. */
#ifndef LIBUCALL_ERROR_H
#define LIBUCALL_ERROR_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <ucall/plugin.h>

/*
 * Puts "TEXT: " before the thread's error and keeps errno.  A caller uses it to add which file or
 * object the error is about.  Returns -1.
 */
int ucall_fail_in(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * For calling a backend's function, which may fail without ucall_fail().  Before the call, the
 * first clears the thread's error; after a failure, the second sets one if there is none.  The
 * second returns -1 and keeps errno.
 */
void ucall_forget_error(void);
int ucall_fail_if_silent(const char *what);

/*
 * If `object`, a VM or vCPU, is NULL: calls ucall_fail(EINVAL) and returns true.  Usually creating
 * it failed and the caller of `function` did not check, so the message repeats the error before.
 */
bool ucall_fail_if_null(const void *object, const char *function);

/* free() that keeps errno, for the way out after a failure. */
static inline void ucall_free(void *p)
{
	int error = errno;

	free(p);
	errno = error;
}

/* Like calloc(), realloc(), strdup() and strndup(); NULL after ucall_fail() if memory runs out. */
void *ucall_calloc(size_t count, size_t size);
void *ucall_realloc(void *p, size_t size);
char *ucall_strdup(const char *s);
char *ucall_strndup(const char *s, size_t n);

/* ucall_fail() for a system call that has set errno: "WHAT: No such file or directory". */
int ucall_fail_call(const char *what);

/* True if a process or the machine has run out of something, which says nothing about what failed. */
static inline bool ucall_is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

#endif
