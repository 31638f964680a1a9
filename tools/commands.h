/* SPDX-License-Identifier: MIT */
/* The `ucall` command: a file each for its subcommands, which return an exit status. */
#ifndef TOOLS_COMMANDS_H
#define TOOLS_COMMANDS_H

/* Exit statuses; 0 is success. */
#define EXIT_ABORT 1 /* a guest failed */
#define EXIT_USAGE 2 /* bad usage or configuration */

int cmd_list(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_demo(int argc, char **argv);

#endif
