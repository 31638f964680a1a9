/* SPDX-License-Identifier: MIT */
/* riscv64's exceptions: scause (privileged specification, table 4.2). */
#ifndef LIBUCALL_RISCV64_EXCEPTIONS_H
#define LIBUCALL_RISCV64_EXCEPTIONS_H

#define CAUSE_FETCH_ACCESS 1
#define CAUSE_ILLEGAL 2
#define CAUSE_BREAKPOINT 3
#define CAUSE_LOAD_ACCESS 5
#define CAUSE_STORE_ACCESS 7
#define CAUSE_FETCH_PAGE 12
#define CAUSE_LOAD_PAGE 13
#define CAUSE_STORE_PAGE 15

#endif
