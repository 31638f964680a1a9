/* SPDX-License-Identifier: MIT */
/* What this process holds, for tests that nothing is left behind. */
#ifndef T_RESOURCES_H
#define T_RESOURCES_H

#include <dirent.h>

#include <ucall/test.h>

#include "../libucall/base/sanitizers.h"

/* How many entries a folder has: /proc/self/fd, /proc/self/task. */
static inline int entries(const char *folder)
{
	DIR *dir = opendir(folder);
	int n = 0;

	CHECK(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* How many more the allocator may have of its own: a sanitizer's keeps what is freed. */
#if defined(ADDRESS_SANITIZER) || defined(THREAD_SANITIZER)
#define MAPPINGS_MORE 100
#else
#define MAPPINGS_MORE 2
#endif

static inline int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int n = 0, c;

	CHECK(f);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

#endif
