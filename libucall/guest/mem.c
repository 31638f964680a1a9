// SPDX-License-Identifier: MIT
/*
 * Guest runtime: the functions that compilers call by themselves.  They are hidden, so that a
 * program has them for itself, host side and guest side; they use no library and no vector
 * registers.
 */
#include <stddef.h>
#include <stdint.h>

#include <ucall/guest.h>

#define HIDDEN_GUEST UCALL_HIDDEN UCALL_GUEST

HIDDEN_GUEST void *memcpy(void *to, const void *from, size_t n);
HIDDEN_GUEST void *memmove(void *to, const void *from, size_t n);
HIDDEN_GUEST void *memset(void *to, int c, size_t n);
HIDDEN_GUEST int memcmp(const void *a, const void *b, size_t n);
HIDDEN_GUEST size_t strlen(const char *s);
HIDDEN_GUEST void *__memcpy_chk(void *to, const void *from, size_t n, size_t room);
HIDDEN_GUEST void *__memmove_chk(void *to, const void *from, size_t n, size_t room);
HIDDEN_GUEST void *__memset_chk(void *to, int c, size_t n, size_t room);

/* Keeps the compiler from making a loop into a call of the function that it is. */
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

void *memcpy(void *to, const void *from, size_t n)
{
	copy_up(to, from, n);
	return to;
}

void *memmove(void *to, const void *from, size_t n)
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

void *memset(void *to, int c, size_t n)
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

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n; n--, x++, y++) {
		HIDE(n);
		if (*x != *y)
			return *x < *y ? -1 : 1;
	}
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n]) {
		n++;
		HIDE(n);
	}
	return n;
}

/* _FORTIFY_SOURCE: a size too large ends the guest by an exception. */
static inline void check(size_t n, size_t room)
{
	if (n > room)
		__builtin_trap();
}

void *__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	check(n, room);
	return memcpy(to, from, n);
}

void *__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
	check(n, room);
	return memmove(to, from, n);
}

void *__memset_chk(void *to, int c, size_t n, size_t room)
{
	check(n, room);
	return memset(to, c, n);
}
