/* SPDX-License-Identifier: MIT */
/* Files that are read whole, once. */
#ifndef LIBUCALL_FILE_H
#define LIBUCALL_FILE_H

#include <stdint.h>
#include <sys/stat.h>

/*
 * The bytes of a regular file of at most 64 MiB, for free(); *fd is open for reading and *st is what
 * it was then.  NULL after ucall_fail(); *fd may be open then, or is -1.
 */
uint8_t *ucall_file_read(const char *path, int *fd, struct stat *st);

#endif
