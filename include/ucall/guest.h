/* SPDX-License-Identifier: MIT */
/*
 * <ucall/guest.h> - the guest's side: what a guest function calls.
 *
 * Works in a guest function of the program itself and in a separate guest ELF.  Nothing here is
 * thread-specific: each vCPU has its own mailbox, which no other vCPU uses.  Interrupt and
 * exception handlers that the core runs may make ucalls in the middle of another ucall.
 */
#ifndef UCALL_GUEST_H
#define UCALL_GUEST_H

#include <ucall/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Internal: whether the compiler has an attribute. */
#ifdef __has_attribute
#define UCALL_HAS_ATTRIBUTE(a) __has_attribute(a)
#else
#define UCALL_HAS_ATTRIBUTE(a) 0
#endif

/* General registers only: a guest starts without a floating-point or vector unit. */
#if defined(__x86_64__)
#define UCALL_GENERAL_REGS __attribute__((target("general-regs-only")))
#else
#define UCALL_GENERAL_REGS
#endif
/* Instrumentation calls host code or needs host data. */
#define UCALL_NO_SANITIZE __attribute__((no_sanitize("address", "undefined", "thread")))
#define UCALL_NO_TRACE __attribute__((no_instrument_function))
#if UCALL_HAS_ATTRIBUTE(no_profile_instrument_function) && !defined(UCALL_COVERAGE)
#define UCALL_NO_PROFILE __attribute__((no_profile_instrument_function))
#else
#define UCALL_NO_PROFILE
#endif
#if UCALL_HAS_ATTRIBUTE(no_stack_protector)
#define UCALL_NO_STACK_PROTECTOR __attribute__((no_stack_protector))
#else
#define UCALL_NO_STACK_PROTECTOR
#endif

#define UCALL_PLAIN_CODE UCALL_GENERAL_REGS UCALL_NO_SANITIZE UCALL_NO_TRACE UCALL_NO_PROFILE

#ifdef UCALL_GUEST_BUILD
#define UCALL_KEPT __attribute__((used))
#else
#define UCALL_KEPT
#endif

/*
 * Marks a guest function: `static UCALL_GUEST void guest_main(void)`.  It uses only general
 * registers and gets no instrumentation, so the program's other compiler flags do not matter.  In a
 * separate guest ELF (UCALL_GUEST_BUILD, see `ucall cc`) the host finds it by name, even if it is
 * static.  With UCALL_COVERAGE, which the program defines, it gets the counters of --coverage:
 * ucall_vm_sync_coverage().
 */
#define UCALL_GUEST UCALL_PLAIN_CODE UCALL_NO_STACK_PROTECTOR UCALL_KEPT

#define UCALL_HIDDEN __attribute__((visibility("hidden")))
#define UCALL_INLINE static inline __attribute__((always_inline)) UCALL_PLAIN_CODE

/*
 * Internal: arguments of macros.  ISO C requires at least one argument for a macro's `...`, and
 * these macros always have one, even if the compiler would not require it.
 */
#define UCALL_FIRST(...) UCALL_FIRST_(__VA_ARGS__, 0)
#define UCALL_FIRST_(a, ...) (a)
/* Internal: the number of arguments after the first, 0..16: 2 for `nargs, a, b`. */
#define UCALL_COUNT(...) \
	UCALL_COUNT_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0)
#define UCALL_COUNT_(z, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, count, ...) count
/* Internal: the arguments after the first, as seven uint64_t; 0 for those that are not given. */
#define UCALL_SEVEN(...) UCALL_SEVEN_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0, 0)
#define UCALL_SEVEN_(z, a, b, c, d, e, f, g, ...) \
	(uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f), \
		(uint64_t)(g)

/* Internal: an error when compiling. */
#if UCALL_HAS_ATTRIBUTE(error)
#define UCALL_ERROR(text) __attribute__((error(text)))
#else
#define UCALL_ERROR(text)
#endif
void ucall_wrong_number_of_arguments(void)
	UCALL_ERROR("nargs must be the number of arguments that follow, 7 at most");

/* Internal: the compiler checks nargs if it is constant, otherwise the host does. */
#define UCALL_CHECK_COUNT(nargs, count) \
	do { \
		if (__builtin_constant_p(nargs) && \
		    ((nargs) != (count) || (nargs) > UCALL_MAX_ARGS)) \
			ucall_wrong_number_of_arguments(); \
	} while (0)

typedef uint64_t __attribute__((may_alias)) ucall_head_t;

/* The mailbox of the vCPU that this runs on. */
UCALL_INLINE struct ucall_mailbox *ucall_this_mailbox(void)
{
	uintptr_t address = UCALL_MAILBOX_ADDRESS;

	/* One base register for all that follows, instead of a 64-bit constant for each access. */
	__asm__("" : "+r"(address));
	return (struct ucall_mailbox *)address;
}

/* The bell page: how this VM's guests ring the doorbell. */
UCALL_INLINE const struct ucall_bell *ucall_this_bell(void)
{
	return (const struct ucall_bell *)((uintptr_t)ucall_this_mailbox() + UCALL_BELL_ADDRESS -
					   UCALL_MAILBOX_ADDRESS);
}

/*
 * A guest function of a separate guest ELF returns here: sends UCALL_DONE, again and again.  (A
 * guest function of the program itself returns to code of the core.)
 */
UCALL_HIDDEN void ucall_guest_return(void) __attribute__((noreturn));

#ifndef UCALL_NO_MAILBOX
/* Number of the vCPU that this runs on, from 0. */
UCALL_INLINE uint32_t guest_get_vcpuid(void)
{
	return ucall_this_mailbox()->vcpu;
}
#endif

UCALL_INLINE uint64_t ucall_head(unsigned int cmd, unsigned int nargs, unsigned int flags,
				 uint32_t text_size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return (uint64_t)cmd << 48 | (uint64_t)nargs << 40 | (uint64_t)flags << 32 | text_size;
#else
	return (uint64_t)cmd | (uint64_t)nargs << 16 | (uint64_t)flags << 24 |
	       (uint64_t)text_size << 32;
#endif
}

/* Called if the host did not take the message: raises an exception and does not return. */
UCALL_HIDDEN void ucall_guest_swallowed(void) __attribute__((noreturn, cold));

/* True if the host has not taken the message.  What it wrote meanwhile is read after this. */
UCALL_INLINE int ucall_is_published(const ucall_head_t *published)
{
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__)
	int there; /* compared in memory: saves one of the dozen instructions of a ucall */

	__asm__ volatile("cmpq $0, %1" : "=@ccne"(there) : "m"(*published) : "memory");
	return there;
#else
	return __atomic_load_n(published, __ATOMIC_ACQUIRE) != 0;
#endif
}

/* Publishes `uc`, whose args[] and text are written, and rings.  m is ucall_this_mailbox(). */
UCALL_INLINE void ucall_ring(struct ucall_mailbox *m, struct ucall *uc, uint64_t head)
{
	const struct ucall_bell *bell =
		(const struct ucall_bell *)((uintptr_t)m + UCALL_BELL_ADDRESS -
					    UCALL_MAILBOX_ADDRESS);
	ucall_head_t *published = (ucall_head_t *)uc;

	__atomic_store_n(published, head, __ATOMIC_RELEASE);
	((void (*)(struct ucall *, const struct ucall_bell *))(uintptr_t)bell->ring)(uc, bell);
	if (__builtin_expect(ucall_is_published(published), 0))
		ucall_guest_swallowed();
}

/* The same without mailboxes: the host reads the message at that address and does not change it. */
UCALL_INLINE void ucall_ring_address(struct ucall *uc, uint64_t head)
{
	const struct ucall_bell *bell = ucall_this_bell();

	__atomic_store_n((ucall_head_t *)uc, head, __ATOMIC_RELEASE);
	((void (*)(struct ucall *, const struct ucall_bell *))(uintptr_t)bell->ring)(uc, bell);
}

UCALL_INLINE void ucall_put_args(struct ucall *uc, unsigned int nargs, uint64_t a0, uint64_t a1,
				 uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6)
{
	if (nargs > 0)
		uc->args[0] = a0;
	if (nargs > 1)
		uc->args[1] = a1;
	if (nargs > 2)
		uc->args[2] = a2;
	if (nargs > 3)
		uc->args[3] = a3;
	if (nargs > 4)
		uc->args[4] = a4;
	if (nargs > 5)
		uc->args[5] = a5;
	if (nargs > 6)
		uc->args[6] = a6;
}

UCALL_INLINE void ucall_send(unsigned int cmd, unsigned int flags, unsigned int nargs, uint64_t a0,
			     uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5,
			     uint64_t a6)
{
#ifdef UCALL_NO_MAILBOX
	struct ucall uc;

	ucall_put_args(&uc, nargs, a0, a1, a2, a3, a4, a5, a6);
	ucall_ring_address(&uc, ucall_head(cmd, nargs > 255 ? 255 : nargs, flags, 0));
#else
	struct ucall_mailbox *m = ucall_this_mailbox();

	ucall_put_args(&m->uc, nargs, a0, a1, a2, a3, a4, a5, a6);
	ucall_ring(m, &m->uc, ucall_head(cmd, nargs > 255 ? 255 : nargs, flags, 0));
#endif
}

UCALL_INLINE void ucall_send_shared(struct ucall *uc, unsigned int cmd, unsigned int nargs,
				    uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
				    uint64_t a5, uint64_t a6)
{
	const uint64_t head = ucall_head(cmd, nargs > 255 ? 255 : nargs, 0, 0);

	ucall_put_args(uc, nargs, a0, a1, a2, a3, a4, a5, a6);
#ifdef UCALL_NO_MAILBOX
	ucall_ring_address(uc, head);
#else
	ucall_this_mailbox()->shared = (uint64_t)(uintptr_t)uc;
	ucall_ring(ucall_this_mailbox(), uc, head);
#endif
}

/*
 * Define UCALL_NO_MAILBOX before including this header in an attached guest (<ucall/attach.h>) that
 * has no mailboxes and sends messages by address.
 *
 * ucall(cmd, nargs, ...): sends a message with `nargs` arguments (0..7; integers or pointers) and
 * returns when the host has taken it, or earlier if the backend queues messages (ucall-ring(7)).
 */
#define ucall(cmd, ...) UCALL_WITH_FLAGS(cmd, 0, __VA_ARGS__)

/*
 * ucall_wait(cmd, nargs, ...): the same, but with any backend it returns only after the host has
 * taken this message and all before it, and has run the vCPU again.  Use it for a message that asks
 * for something, such as a variable that the host must change.
 */
#define ucall_wait(cmd, ...) UCALL_WITH_FLAGS(cmd, UCALL_WAIT, __VA_ARGS__)

/* Internal: `...` is nargs and the arguments. */
#define UCALL_WITH_FLAGS(cmd, flags, ...) \
	do { \
		UCALL_CHECK_COUNT(UCALL_FIRST(__VA_ARGS__), UCALL_COUNT(__VA_ARGS__)); \
		ucall_send((cmd), (flags), UCALL_FIRST(__VA_ARGS__), UCALL_SEVEN(__VA_ARGS__)); \
	} while (0)

/*
 * ucall_shared(uc, cmd, nargs, ...): like ucall(), with the message in *uc, which the host
 * allocated with ucall_shared_alloc() and whose address it passed to the guest.
 */
#define ucall_shared(uc, cmd, ...) \
	do { \
		UCALL_CHECK_COUNT(UCALL_FIRST(__VA_ARGS__), UCALL_COUNT(__VA_ARGS__)); \
		ucall_send_shared((uc), (cmd), UCALL_FIRST(__VA_ARGS__), \
				  UCALL_SEVEN(__VA_ARGS__)); \
	} while (0)

/*
 * Internal: up to 12 arguments of a format, as an array: a variadic call in a guest would save
 * every register that may hold an argument.  The first, z, is the format.
 */
#define UCALL_CAT(a, b) UCALL_CAT_(a, b)
#define UCALL_CAT_(a, b) a##b
#define UCALL_CAST(...) UCALL_CAT(UCALL_CAST_, UCALL_COUNT(__VA_ARGS__))(__VA_ARGS__)
#define UCALL_U64(a) (uint64_t)(a)
#define UCALL_CAST_0(z) 0
#define UCALL_CAST_1(z, a) UCALL_U64(a)
#define UCALL_CAST_2(z, a, b) UCALL_CAST_1(z, a), UCALL_U64(b)
#define UCALL_CAST_3(z, a, b, c) UCALL_CAST_2(z, a, b), UCALL_U64(c)
#define UCALL_CAST_4(z, a, b, c, d) UCALL_CAST_3(z, a, b, c), UCALL_U64(d)
#define UCALL_CAST_5(z, a, b, c, d, e) UCALL_CAST_4(z, a, b, c, d), UCALL_U64(e)
#define UCALL_CAST_6(z, a, b, c, d, e, f) UCALL_CAST_5(z, a, b, c, d, e), UCALL_U64(f)
#define UCALL_CAST_7(z, a, b, c, d, e, f, g) UCALL_CAST_6(z, a, b, c, d, e, f), UCALL_U64(g)
#define UCALL_CAST_8(z, a, b, c, d, e, f, g, h) UCALL_CAST_7(z, a, b, c, d, e, f, g), UCALL_U64(h)
#define UCALL_CAST_9(z, a, b, c, d, e, f, g, h, i) \
	UCALL_CAST_8(z, a, b, c, d, e, f, g, h), UCALL_U64(i)
#define UCALL_CAST_10(z, a, b, c, d, e, f, g, h, i, j) \
	UCALL_CAST_9(z, a, b, c, d, e, f, g, h, i), UCALL_U64(j)
#define UCALL_CAST_11(z, a, b, c, d, e, f, g, h, i, j, k) \
	UCALL_CAST_10(z, a, b, c, d, e, f, g, h, i, j), UCALL_U64(k)
#define UCALL_CAST_12(z, a, b, c, d, e, f, g, h, i, j, k, l) \
	UCALL_CAST_11(z, a, b, c, d, e, f, g, h, i, j, k), UCALL_U64(l)

/* Internal: never called; makes the compiler check the arguments against the format. */
void ucall_check_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Internal: `...` is the format and its arguments. */
#define UCALL_WITH_FORMAT(call, ...) \
	do { \
		const uint64_t ucall_args_[] = { UCALL_CAST(__VA_ARGS__) }; \
		if (0) \
			ucall_check_format(__VA_ARGS__); \
		call; \
	} while (0)

/*
 * GUEST_PRINTF and the failing asserts, out of line.  `uc`: the message to use, NULL for the
 * mailbox.  Conversions: d i u x X o c s p %, with the flags - + space # 0, width, precision (both
 * also as *) and the lengths hh h l ll j z t.  Any other conversion is an error on the host.  A
 * text that is too long for one message is sent in several.
 */
UCALL_HIDDEN void ucall_guest_print(const char *format, const uint64_t *args);
UCALL_HIDDEN void ucall_guest_fail(const char *file, unsigned int line, const char *format,
				   const uint64_t *args) __attribute__((noreturn, cold));
UCALL_HIDDEN void ucall_guest_assert(struct ucall *uc, const char *file, unsigned int line,
				     const char *expression, unsigned int values, uint64_t v1,
				     uint64_t v2, uint64_t v3, uint64_t v4)
	__attribute__((noreturn, cold));

/* GUEST_SYNC: args[1] is the stage, args[0] is 0.  GUEST_SYNC_WAIT: the same by ucall_wait(). */
#define GUEST_SYNC(stage) ucall(UCALL_SYNC, 2, 0, stage)
#define GUEST_SYNC_WAIT(stage) ucall_wait(UCALL_SYNC, 2, 0, stage)
#define GUEST_SYNC_ARGS(stage, a1, a2, a3, a4) ucall(UCALL_SYNC, 6, 0, stage, a1, a2, a3, a4)
#define GUEST_DONE() ucall(UCALL_DONE, 0)
#define GUEST_PRINTF(...) \
	UCALL_WITH_FORMAT(ucall_guest_print(UCALL_FIRST(__VA_ARGS__), ucall_args_), __VA_ARGS__)
#define GUEST_FAIL(...) \
	UCALL_WITH_FORMAT( \
		ucall_guest_fail(__FILE__, __LINE__, UCALL_FIRST(__VA_ARGS__), ucall_args_), \
		__VA_ARGS__)

/* Internal: a failed assert does not return: if the host runs the vCPU again, it aborts again. */
#define UCALL_ASSERT(uc, cond, text, values, v1, v2, v3, v4) \
	do { \
		if (__builtin_expect(!(cond), 0)) \
			ucall_guest_assert(uc, __FILE__, __LINE__, text, values, (uint64_t)(v1), \
					   (uint64_t)(v2), (uint64_t)(v3), (uint64_t)(v4)); \
	} while (0)
/* Internal: compares the values as 64-bit integers, each extended according to its type. */
#define UCALL_ASSERT_CMP(uc, a, op, b) \
	do { \
		uint64_t ucall_a_ = (uint64_t)(a), ucall_b_ = (uint64_t)(b); \
		UCALL_ASSERT(uc, ucall_a_ op ucall_b_, #a " " #op " " #b, 2, ucall_a_, ucall_b_, \
			     0, 0); \
	} while (0)

/*
 * Sends UCALL_ABORT with the place and the condition if the condition is false, and with up to four
 * values; _EQ and _NE compare 64-bit integers and send both.  The guest goes no further: if the
 * host runs the vCPU again, it aborts again.
 */
#define GUEST_ASSERT(cond) UCALL_ASSERT(NULL, cond, #cond, 0, 0, 0, 0, 0)
#define GUEST_ASSERT_1(cond, v1) UCALL_ASSERT(NULL, cond, #cond, 1, v1, 0, 0, 0)
#define GUEST_ASSERT_2(cond, v1, v2) UCALL_ASSERT(NULL, cond, #cond, 2, v1, v2, 0, 0)
#define GUEST_ASSERT_3(cond, v1, v2, v3) UCALL_ASSERT(NULL, cond, #cond, 3, v1, v2, v3, 0)
#define GUEST_ASSERT_4(cond, v1, v2, v3, v4) UCALL_ASSERT(NULL, cond, #cond, 4, v1, v2, v3, v4)
#define GUEST_ASSERT_EQ(a, b) UCALL_ASSERT_CMP(NULL, a, ==, b)
#define GUEST_ASSERT_NE(a, b) UCALL_ASSERT_CMP(NULL, a, !=, b)

/* The same, each with its message in *uc. */
#define GUEST_SHARED_SYNC(uc, stage) ucall_shared(uc, UCALL_SYNC, 2, 0, stage)
#define GUEST_SHARED_SYNC_ARGS(uc, stage, a1, a2, a3, a4) \
	ucall_shared(uc, UCALL_SYNC, 6, 0, stage, a1, a2, a3, a4)
#define GUEST_SHARED_DONE(uc) ucall_shared(uc, UCALL_DONE, 0)
#define GUEST_SHARED_ASSERT(uc, cond) UCALL_ASSERT(uc, cond, #cond, 0, 0, 0, 0, 0)
#define GUEST_SHARED_ASSERT_1(uc, cond, v1) UCALL_ASSERT(uc, cond, #cond, 1, v1, 0, 0, 0)
#define GUEST_SHARED_ASSERT_2(uc, cond, v1, v2) UCALL_ASSERT(uc, cond, #cond, 2, v1, v2, 0, 0)
#define GUEST_SHARED_ASSERT_3(uc, cond, v1, v2, v3) UCALL_ASSERT(uc, cond, #cond, 3, v1, v2, v3, 0)
#define GUEST_SHARED_ASSERT_4(uc, cond, v1, v2, v3, v4) \
	UCALL_ASSERT(uc, cond, #cond, 4, v1, v2, v3, v4)
#define GUEST_SHARED_ASSERT_EQ(uc, a, b) UCALL_ASSERT_CMP(uc, a, ==, b)

/*
 * For a guest with its own interrupt descriptor table (vector base, ...): a handler that makes
 * ucalls must call ucall_nest_enter() first and ucall_nest_leave() last, both with the same object
 * on its stack.  The core's own stubs do this themselves.
 */
struct ucall_nest {
	uint64_t saved[UCALL_NEST_SIZE / 8];
};

UCALL_HIDDEN void ucall_nest_enter(struct ucall_nest *nest);
UCALL_HIDDEN void ucall_nest_leave(const struct ucall_nest *nest);

/*
 * For instructions that may raise an exception.  If the one at `at` does, no handler runs: the
 * guest continues at `to`, with UCALL_TRAPPED plus the exception's number in the function result
 * register (rax, x0, r2, a0).  Write UCALL_FIXUP("1b", "2b") in an asm statement; it names two of
 * its labels.
 */
#define UCALL_TRAPPED 0x1000
#define UCALL_FIXUP(at, to) \
	".pushsection ucall_fixups,\"a\"\n" \
	"	.balign 4\n" \
	"	.long " at " - .\n" \
	"	.long " to " - .\n" \
	"	.popsection\n"

/*
 * Read or write `size` bytes (1, 2, 4 or 8) at a guest address.  Return 0, UCALL_TRAPPED plus the
 * number of the exception, or -1 for another size.
 */
UCALL_HIDDEN int guest_read_safe(uint64_t address, unsigned int size, uint64_t *value);
UCALL_HIDDEN int guest_write_safe(uint64_t address, unsigned int size, uint64_t value);
#if defined(__x86_64__)
/* The same for a model-specific register or an extended control register. */
UCALL_HIDDEN int guest_rdmsr_safe(uint32_t msr, uint64_t *value);
UCALL_HIDDEN int guest_wrmsr_safe(uint32_t msr, uint64_t value);
UCALL_HIDDEN int guest_xsetbv_safe(uint32_t index, uint64_t value);
#endif

/*
 * In a guest whose memory is its own (pKVM; TDX in ring 0): share whole pages with the host, or
 * take them back.  Both sides see what the pages contained.  In a guest without protection all
 * memory is shared, and they do nothing and return 0.  (With SEV, use UCALL_MEM_SHARED.)  The host
 * may use the pages when guest_share() has returned, and no longer when guest_unshare() is called:
 * the guest tells it by a message of the library's own, which ucall_next() does not return
 * (get_ucall() returns UCALL_PAGES; run the vCPU again).
 *
 * Return 0, or one of these; then nothing has changed.
 */
#define GUEST_SHARE_NOT_SUPPORTED (-1) /* pages of this kind of guest stay as they were allocated */
#define GUEST_SHARE_NOT_PAGES (-2) /* address and size must be multiples of UCALL_PAGE_SIZE */
#define GUEST_SHARE_REFUSED (-3) /* by the hypervisor */
UCALL_HIDDEN int guest_share(void *address, uint64_t size);
UCALL_HIDDEN int guest_unshare(void *address, uint64_t size);

/*
 * A span in the host's trace (ucall_vm_trace()), from BEGIN to the END that belongs to it; spans may
 * contain others.  Each is a message of the library's own, which ucall_next() does not return
 * (get_ucall() returns UCALL_SPAN; run the vCPU again).  If the host does not trace, no message is
 * sent.
 */
#define GUEST_TRACE_BEGIN(name) ucall_guest_span(name)
#define GUEST_TRACE_END() ucall_guest_span((const char *)0)
UCALL_HIDDEN void ucall_guest_span(const char *name);

#ifdef __cplusplus
}
#endif

#endif /* UCALL_GUEST_H */
