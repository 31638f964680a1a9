/* SPDX-License-Identifier: MIT */
/*
 * Runs work in a child process, so that whatever ends it (an emulator that aborts, a plugin that
 * exits, a guest that never finishes) ends only that process.  For programs: the harness and the
 * ucall command.
 */
#ifndef LIBUCALL_CHILD_H
#define LIBUCALL_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct ucall_child {
	/* Called in the child, which then calls exit() with the result. */
	int (*work)(void *data);
	void *data; /* results of `work` go into memory from ucall_child_memory() */
	unsigned int limit; /* seconds; 0: none */
	/*
	 * If set, this process writes out the child's stdout with this before each line, and the
	 * child is a process group, which is killed when the child ends.
	 */
	const char *prefix;

	/* The result. */
	bool returned; /* `work` returned, with `status` */
	bool exited; /* with `status`, which may be somebody else's exit() */
	bool lost; /* it ended, and other code took its status */
	bool timed_out; /* it was ended after `limit` */
	int status, signal;
	char where[256]; /* the code that the signal came from, "" if not known */
};

/* Zeroed memory that this process and its children share; NULL on failure. */
void *ucall_child_memory(size_t size);
void ucall_child_free(void *memory, size_t size);

/* Returns 0, or -1 with errno if no child can be created. */
int ucall_child_run(struct ucall_child *child);

/* Describes how a child ended that did not return: "died by SIGABRT at ..." */
void ucall_child_describe(const struct ucall_child *child, char *text, size_t size);

#endif
