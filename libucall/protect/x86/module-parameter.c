// SPDX-License-Identifier: MIT
/* See module-parameter.h. */
#include <stdio.h>

#include "module-parameter.h"

int x86_module_parameter(const char *module, const char *name)
{
	char path[128], value = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fread(&value, 1, 1, f) != 1)
		value = 0;
	fclose(f);
	return value == 'Y' || value == '1';
}
