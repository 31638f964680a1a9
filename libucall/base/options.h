/* SPDX-License-Identifier: MIT */
/* Config strings: NAME[,KEY=VALUE...]. */
#ifndef LIBUCALL_OPTIONS_H
#define LIBUCALL_OPTIONS_H

#include <ucall/plugin.h>

/*
 * The part of a config string before its options, in new memory; NULL after ucall_fail().  `kind`
 * says what it names, for errors: "backend".
 */
char *ucall_config_name(const char *config, const char *kind);
/* The part after the first comma, NULL if there is none. */
const char *ucall_config_options(const char *config);

/*
 * Parses KEY=VALUE[,KEY=VALUE...] (NULL: none) against the options in the metadata; options that
 * are not given get their default.  `kind` says what has the options, for errors: "backend".  NULL
 * after ucall_fail().  Free with ucall_args_free().
 */
struct ucall_args *ucall_args_parse(const struct ucall_metadata *metadata, const char *options,
				    const char *kind);
/*
 * Sets another default for the numeric option `name`, if it exists and was not given.  Returns 0,
 * or -1 after ucall_fail().
 */
int ucall_args_set_default(struct ucall_args *args, const char *name, uint64_t value);
void ucall_args_free(struct ucall_args *args);

#endif
