/* SPDX-License-Identifier: MIT */
/* The `ucall` command.  Each subcommand has its own file and returns an exit status. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

#include <stdio.h>

/* Exit statuses; 0 is success. */
#define EXIT_ABORT 1 /* a guest failed */
#define EXIT_USAGE 2 /* bad usage or configuration */
#define EXIT_FAULT 3 /* a guest exception, or an exit that is not a ucall */
#define EXIT_TIMEOUT 124

/* Prints what `ucall COMMAND --help` prints.  The command must exist. */
void print_help(FILE *to, const char *command);
/* Prints its usage on stderr; returns EXIT_USAGE. */
int bad_usage(const char *command);

int cmd_bench(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_cc(int argc, char **argv);
int cmd_lab(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_kselftest(int argc, char **argv);
int cmd_new(int argc, char **argv);
int cmd_conform(int argc, char **argv);

#endif
