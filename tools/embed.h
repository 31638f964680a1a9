/* SPDX-License-Identifier: MIT */
/* A backend's guest code for one architecture, taken out of an object and put into a note. */
#ifndef TOOLS_EMBED_H
#define TOOLS_EMBED_H

#include <stdint.h>
#include <stdio.h>

/* The linker script that links an object's guest code for embed_code(). */
extern const char embed_script[];

/*
 * Checks that the guest code of the object file does not leave its section.  Returns 0, 1 if the
 * object has none, or -1 after a message that says where it does.
 */
int embed_check(const char *object);

/*
 * Writes the note, in assembler for the host, with the code of `linked`, which was linked from that
 * object.  Returns 0, or -1 after a message.
 */
int embed_code(const char *linked, FILE *to);

#endif
