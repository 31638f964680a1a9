/* SPDX-License-Identifier: MIT */
/*
 * Where plugins are looked for: $UCALL_PLUGIN_PATH, then the install's folder.  Modules have a path of
 * their own and the same folder.
 */
#ifndef LIBUCALL_SEARCH_H
#define LIBUCALL_SEARCH_H

#define UCALL_SEARCH_PATH "UCALL_PLUGIN_PATH"
#define UCALL_SEARCH_MODULES "UCALL_MODULE_PATH"

/*
 * The install's folder, or what $UCALL_BACKEND_DIR names in its place: a build that is not installed must not take
 * what another has installed.  Empty: there is none.
 */
const char *ucall_search_installed(void);

/*
 * Calls `visit` with each folder of the environment variable `variable`, then with the install's, until
 * it returns other than 0.  Returns what `visit` did.
 */
int ucall_search_folders(const char *variable, int (*visit)(void *data, const char *folder),
			 void *data);

/*
 * The path of the plugin with that name, or the name itself if it has a slash, in new memory.  NULL
 * after ucall_fail(), which says where it was looked for and what is there.
 */
char *ucall_search(const char *name);

/*
 * Calls `visit` with the path and the name of each plugin, those in earlier folders first, until it
 * returns other than 0.  A name may come again from a later folder.  Returns what `visit` did, or -1
 * if memory ran out.
 */
int ucall_search_all(int (*visit)(void *data, const char *path, const char *name), void *data);

#endif
