// SPDX-License-Identifier: MIT
/*
 * Guest runtime: the functions that compilers call on their own.  They use no library and no vector
 * registers.
 *
 * A separate guest ELF has them under their usual names.  In a program that is both host and guest,
 * the compiler emits calls to the same names for both.  So there they have other names: the host
 * calls the C library's functions, and the core redirects the calls in the guest's copy of the
 * program to the functions in the note below.
 */
#include <stddef.h>
#include <stdint.h>

#include <ucall/guest.h>

/* With link-time optimisation, functions that only the note refers to would be dropped. */
#define HIDDEN_GUEST UCALL_HIDDEN UCALL_GUEST __attribute__((used))

#ifdef UCALL_GUEST_BUILD
#define NAME(f) f
#else
#define NAME(f) ucall_guest_##f
/* In the order of the names in machine/image-runtime.c. */
__asm__(".pushsection .note.ucall_runtime,\"a\",%note\n"
	"	.balign 8\n"
	"	.long 9, 2f - 1f, 3\n"
	"	.asciz \"libucall\"\n"
	"	.balign 8\n"
	"1:	.long ucall_guest_memcpy - .\n"
	"	.long ucall_guest_memmove - .\n"
	"	.long ucall_guest_memset - .\n"
	"	.long ucall_guest_memcmp - .\n"
	"	.long ucall_guest_bcmp - .\n"
	"	.long ucall_guest_strlen - .\n"
	"	.long ucall_guest___memcpy_chk - .\n"
	"	.long ucall_guest___memmove_chk - .\n"
	"	.long ucall_guest___memset_chk - .\n"
	"	.hidden __start_ucall_fixups\n"
	"	.hidden __stop_ucall_fixups\n"
	"	.long __start_ucall_fixups - .\n"
	"	.long __stop_ucall_fixups - .\n"
	"2:\n"
	"	.popsection\n"
	/* A fix-up of no instruction: the section exists, and so do its symbols. */
	"	.pushsection ucall_fixups,\"a\"\n"
	"	.balign 4\n"
	"	.long 0, 0\n"
	"	.popsection\n");
#endif

HIDDEN_GUEST void *NAME(memcpy)(void *to, const void *from, size_t n);
HIDDEN_GUEST void *NAME(memmove)(void *to, const void *from, size_t n);
HIDDEN_GUEST void *NAME(memset)(void *to, int c, size_t n);
HIDDEN_GUEST int NAME(memcmp)(const void *a, const void *b, size_t n);
HIDDEN_GUEST int NAME(bcmp)(const void *a, const void *b, size_t n);
HIDDEN_GUEST size_t NAME(strlen)(const char *s);
HIDDEN_GUEST void *NAME(__memcpy_chk)(void *to, const void *from, size_t n, size_t room);
HIDDEN_GUEST void *NAME(__memmove_chk)(void *to, const void *from, size_t n, size_t room);
HIDDEN_GUEST void *NAME(__memset_chk)(void *to, int c, size_t n, size_t room);

/* Keeps the compiler from turning a loop into a call of the very function it is in. */
#define HIDE(x) __asm__ volatile("" : "+r"(x))

static inline void copy_up(char *to, const char *from, size_t n)
{
#ifdef __x86_64__
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
	for (; n; n--) {
		HIDE(to);
		*to++ = *from++;
	}
#endif
}

void *NAME(memcpy)(void *to, const void *from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

void *NAME(memmove)(void *to, const void *from, size_t n)
{
	char *t = to;
	const char *f = from;

	if ((uintptr_t)t - (uintptr_t)f >= n) {
		copy_up(t, f, n);
		return to;
	}
	while (n--) {
		HIDE(n);
		t[n] = f[n];
	}
	return to;
}

void *NAME(memset)(void *to, int c, size_t n)
{
	char *t = to;

#ifdef __x86_64__
	__asm__ volatile("rep stosb" : "+D"(t), "+c"(n) : "a"(c) : "memory");
#else
	for (; n; n--) {
		HIDE(t);
		*t++ = (char)c;
	}
#endif
	return to;
}

int NAME(memcmp)(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		HIDE(n);
		if (*x != *y)
			return *x < *y ? -1 : 1;
	}
	return 0;
}

int NAME(bcmp)(const void *a, const void *b, size_t n)
{
	return NAME(memcmp)(a, b, n);
}

size_t NAME(strlen)(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		n++;
		HIDE(n);
	}
	return n;
}

/* _FORTIFY_SOURCE: a size that is too large stops the guest with an exception. */
static inline void check(size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
}

void *NAME(__memcpy_chk)(void *to, const void *from, size_t n, size_t room)
{
	check(n, room);
	return NAME(memcpy)(to, from, n);
}

void *NAME(__memmove_chk)(void *to, const void *from, size_t n, size_t room)
{
	check(n, room);
	return NAME(memmove)(to, from, n);
}

void *NAME(__memset_chk)(void *to, int c, size_t n, size_t room)
{
	check(n, room);
	return NAME(memset)(to, c, n);
}
