// SPDX-License-Identifier: MIT
/* Fuzz: a plugin file. */
#include <stdlib.h>
#include <string.h>

#include "plugin/note.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ucall_note note;
	uint8_t *file = malloc(size + 1); /* aligned; reads past its end are detected */

	if (!file)
		return 0;
	memcpy(file, data, size);
	if (!ucall_note_read(file, size, &note))
		for (int i = 0; i < UCALL_ARCHS; i++)
			if (note.code[i].size &&
			    (note.code[i].bytes < file ||
			     note.code[i].bytes + note.code[i].size > file + size))
				abort();
	free(file);
	return 0;
}
