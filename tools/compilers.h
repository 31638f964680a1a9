/* SPDX-License-Identifier: MIT */
/* Compilers for guests of each architecture, as far as this machine has them. */
#ifndef TOOLS_COMPILERS_H
#define TOOLS_COMPILERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef UCALL_BACKEND_DIR /* else given to the compiler */
#include "install-folders.h"
#endif

/* A command line that grows. */
struct command {
	const char *args[128]; /* ends in NULL */
	size_t count;
	char *joined[32]; /* those that are made of others, which are the command's own */
	size_t joined_count;
};

/* What is too much is counted, and run_command() then fails. */
void add_arg(struct command *c, const char *arg);
void add_joined(struct command *c, const char *first, const char *second);
/* The words of `text`, which spaces separate. */
void add_words(struct command *c, const char *text);

/*
 * Runs it, with `verbose` after printing it, and frees what is its own.  Its exit status; 127 and a
 * message if it cannot be run.
 */
int run_command(struct command *c, bool verbose);

/*
 * Begins a command line that compiles and links freestanding code for one UCALL_ARCH_ bit: by
 * `compiler` if it is not NULL, else by a cross gcc, else by clang with a linker.  False: *missing says
 * what to install.
 */
bool begin_compile(struct command *c, uint32_t arch, const char *compiler, const char **missing);

/* Does that command's compiler link with lld, which has its own name for a segment's address? */
bool links_by_lld(const struct command *c);

/* What that command needs to link a static image. */
void add_link(struct command *c);

/* What to install for the architecture; NULL: a compiler is there. */
const char *missing_compiler(uint32_t arch);

/* A folder of the kit: $NAME of the environment if it is set, else `installed`. */
const char *kit_folder(const char *name, const char *installed);

#endif
