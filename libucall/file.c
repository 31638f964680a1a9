// SPDX-License-Identifier: MIT
/* Files that are read whole, once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

uint8_t *ucall_file_read(const char *path, int *fd, struct stat *st)
{
	uint8_t *file = NULL;
	size_t size;

	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd < 0) {
		ucall_fail(errno, "cannot open %s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(*fd, st))
		goto failed;
	if (!S_ISREG(st->st_mode)) {
		ucall_fail(ENOEXEC, "%s: not a regular file", path);
		return NULL;
	}
	if (st->st_size > MAX_FILE) {
		ucall_fail(EFBIG, "%s: a file of more than 64 MiB", path);
		return NULL;
	}
	size = (size_t)st->st_size;
	file = malloc(size + 1);
	if (!file)
		goto failed;
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(*fd, file + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			errno = n ? errno : EIO;
			goto failed;
		}
		done += (size_t)n;
	}
	return file;

failed:
	ucall_fail(errno, "cannot read %s: %s", path, strerror(errno));
	free(file);
	return NULL;
}
