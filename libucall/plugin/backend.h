/* SPDX-License-Identifier: MIT */
/* Plugins: where they are found, and how one is loaded. */
#ifndef LIBUCALL_BACKEND_H
#define LIBUCALL_BACKEND_H

#include "base/file.h"
#include "note.h"

/* A loaded plugin.  Kept until the process ends. */
struct ucall_backend {
	struct ucall_backend *next;
	char *path;
	struct ucall_file_identity identity;
	void *file; /* the file's identity.size bytes; note points into them */
	struct ucall_note note;
	struct ucall_ops ops; /* zero beyond the plugin's size */
	uint64_t code; /* host address of its section ucall_guest, 0 if it has none */
};

/* Opens and reads a plugin's file; NULL after ucall_fail(). */
struct ucall_backend *ucall_backend_open(const char *path);
/*
 * Fills in `note` as far as possible; -1 after ucall_fail() if it is not a backend for this host.
 */
int ucall_backend_read(struct ucall_backend *b);
/* Must not be used on a loaded one. */
void ucall_backend_close(struct ucall_backend *b);

/*
 * Loads the plugin that the name part of a config string names, or returns the one already loaded.
 * Returns NULL after ucall_fail().
 */
const struct ucall_backend *ucall_backend_load(const char *name);

/*
 * The name of the default backend for that architecture and protection; free() it.  NULL after
 * ucall_fail().
 */
char *ucall_backend_default(uint32_t arch, uint32_t protection);

/* Copies ops of any size to *to; fields that they lack become zero. */
int ucall_backend_copy_ops(struct ucall_ops *to, const struct ucall_ops *from);

/*
 * Checks that at least one pair has both halves, and that no half is without the other.  Returns 0,
 * or -1 after ucall_fail().
 */
int ucall_ops_check_pairs(bool send, bool recv, bool send_shared, bool recv_shared);

#endif
