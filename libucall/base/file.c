// SPDX-License-Identifier: MIT
/* Files that are read whole, once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "file.h"

#define MAX_FILE ((off_t)64 << 20)

struct ucall_file_identity ucall_file_identity(const struct stat *st)
{
	return (struct ucall_file_identity){ st->st_dev, st->st_ino, (uint64_t)st->st_size,
					     st->st_mtim.tv_sec, st->st_mtim.tv_nsec };
}

bool ucall_file_is_same(const struct ucall_file_identity *a, const struct ucall_file_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime && a->mtime_ns == b->mtime_ns;
}

/*
 * Opens regular files only: opening a FIFO waits for its other end, and opening a device may have
 * side effects.
 */
static int open_regular(const char *path, struct stat *st)
{
	int fd = -1;

	if (stat(path, st))
		return ucall_fail(errno, "cannot open %s: %s", path, strerror(errno));
	if (S_ISREG(st->st_mode)) {
		/* It may have been replaced since stat(). */
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 || fstat(fd, st)) {
			ucall_fail(errno, "cannot open %s: %s", path, strerror(errno));
			if (fd >= 0)
				close(fd);
			return -1;
		}
	}
	if (S_ISREG(st->st_mode))
		return fd;
	if (fd >= 0)
		close(fd);
	return ucall_fail(ENOEXEC, "%s: not a regular file", path);
}

/* Reads `size` bytes into new memory; NULL with errno set on failure. */
static uint8_t *read_whole(int fd, size_t size)
{
	uint8_t *file = malloc(size + 1);

	for (size_t done = 0; file && done < size;) {
		ssize_t n = pread(fd, file + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		errno = n ? errno : EIO;
		free(file);
		file = NULL;
	}
	return file;
}

uint8_t *ucall_file_read(const char *path, struct stat *st)
{
	int fd = open_regular(path, st);
	uint8_t *file = NULL;

	if (fd < 0)
		return NULL;
	if (st->st_size > MAX_FILE) {
		ucall_fail(EFBIG, "%s: larger than 64 MiB", path);
	} else {
		file = read_whole(fd, (size_t)st->st_size);
		if (!file)
			ucall_fail(errno, "cannot read %s: %s", path, strerror(errno));
	}
	close(fd);
	return file;
}

void ucall_file_writing_begin(struct ucall_file_writing *w)
{
	sigset_t set;

	sigpending(&set);
	w->pending = sigismember(&set, SIGXFSZ);
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, &w->old);
}

void ucall_file_writing_end(const struct ucall_file_writing *w)
{
	static const struct timespec now;
	int error = errno;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	if (!w->pending)
		sigtimedwait(&set, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &w->old, NULL);
	errno = error;
}
