/* SPDX-License-Identifier: MIT */
/*
 * A server of GDB's remote serial protocol (GDB manual, appendix E): server.c has the connection,
 * commands.c the packets, target.c registers as GDB wants them.
 */
#ifndef GDB_H
#define GDB_H

#include "arch/arch.h"
#include "vm/debug.h"

#define PACKET_SIZE 0x4000 /* the longest that GDB may send, and is sent */

/* A reply; what does not fit is left out. */
struct gdb_reply {
	char text[PACKET_SIZE];
	size_t used;
};

enum gdb_next {
	GDB_REPLY, /* send the reply, and wait for the next packet */
	GDB_RUN, /* the VM runs: the reply comes when it stops */
	GDB_DETACH, /* send the reply, and close */
	GDB_CLOSE,
};

/* A debugger that is connected. */
struct gdb_session {
	const struct ucall_debug_ops *ops;
	struct ucall_debug *d;
	unsigned int vcpu; /* that packets are about */
	bool no_ack; /* packets are not acknowledged any more */
};

/* Carries out one packet. */
enum gdb_next gdb_command(struct gdb_session *s, const char *packet, size_t size,
			  struct gdb_reply *reply);
/* The reply to a resumed VM. */
void gdb_add_stop(struct gdb_session *s, const struct ucall_debug_stop *stop,
		  struct gdb_reply *reply);

void gdb_add(struct gdb_reply *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
void gdb_add_hex(struct gdb_reply *r, const void *bytes, size_t size);
/* Bytes as they are, with GDB's escapes. */
void gdb_add_binary(struct gdb_reply *r, const void *bytes, size_t size);

/* ---- target.c ---- */

/* Adds one register, or all; `frame` is NULL if they are not known. */
void gdb_add_register(struct gdb_reply *r, const struct ucall_arch *arch,
		      const struct ucall_register *reg, const struct ucall_frame *frame);
void gdb_add_registers(struct gdb_reply *r, const struct ucall_arch *arch,
		       const struct ucall_frame *frame);
/* NULL: there is no such register. */
const struct ucall_register *gdb_find_register(const struct ucall_arch *arch, uint64_t number);
/* Takes its value from hexadecimal digits; false: too few of them. */
bool gdb_take_register(const struct ucall_arch *arch, const struct ucall_register *reg,
		       const char **hex, struct ucall_frame *frame);
/* The target's description (GDB manual, appendix G), in new memory; NULL if there is none. */
char *gdb_describe_target(const struct ucall_arch *arch, bool is_program);

/* The value of a hexadecimal digit; -1 for another character. */
int gdb_digit(char c);

#endif
