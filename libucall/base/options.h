/* SPDX-License-Identifier: MIT */
/* Config strings: NAME[,KEY=VALUE...]. */
#ifndef LIBUCALL_OPTIONS_H
#define LIBUCALL_OPTIONS_H

#include <ucall/plugin.h>

/*
 * The part of a config string before its options, in new memory; NULL after ucall_fail().  `kind` is what it names, for
 * errors: "backend".
 */
char *ucall_config_name(const char *config, const char *kind);
/* What follows the first comma, NULL if there is none. */
const char *ucall_config_options(const char *config);

/*
 * Parses KEY=VALUE[,KEY=VALUE...] (NULL: none) against the options in the metadata; those that are
 * not given get their default.  `kind` is what has the options, for errors: "backend".  NULL after ucall_fail().
 * Free with ucall_args_free().
 */
struct ucall_args *ucall_args_parse(const struct ucall_metadata *metadata, const char *options,
				    const char *kind);
/* Another default for the option of numbers of that name, if there is one and it was not given. */
int ucall_args_set_default(struct ucall_args *args, const char *name, uint64_t value);
void ucall_args_free(struct ucall_args *args);

#endif
