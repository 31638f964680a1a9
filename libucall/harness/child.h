/* SPDX-License-Identifier: MIT */
/*
 * Work in a child process, so that whatever ends it (an emulator that aborts, a plugin that exits, a guest that is
 * never done) ends no more than that.  For programs: the harness and the ucall command.
 */
#ifndef LIBUCALL_CHILD_H
#define LIBUCALL_CHILD_H

#include <stdbool.h>
#include <stddef.h>

struct ucall_child {
	/* In the child; it then ends with exit(), with this status. */
	int (*work)(void *data);
	void *data; /* what `work` is to give back lies in memory of ucall_child_memory() */
	unsigned int limit; /* seconds; 0: none */
	/*
	 * What the child writes to stdout comes out of this process, each line after this, and the child is a process
	 * group that is ended with it; NULL: neither.
	 */
	const char *prefix;

	/* What became of it. */
	bool returned; /* `work` did, with `status` */
	bool exited; /* with `status`, which may be somebody else's exit() */
	bool lost; /* it ended, and somebody else took its status */
	bool timed_out; /* it was ended after `limit` */
	int status, signal;
	char where[256]; /* of the code that the signal came from, "" if that is not known */
};

/* Memory that this process and its children share, zeroed; NULL: there is none. */
void *ucall_child_memory(size_t size);
void ucall_child_free(void *memory, size_t size);

/* 0, or -1 with errno: there can be no child. */
int ucall_child_run(struct ucall_child *child);

/* How a child ended that did not return: "died by SIGABRT at ..." */
void ucall_child_describe(const struct ucall_child *child, char *text, size_t size);

#endif
