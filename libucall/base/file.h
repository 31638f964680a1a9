/* SPDX-License-Identifier: MIT */
/* Files that are read whole, once. */
#ifndef LIBUCALL_FILE_H
#define LIBUCALL_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Identifies a file and its state: if all fields are equal, so are the bytes. */
struct ucall_file_identity {
	uint64_t device, inode, size;
	int64_t mtime, mtime_ns;
};

struct ucall_file_identity ucall_file_identity(const struct stat *st);
bool ucall_file_is_same(const struct ucall_file_identity *a, const struct ucall_file_identity *b);

/*
 * Reads a regular file of at most 64 MiB; free() the result.  *st is the file's state then.  NULL
 * after ucall_fail().
 */
uint8_t *ucall_file_read(const char *path, struct stat *st);

/*
 * Begin and end this thread's writes to a file in memory: writes beyond RLIMIT_FSIZE, which applies
 * to those files too, fail with EFBIG, and SIGXFSZ does not end the program.
 */
struct ucall_file_writing {
	sigset_t old;
	bool pending;
};

void ucall_file_writing_begin(struct ucall_file_writing *w);
void ucall_file_writing_end(const struct ucall_file_writing *w); /* keeps errno */

#endif
