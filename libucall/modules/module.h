/* SPDX-License-Identifier: MIT */
/* Modules: parts of the library that need more than libc and libelf, loaded on demand. */
#ifndef LIBUCALL_MODULE_H
#define LIBUCALL_MODULE_H

/*
 * Loads NAME.so from $UCALL_MODULE_PATH (folders, separated by colons) or the installed backend
 * folder, once per process, and returns its symbol: a structure whose `version` is at
 * `version_offset`.  A module of another libucall version is refused.  NULL: *problem says why,
 * until the thread's next call, and errno is ENOENT if there is no such module here, or says what
 * ran out.
 */
const void *ucall_module(const char *name, const char *symbol, unsigned int version_offset,
			 const char **problem);

/* The same, or NULL after ucall_fail(): "WHAT: problem"; EOPNOTSUPP if there is no such module here. */
const void *ucall_module_needed(const char *name, const char *symbol, unsigned int version_offset,
				const char *what);

/* What to do where a module is missing that needs a library: the Debian package of its headers. */
#define UCALL_INSTALL_MODULE(package) \
	"install " package " and build libucall with it, or the package libucall-plugins"

#endif
