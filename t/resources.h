/* SPDX-License-Identifier: MIT */
/* Counts what this process holds, for tests that nothing is left behind. */
#ifndef T_RESOURCES_H
#define T_RESOURCES_H

#include <dirent.h>
#include <stdlib.h>

#include <ucall/test.h>

#include "../libucall/base/sanitizers.h"

/*
 * About how many VMs a test may make, $UCALL_TEST_VMS, for slow machines; `usual` without it.
 */
static inline int most_vms(int usual)
{
	const char *text = getenv("UCALL_TEST_VMS");
	int most = text ? atoi(text) : 0;

	return most > 0 && most < usual ? most : usual;
}

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

/* How many more mappings the allocator may have: a sanitizer's keeps freed memory. */
#if defined(ADDRESS_SANITIZER) || defined(THREAD_SANITIZER)
#define MAPPINGS_SLACK 100
#else
#define MAPPINGS_SLACK 2
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
