// SPDX-License-Identifier: MIT
/*
 * Guest runtime: GUEST_PRINTF and the failing asserts.  Text is formatted into the message itself,
 * so that the host never follows a guest pointer.
 *
 * Every instruction counts if a hypervisor interprets ring 0, so plain text is copied eight bytes
 * at a time, and arguments come as an array of 64-bit integers rather than by <stdarg.h>.
 */
#include <stdbool.h>

#include <ucall/guest.h>

#define TEXT_MAX (UCALL_TEXT_SIZE - 1)

struct out {
	struct ucall *uc;
	char *p, *end;
	char *last8; /* the last place where eight bytes fit */
	bool flush; /* send a full message as UCALL_PRINTF and go on; else cut */
	bool by_address; /* this guest has no mailbox */
	bool cut, bad;
};

struct spec {
	unsigned int width;
	int precision; /* -1: none */
	bool left, zero, alternate;
	char sign; /* '+', ' ' or 0 */
	char length; /* 'H' for hh, 'L' for ll, else as written, or 0 */
};

UCALL_GUEST static void send(struct out *o, unsigned int cmd, unsigned int nargs)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	unsigned int flags = (o->bad ? UCALL_TEXT_BAD : 0) | (o->cut ? UCALL_TEXT_CUT : 0);
	uint64_t head = ucall_head(cmd, nargs, flags, (uint32_t)(o->p - o->uc->text));

	if (o->by_address) {
		ucall_ring_address(o->uc, head);
		return;
	}
	if (o->uc != &m->uc)
		m->shared = (uint64_t)(uintptr_t)o->uc;
	ucall_ring(m, o->uc, head);
}

UCALL_GUEST static void start(struct out *o, struct ucall *uc, bool flush)
{
	o->by_address = false;
	o->uc = uc;
	o->p = uc->text;
	o->end = uc->text + TEXT_MAX;
	o->last8 = o->end - 8;
	o->flush = flush;
	o->cut = false;
	o->bad = false;
}

/* The text is full: sends it to make room, or returns true if it is cut here. */
UCALL_GUEST static bool full(struct out *o)
{
	if (!o->flush) {
		o->cut = true;
		return true;
	}
	send(o, UCALL_PRINTF, 0);
	o->p = o->uc->text;
	return false;
}

UCALL_GUEST static void put(struct out *o, char c)
{
	if (o->p == o->end && full(o))
		return;
	*o->p++ = c;
}

UCALL_GUEST static void pad(struct out *o, char c, unsigned int n)
{
	while (n--)
		put(o, c);
}

typedef uint64_t __attribute__((may_alias, aligned(1))) bytes8;

#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
/* True if eight bytes can be read at s without touching the next page, which may not be mapped. */
UCALL_INLINE bool readable8(const char *s)
{
	return ((uintptr_t)s & (UCALL_PAGE_SIZE - 1)) <= UCALL_PAGE_SIZE - 8;
}

/* The number of the first byte that has its top bit set; at least one has. */
UCALL_INLINE unsigned int first_byte(uint64_t hit)
{
#if defined(__riscv) && !defined(__riscv_zbb)
	unsigned int n = 0; /* __builtin_ctzll() would call the compiler's library */

	for (; !(hit & 0x80); hit >>= 8)
		n++;
	return n;
#else
	return (unsigned int)__builtin_ctzll(hit) / 8;
#endif
}
#endif

/*
 * Copies up to the end of s or to `stop`, and returns where that is.  Subtracting 1 from each byte
 * sets the top bit of a zero byte; a byte above 0x80 is a false alarm, and is copied on its own.
 */
UCALL_INLINE const char *put_until(struct out *o, const char *s, char stop)
{
	char *p = o->p;

	for (;; s++) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		while (p <= o->last8 && readable8(s)) {
			uint64_t v = *(const bytes8 *)s, hit = v - ONES;
			unsigned int n;

			if (stop)
				hit |= (v ^ (uint64_t)(unsigned char)stop * ONES) - ONES;
			hit &= HIGHS;
			*(bytes8 *)p = v; /* extra bytes are overwritten later */
			if (hit) {
				n = first_byte(hit);
				p += n;
				s += n;
				break;
			}
			p += 8;
			s += 8;
		}
#endif
		o->p = p;
		if (!*s || *s == stop)
			return s;
		put(o, *s);
		p = o->p;
	}
}

UCALL_GUEST static void put_bytes(struct out *o, const char *s, unsigned int n)
{
	for (; n; n--)
		put(o, *s++);
}

UCALL_GUEST static unsigned int length(const char *s, unsigned int most)
{
	unsigned int n = 0;

	while (n < most && s[n])
		n++;
	return n;
}

UCALL_GUEST static void put_string(struct out *o, const char *s, const struct spec *spec)
{
	unsigned int n = length(s, spec->precision < 0 ? ~0u : (unsigned int)spec->precision);
	unsigned int fill = spec->width > n ? spec->width - n : 0;

	if (!spec->left)
		pad(o, ' ', fill);
	put_bytes(o, s, n);
	if (spec->left)
		pad(o, ' ', fill);
}

/* Two digits for each number below 100. */
static const char pairs[] = "00010203040506070809101112131415161718192021222324"
			    "25262728293031323334353637383940414243444546474849"
			    "50515253545556575859606162636465666768697071727374"
			    "75767778798081828384858687888990919293949596979899";

typedef uint16_t __attribute__((may_alias, aligned(1))) bytes2;

/* Writes the number before `end`, and returns where it begins. */
UCALL_INLINE char *decimal(char *end, uint32_t v)
{
	while (v >= 100) {
		uint32_t rest = v / 100;

		end -= 2;
		*(bytes2 *)end = *(const bytes2 *)&pairs[2 * (v - rest * 100)];
		v = rest;
	}
	if (v >= 10) {
		end -= 2;
		*(bytes2 *)end = *(const bytes2 *)&pairs[2 * v];
	} else {
		*--end = (char)('0' + v);
	}
	return end;
}

UCALL_INLINE char *hexadecimal(char *end, uint32_t v)
{
	do {
		*--end = (char)((v & 15) < 10 ? '0' + (v & 15) : 'a' + (v & 15) - 10);
		v >>= 4;
	} while (v);
	return end;
}

/* A 32-bit number without any flag, width or precision, in base 10 or 16. */
UCALL_INLINE void put_plain(struct out *o, uint32_t v, unsigned int base, bool negative)
{
	char digits[32], *const end = digits + 16, *d; /* 16 bytes can be read at d */

	d = base == 10 ? decimal(end, v) : hexadecimal(end, v);
	if (negative)
		*--d = '-';
	if (o->p > o->last8 - 8) {
		put_bytes(o, d, (unsigned int)(end - d));
		return;
	}
	((bytes8 *)o->p)[0] = ((const bytes8 *)d)[0];
	((bytes8 *)o->p)[1] = ((const bytes8 *)d)[1];
	o->p += end - d;
}

UCALL_GUEST static void put_number(struct out *o, uint64_t v, unsigned int base, char letters,
				   char sign, const struct spec *spec)
{
	char digits[24], *d = digits + sizeof(digits), prefix[2];
	unsigned int n, zeros = 0, prefixed = 0, fill;
	bool zero = v == 0;

	while (v) {
		unsigned int digit = (unsigned int)(v % base);

		v /= base;
		*--d = (char)(digit < 10 ? '0' + digit : letters + digit - 10);
	}
	if (zero && spec->precision)
		*--d = '0';
	n = (unsigned int)(digits + sizeof(digits) - d);
	if (spec->precision >= 0 && (unsigned int)spec->precision > n)
		zeros = (unsigned int)spec->precision - n;
	if (spec->alternate && base == 8 && !zeros && (n == 0 || *d != '0'))
		zeros = 1;
	if (sign)
		prefix[prefixed++] = sign;
	if (spec->alternate && base == 16 && !zero) {
		prefix[prefixed++] = '0';
		prefix[prefixed++] = (char)(letters + 'x' - 'a');
	}
	n += prefixed;
	fill = spec->width > n + zeros ? spec->width - n - zeros : 0;
	if (spec->zero && !spec->left && spec->precision < 0) {
		zeros += fill;
		fill = 0;
	}
	if (!spec->left)
		pad(o, ' ', fill);
	put_bytes(o, prefix, prefixed);
	pad(o, '0', zeros);
	put_bytes(o, d, n - prefixed);
	if (spec->left)
		pad(o, ' ', fill);
}

UCALL_GUEST static uint64_t cut_unsigned(uint64_t v, char len)
{
	switch (len) {
	case 'H':
		return (unsigned char)v;
	case 'h':
		return (unsigned short)v;
	case 0:
		return (unsigned int)v;
	default:
		return v;
	}
}

UCALL_GUEST static int64_t cut_signed(uint64_t v, char len)
{
	switch (len) {
	case 'H':
		return (signed char)v;
	case 'h':
		return (short)v;
	case 0:
		return (int)v;
	default:
		return (int64_t)v;
	}
}

/* Flags, width, precision and length; returns where the conversion letter is. */
UCALL_GUEST static const char *parse(const char *f, struct spec *s, const uint64_t **args)
{
	s->width = 0;
	s->precision = -1;
	s->left = s->zero = s->alternate = false;
	s->sign = s->length = 0;
	for (;; f++) {
		if (*f == '-')
			s->left = true;
		else if (*f == '0')
			s->zero = true;
		else if (*f == '#')
			s->alternate = true;
		else if (*f == '+')
			s->sign = '+';
		else if (*f == ' ')
			s->sign = s->sign ? s->sign : ' ';
		else
			break;
	}
	if (*f == '*') {
		int w = (int)*(*args)++;

		s->left = s->left || w < 0;
		s->width = w < 0 ? 0u - (unsigned int)w : (unsigned int)w;
		f++;
	} else {
		while (*f >= '0' && *f <= '9')
			s->width = s->width * 10 + (unsigned int)(*f++ - '0');
	}
	if (*f == '.') {
		f++;
		s->precision = 0;
		if (*f == '*') {
			s->precision = (int)*(*args)++;
			s->precision = s->precision < 0 ? -1 : s->precision;
			f++;
		} else {
			while (*f >= '0' && *f <= '9')
				s->precision = s->precision * 10 + (*f++ - '0');
		}
	}
	if (*f == 'h' || *f == 'l') {
		s->length = *f++;
		if (*f == s->length)
			s->length = *f++ == 'h' ? 'H' : 'L';
	} else if (*f == 'j' || *f == 'z' || *f == 't') {
		s->length = *f++;
	}
	return f;
}

/* Does one conversion, and moves *format from after the % past it.  False: it is unknown. */
UCALL_GUEST static bool convert(struct out *o, const char **format, const uint64_t **args)
{
	struct spec s;
	const char *f = parse(*format, &s, args), *text;
	int64_t v;
	char c = *f;

	*format = c ? f + 1 : f;
	switch (c) {
	case 'd':
	case 'i':
		v = cut_signed(*(*args)++, s.length);
		put_number(o, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, 'a', v < 0 ? '-' : s.sign,
			   &s);
		return true;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_number(o, cut_unsigned(*(*args)++, s.length),
			   c == 'u'   ? 10
			   : c == 'o' ? 8
				      : 16,
			   c == 'X' ? 'A' : 'a', 0, &s);
		return true;
	case 'p':
		s.alternate = true;
		put_number(o, *(*args)++, 16, 'a', 0, &s);
		return true;
	case 'c':
		c = (char)*(*args)++;
		if (!s.left)
			pad(o, ' ', s.width > 1 ? s.width - 1 : 0);
		put(o, c);
		if (s.left)
			pad(o, ' ', s.width > 1 ? s.width - 1 : 0);
		return true;
	case 's':
		if (s.length)
			return false; /* wide characters */
		text = (const char *)(uintptr_t) * (*args)++;
		put_string(o, text ? text : "(null)", &s);
		return true;
	case '%':
		put(o, '%');
		return true;
	default:
		return false;
	}
}

/* The format is wrong: the host gets a description of the error instead of the text. */
UCALL_GUEST static void complain(struct out *o, const char *format, const char *percent,
				 const char *after)
{
	static const struct spec plain = { .precision = -1 };

	o->flush = false;
	o->p = o->uc->text;
	o->bad = true;
	put_string(o, "the guest's format has the unknown conversion \"", &plain);
	put_bytes(o, percent, (unsigned int)(after - percent));
	put_string(o, "\" in \"", &plain);
	put_string(o, format, &plain);
	put(o, '"');
}

UCALL_GUEST static void format_text(struct out *o, const char *format, const uint64_t *args)
{
	const char *f = format, *percent, *text;

	for (;;) {
		f = percent = put_until(o, f, '%');
		if (!*f++)
			return;
		/* A fast path for plain conversions. */
		if (*f == 'd') {
			int v = (int)*args++;

			put_plain(o, v < 0 ? 0u - (unsigned int)v : (unsigned int)v, 10, v < 0);
			f++;
		} else if (*f == 's') {
			text = (const char *)(uintptr_t)*args++;
			put_until(o, text ? text : "(null)", 0);
			f++;
		} else if (*f == 'u') {
			put_plain(o, (uint32_t)*args++, 10, false);
			f++;
		} else if (*f == 'x') {
			put_plain(o, (uint32_t)*args++, 16, false);
			f++;
		} else if (!convert(o, &f, &args)) {
			complain(o, format, percent, f);
			return;
		}
	}
}

UCALL_INLINE bool has_no_mailbox(void)
{
	return ucall_this_bell()->protection & UCALL_BELL_NO_MAILBOX;
}

/* A separate function, because it has a message on its stack. */
UCALL_GUEST static void __attribute__((noinline, cold))
print_by_address(const char *format, const uint64_t *args)
{
	struct ucall own;
	struct out o;

	start(&o, &own, true);
	o.by_address = true;
	format_text(&o, format, args);
	if (o.bad || o.p != own.text)
		send(&o, UCALL_PRINTF, 0);
}

/* For a guest that fails: in *uc; if that is NULL, in the mailbox, or without a mailbox in *own. */
UCALL_GUEST static void start_failing(struct out *o, struct ucall *uc, struct ucall *own)
{
	bool by_address = has_no_mailbox();

	if (!uc)
		uc = by_address ? own : &ucall_this_mailbox()->uc;
	start(o, uc, false);
	o->by_address = by_address;
}

UCALL_GUEST void ucall_guest_print(const char *format, const uint64_t *args)
{
	struct ucall_mailbox *m = ucall_this_mailbox();
	struct out o;

	if (__builtin_expect(has_no_mailbox(), 0)) {
		print_by_address(format, args);
		return;
	}
	start(&o, &m->uc, true);
	format_text(&o, format, args);
	if (o.bad)
		send(&o, UCALL_PRINTF, 0);
	else if (o.p != m->uc.text)
		ucall_ring(m, &m->uc, ucall_head(UCALL_PRINTF, 0, 0, (uint32_t)(o.p - m->uc.text)));
}

/* Writes "FILE:LINE: ", the start of each report. */
UCALL_GUEST static void put_place(struct out *o, const char *file, unsigned int line)
{
	const uint64_t args[] = { (uint64_t)(uintptr_t)file, line };

	format_text(o, "%s:%u: ", args);
}

/* A guest that failed does not go on: if it is run again, it aborts again. */
UCALL_GUEST static void __attribute__((noreturn)) abort_for_good(struct out *o, unsigned int nargs)
{
	for (;;)
		send(o, UCALL_ABORT, nargs);
}

UCALL_GUEST void ucall_guest_fail(const char *file, unsigned int line, const char *format,
				  const uint64_t *args)
{
	struct ucall own;
	struct out o;

	start_failing(&o, NULL, &own);
	put_place(&o, file, line);
	format_text(&o, format, args);
	o.uc->args[0] = 0;
	o.uc->args[1] = line;
	abort_for_good(&o, 2);
}

UCALL_GUEST void ucall_guest_assert(struct ucall *uc, const char *file, unsigned int line,
				    const char *expression, unsigned int values, uint64_t v1,
				    uint64_t v2, uint64_t v3, uint64_t v4)
{
	const uint64_t text[] = { (uint64_t)(uintptr_t)expression };
	struct ucall own;
	struct out o;

	start_failing(&o, uc, &own);
	uc = o.uc;
	uc->args[0] = 0;
	uc->args[1] = line;
	uc->args[2] = v1;
	uc->args[3] = v2;
	uc->args[4] = v3;
	uc->args[5] = v4;
	put_place(&o, file, line);
	format_text(&o, "assertion failed: %s", text);
	for (unsigned int i = 0; i < values; i++)
		format_text(&o, i ? ", 0x%lx" : " with 0x%lx", &uc->args[2 + i]);
	abort_for_good(&o, 2 + values);
}
