/* SPDX-License-Identifier: MIT */
/* Files that are read whole, once. */
#ifndef LIBUCALL_FILE_H
#define LIBUCALL_FILE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Which file it is, and in what state: if all of it is the same, so are the bytes. */
struct ucall_file_identity {
	uint64_t device, inode, size;
	int64_t mtime, mtime_ns;
};

struct ucall_file_identity ucall_file_identity(const struct stat *st);
bool ucall_file_is_same(const struct ucall_file_identity *a, const struct ucall_file_identity *b);

/*
 * The bytes of a regular file of at most 64 MiB, for free(); *st is what it was then.  NULL after ucall_fail().
 */
uint8_t *ucall_file_read(const char *path, struct stat *st);

/*
 * Around writes of this thread to a file in memory: beyond RLIMIT_FSIZE, which counts for those too, they fail with
 * EFBIG, and no SIGXFSZ ends the program.
 */
struct ucall_file_writing {
	sigset_t old;
	bool pending;
};

void ucall_file_writing_begin(struct ucall_file_writing *w);
void ucall_file_writing_end(const struct ucall_file_writing *w); /* keeps errno */

#endif
