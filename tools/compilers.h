/* SPDX-License-Identifier: MIT */
/* The compilers that this machine has for guests of each architecture. */
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
	char *joined[32]; /* args made by add_concatenated(), owned by the command */
	size_t joined_count;
};

/* If there are too many, run_command() fails. */
void add_arg(struct command *c, const char *arg);
void add_concatenated(struct command *c, const char *first, const char *second);
/* Adds the words of `text`, separated by spaces. */
void add_words(struct command *c, const char *text);

/*
 * Runs the command, printed first if `verbose`, and frees what it owns.  Returns its exit status,
 * or 127 after a message if it cannot be run.
 */
int run_command(struct command *c, bool verbose);

/*
 * Begins a command line that compiles and links freestanding code for one UCALL_ARCH_ bit:
 * with `compiler` if it is not NULL, else a cross gcc, else clang and a linker.  If false, *missing
 * says what to install.
 */
bool begin_compile(struct command *c, uint32_t arch, const char *compiler, const char **missing);

/* True if the command links with lld, which has its own option for a segment's address. */
bool uses_lld(const struct command *c);

/* Adds the flags that link a static image. */
void add_link(struct command *c);

/* What to install for the architecture; NULL if there is a compiler. */
const char *compiler_to_install(uint32_t arch);

/* A folder of the kit: $NAME from the environment if set, else `installed`. */
const char *kit_folder(const char *name, const char *installed);

#endif
