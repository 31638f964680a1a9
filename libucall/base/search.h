/* SPDX-License-Identifier: MIT */
/*
 * Where plugins are looked for: $UCALL_PLUGIN_PATH, then the install's folder.  Modules have their
 * own path variable, and the same folder.
 */
#ifndef LIBUCALL_SEARCH_H
#define LIBUCALL_SEARCH_H

#define UCALL_SEARCH_PATH "UCALL_PLUGIN_PATH"
#define UCALL_SEARCH_MODULES "UCALL_MODULE_PATH"

/*
 * The install's folder, or $UCALL_BACKEND_DIR instead: a build that is not installed must not load
 * files that another has installed.  Empty: there is no folder.
 */
const char *ucall_search_installed(void);

/*
 * Calls `visit` with each folder of the environment variable `variable`, then with the install's,
 * until it returns nonzero.  Returns its last result.
 */
int ucall_search_folders(const char *variable, int (*visit)(void *data, const char *folder),
			 void *data);

/*
 * The path of the plugin with that name, or the name itself if it has a slash, in new memory.  NULL
 * after ucall_fail(), which says where it looked and which plugins exist.
 */
char *ucall_search(const char *name);

/*
 * Calls `visit` with the path and the name of each plugin, those in earlier folders first, until it
 * returns nonzero.  A name may come again from a later folder.  Returns its last result, or -1 if
 * memory ran out.
 */
int ucall_search_all(int (*visit)(void *data, const char *path, const char *name), void *data);

#endif
