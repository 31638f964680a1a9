/* SPDX-License-Identifier: MIT */
/* `ucall conform`: the plugin, and the points that check its file. */
#ifndef TOOLS_CONFORM_FILE_H
#define TOOLS_CONFORM_FILE_H

#include <ucall/plugin.h>

extern const struct ucall_backend_info *conform_info;

/*
 * Its ucall_ops; NULL after ucall_fail().  Loads the plugin, which runs its constructors: call it
 * only in a point.
 */
const struct ucall_ops *conform_ops(void);

unsigned int conform_option_count(void);
/* Fails the point if the last error says that the backend gave no reason. */
void conform_check_reason(void);

/* Each is a test's `once`. */
void conform_file_loaded(void);
void conform_file_found(void);
void conform_file_texts(void);
void conform_file_claims(void);
void conform_file_options(void);
void conform_file_defaults(void);
void conform_file_refused(void);
void conform_file_ops(void);

#endif
