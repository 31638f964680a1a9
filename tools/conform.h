/* SPDX-License-Identifier: MIT */
/* `ucall conform`: helpers for its points, and the points in other files. */
#ifndef TOOLS_CONFORM_H
#define TOOLS_CONFORM_H

#include <ucall/plugin.h>
#include <ucall/test.h>

#include "conform-guest.h"

/* A vCPU that starts in a guest function of conform-guest.h; fails the point on error. */
#define ADD(vm, function, nargs, a0, a1) \
	conform_add(vm, (void (*)(void))(uintptr_t)(function), #function, nargs, a0, a1)
struct ucall_vcpu *conform_add(struct ucall_vm *vm, void (*function)(void), const char *name,
			       unsigned int nargs, uint64_t a0, uint64_t a1);

static inline struct ucall_vm *conform_vm(enum ucall_via via)
{
	struct ucall_vm_config c = { .via = via };

	return ucall_test_vm(&c);
}

/* Takes all messages of conform_count(id, rounds), including UCALL_DONE. */
void conform_take_all(struct ucall_vcpu *vcpu, uint64_t id, uint64_t rounds);

/*
 * conform-left.c: loads the plugin; only for use in a separate process.  `problem` says why it
 * cannot be loaded, or which side effect that has.
 */
bool conform_load_alone(char *problem, size_t size);

/* conform-doorbell.c: the doorbell and its exits. */
void each_declines(void);
void each_made_up(void);
void each_writes(void);
void check_registers(enum ucall_via via);
void check_mailbox(enum ucall_via via);

/* conform-left.c: what is left behind. */
void each_nothing_left(void);
void each_refused(void);
void each_memory(void);
void each_silent(void);

#endif
