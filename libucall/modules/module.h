/* SPDX-License-Identifier: MIT */
/* Parts of the library that need more than libc and libelf are loaded when they are needed. */
#ifndef LIBUCALL_MODULE_H
#define LIBUCALL_MODULE_H

/*
 * Loads NAME.so from $UCALL_MODULE_PATH (folders, separated by colons) or the install's backend
 * folder, once a process, and returns its symbol, which is a structure whose `version` is at
 * `version_offset`: a module of another libucall is refused.  NULL: *problem says why, until the thread
 * asks for another.
 */
const void *ucall_module(const char *name, const char *symbol, unsigned int version_offset,
			 const char **problem);

#endif
