// SPDX-License-Identifier: MIT
/* Switches stacks: by fiber-switch.S on the hosts that it supports, else by ucontext. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/sanitizers.h"
#include "fiber.h"

#define STACK_SIZE ((size_t)1 << 20) /* untouched pages cost nothing */

#ifdef ADDRESS_SANITIZER
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

/* ---- the switch itself ---- */

#if defined(__x86_64__) || defined(__aarch64__)

/*
 * Saves the registers that a function must preserve on the stack, and the stack pointer in *save;
 * goes on where `to` was saved.
 */
void ucall_fiber_switch(void **save, void *to);
/* Where a new stack starts: calls the function on the stack, with its data. */
extern const char ucall_fiber_start[];

/* Prepares what ucall_fiber_switch() pops from a stack, with the operands of ucall_fiber_start. */
static void prepare(struct fiber *f, void (*main)(void *), void *data)
{
	uint64_t *sp = (uint64_t *)(void *)((char *)f->stack + f->size);

#if defined(__x86_64__)
	/* mxcsr and control word, r15 r14 r13 r12 rbx rbp, return address */
	sp -= 10;
	memset(sp, 0, 10 * sizeof(*sp));
	sp[0] = 0x037f00001f80; /* System V ABI, 3.2.3: as at a program's start */
	sp[4] = (uintptr_t)main; /* r12 */
	sp[5] = (uintptr_t)data; /* rbx */
	sp[7] = (uintptr_t)ucall_fiber_start;
#else
	/* x19 x20 ... x28, x29, x30, d8..d15 */
	sp -= 20;
	memset(sp, 0, 20 * sizeof(*sp));
	sp[0] = (uintptr_t)main; /* x19 */
	sp[1] = (uintptr_t)data; /* x20 */
	sp[11] = (uintptr_t)ucall_fiber_start; /* x30 */
#endif
	f->own_sp = sp;
}

#else

#include <stdlib.h>
#include <ucontext.h>

static void ucall_fiber_switch(void **save, void *to)
{
	swapcontext(*save, to);
}

static void fiber_main(void *data);

static void start(unsigned int high, unsigned int low)
{
	struct fiber *f = (struct fiber *)((uintptr_t)high << 32 | low);

	fiber_main(f);
}

/* Both contexts lie at the top of the stack. */
static void prepare(struct fiber *f, void (*main)(void *), void *data)
{
	ucontext_t *contexts = (ucontext_t *)((char *)f->stack + f->size) - 2;
	uintptr_t address = (uintptr_t)f;

	getcontext(&contexts[0]);
	contexts[0].uc_stack.ss_sp = f->stack;
	contexts[0].uc_stack.ss_size = f->size - 2 * sizeof(ucontext_t);
	contexts[0].uc_link = NULL;
	makecontext(&contexts[0], (void (*)(void))(uintptr_t)start, 2,
		    (unsigned int)(address >> 32), (unsigned int)address);
	f->own_sp = &contexts[0];
	f->caller_sp = &contexts[1];
}

#endif

/* ---- fibers ---- */

/* On the new stack. */
static void entered(struct fiber *f)
{
#ifdef ADDRESS_SANITIZER
	__sanitizer_finish_switch_fiber(f->own_fake, &f->caller_stack, &f->caller_size);
#else
#endif
}

static void fiber_main(void *data)
{
	struct fiber *f = data;

	entered(f);
	f->function(f->data);
}

int fiber_init(struct fiber *f, void (*function)(void *data), void *data)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	memset(f, 0, sizeof(*f));
	f->size = STACK_SIZE;
	f->stack = mmap(NULL, f->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (f->stack == MAP_FAILED) {
		f->stack = NULL;
		return -1;
	}
#ifdef ADDRESS_SANITIZER
	/* Clears what an earlier thread's stack here left in the shadow memory. */
	__asan_unpoison_memory_region(f->stack, f->size);
#endif
	mprotect(f->stack, page, PROT_NONE);
	f->function = function;
	f->data = data;
	prepare(f, fiber_main, f);
#ifdef THREAD_SANITIZER
	f->own_fiber = __tsan_create_fiber(0);
#endif
	return 0;
}

void fiber_fini(struct fiber *f)
{
	if (!f->stack)
		return;
#ifdef THREAD_SANITIZER
	__tsan_destroy_fiber(f->own_fiber);
#endif
#ifdef ADDRESS_SANITIZER
	/* A run that has not ended has frames here: clear them for the next stack in this place. */
	__asan_unpoison_memory_region(f->stack, f->size);
#endif
	munmap(f->stack, f->size);
	f->stack = NULL;
}

void fiber_enter(struct fiber *f)
{
#ifdef ADDRESS_SANITIZER
	__sanitizer_start_switch_fiber(&f->caller_fake, f->stack, f->size);
#endif
#ifdef THREAD_SANITIZER
	f->caller_fiber = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(f->own_fiber, 0);
#endif
	ucall_fiber_switch(&f->caller_sp, f->own_sp);
#ifdef ADDRESS_SANITIZER
	__sanitizer_finish_switch_fiber(f->caller_fake, NULL, NULL);
#endif
}

void fiber_leave(struct fiber *f)
{
#ifdef ADDRESS_SANITIZER
	__sanitizer_start_switch_fiber(&f->own_fake, f->caller_stack, f->caller_size);
#endif
#ifdef THREAD_SANITIZER
	__tsan_switch_to_fiber(f->caller_fiber, 0);
#endif
	ucall_fiber_switch(&f->own_sp, f->caller_sp);
	entered(f);
}
