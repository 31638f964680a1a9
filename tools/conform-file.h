/* SPDX-License-Identifier: MIT */
/* `ucall conform`: the plugin, and the points on what its file says of itself. */
#ifndef TOOLS_CONFORM_FILE_H
#define TOOLS_CONFORM_FILE_H

#include <ucall/plugin.h>

extern const struct ucall_backend_info *conform_info;
extern const struct ucall_ops *conform_ops;

unsigned int conform_option_count(void);

/* Each is a test's `once`. */
void conform_file_found(void);
void conform_file_texts(void);
void conform_file_claims(void);
void conform_file_options(void);
void conform_file_defaults(void);
void conform_file_refused(void);
void conform_file_ops(void);

#endif
