/* SPDX-License-Identifier: MIT */
/*
 * Static probes of provider `libucall` for bpftrace, perf and gdb, where <sys/sdt.h> was there when
 * the library was built.  A probe is a NOP, with a note that says where its arguments are:
 *
 *	exit(vCPU, enum ucall_exit_reason, the engine's own number)	a run of a vCPU has ended
 *	message(vCPU, enum ucall_cmd, number of arguments)		the host has received a message
 */
#ifndef LIBUCALL_PROBE_H
#define LIBUCALL_PROBE_H

#ifdef HAVE_SYS_SDT_H
#include <sys/sdt.h>
#define UCALL_PROBE(name, a, b, c) DTRACE_PROBE3(libucall, name, a, b, c)
#else
#define UCALL_PROBE(name, a, b, c) ((void)0)
#endif

#endif
