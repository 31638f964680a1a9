// SPDX-License-Identifier: MIT
/* GUEST_PRINTF prints what the C library's printf prints; a wrong format is an error. */
#include "confidential.h"

/* One list for both sides. */
#define FORMATS(f) \
	f("plain text without any conversion, long enough to be copied in words") f( \
		"%d %i %u", -__INT_MAX__ - 1, __INT_MAX__, \
		2u * __INT_MAX__ + 1) f("%ld %lld %lu", -__LONG_MAX__ - 1, __LONG_LONG_MAX__, \
					2ul * __LONG_MAX__ + 1) f("%hhd %hd %hhu %hu", \
								  (signed char)-3, (short)-4, \
								  (unsigned char)250, \
								  (unsigned short)65000) \
		f("%jd %zu %td", (intmax_t)-5, (size_t)6, \
		  (ptrdiff_t)-7) f("%x %X %#x %#X %#lx", 0xbeef, 0xbeef, 0xbeef, 0xbeef, \
				   0xfedcba9876543210ul) f("%o %#o %#o %#.3o", 8, 8, 0, 8) \
			f("[%5d] [%-5d] [%05d] [%+d] [% d] [%+5d]", 42, 42, 42, 42, 42, \
			  -42) f("[%.3d] [%8.3d] [%-8.3d] [%.0d] [%.d]", 7, 7, 7, 0, \
				 0) f("[%*d] [%-*d] [%*d] [%.*d] [%.*d]", 6, 1, 6, 2, -6, 3, 4, 5, \
				      -1, 6) f("[%#8x] [%-#8x] [%#08x] [%#x] [%#.5x]", 0xab, 0xab, \
					       0xab, 0, \
					       0xab) f("%s|%10s|%-10s|%.2s|%8.3s|%.0s|%s", "text", \
						       "text", "text", "text", "text", "text", \
						       "") f("%c%c|%3c|%-3c|", 'a', 'b', 'c', 'd') \
				f("%p %20p %-20p|", (void *)0x1234, (void *)0xffffffffffffffff, \
				  (void *)1) f("100%% of %s%%", \
					       "it") f("%d", 0) f("%llu%lld%llx", 0ull, 0ll, 0ull) \
					f("%d %d %u %u %u %d", 9, 10, 99u, 100u, 101u, -100) \
						f("%u %u %d %d %u %d", 999u, 1000u, -9999, 10000, \
						  4294967290u, -9) \
							f("%u %u %x %x %x %x", 100000u, 1234567u, \
							  0, 0xf, 0x10, 0xabcdef09)

#define GUEST_LINE(...) GUEST_PRINTF(__VA_ARGS__);
static UCALL_GUEST void guest_formats(void)
{
	FORMATS(GUEST_LINE)
	GUEST_DONE();
}

/* Length modifiers cut larger numbers; compilers warn about such formats if they can see them. */
static UCALL_GUEST void guest_cut(const char *format)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	GUEST_PRINTF(format, 300, 70000, 300, 70000);
#pragma GCC diagnostic pop
	GUEST_DONE();
}

static UCALL_GUEST void guest_null(const char *s)
{
	GUEST_PRINTF("<%s>", s);
	GUEST_DONE();
}

/* The VM's output stream gets all the output, and nothing else. */
static UCALL_GUEST void guest_output(void)
{
	GUEST_PRINTF("one %d\n", 1);
	GUEST_SYNC(1);
	GUEST_PRINTF("%s", ""); /* prints nothing, sends no message */
	GUEST_PRINTF("two\n");
	GUEST_DONE();
}

/* A text longer than a message is sent in several. */
static UCALL_GUEST void guest_long(int width)
{
	GUEST_PRINTF("%*d%0*d|", width, 1, width, 2);
	GUEST_DONE();
}

static UCALL_GUEST void guest_unknown(const char *format)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	GUEST_PRINTF(format);
#pragma GCC diagnostic pop
	GUEST_SYNC(1);
	GUEST_DONE();
}

#ifndef UCALL_GUEST_BUILD
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOST_LINE(...) \
	snprintf(expected, sizeof(expected), __VA_ARGS__); \
	CHECK_OK(!ucall_vcpu_run(vcpu)); \
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF); \
	CHECK_STR(uc.text, expected); \
	CHECK_EQ(uc.text_size, strlen(expected));
static void host_formats(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	char expected[1024];
	struct ucall uc;

	FORMATS(HOST_LINE)
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
}

/* Text for a guest to read. */
static uint64_t put_text(struct ucall_vm *vm, const char *text)
{
	uint64_t gva = ucall_vm_alloc(vm, strlen(text) + 1, UCALL_MEM_PRIVATE);

	CHECK_OK(gva && !ucall_vm_write(vm, gva, text, strlen(text) + 1));
	return gva;
}

static void each_cut(void)
{
	struct ucall_vm *vm = ucall_test_vm(NULL);
	struct ucall_vcpu *vcpu =
		ucall_vcpu_add(vm, guest_cut, 1, put_text(vm, "%hhd %hd %hhu %hx"));
	struct ucall uc;

	CHECK_OK(vcpu);
	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
	CHECK_STR(uc.text, "44 4464 44 1170");
}

static void host_null(struct ucall_vm *vm, struct ucall_vcpu *vcpu)
{
	struct ucall uc;

	CHECK_OK(!ucall_vcpu_run(vcpu));
	CHECK_EQ(get_ucall(vcpu, &uc), UCALL_PRINTF);
	CHECK_STR(uc.text, "<(null)>");
}

static void each_output(void)
{
	char *text = NULL;
	size_t size = 0;
	struct ucall_vm_config config = { .output = open_memstream(&text, &size) };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_output, 0);

	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_SYNC);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	fclose(config.output);
	CHECK_STR(text, "one 1\ntwo\n");
	free(text);
}

static void each_long(void)
{
	char *text = NULL, expected[4096];
	size_t size = 0;
	struct ucall_vm_config config = { .output = open_memstream(&text, &size) };
	struct ucall_vm *vm = ucall_test_vm(&config);
	struct ucall_vcpu *vcpu = ucall_vcpu_add(vm, guest_long, 1, 1500);

	CHECK_OK(vcpu);
	CHECK_NEXT(vcpu, NULL, UCALL_DONE);
	fclose(config.output);
	snprintf(expected, sizeof(expected), "%*d%0*d|", 1500, 1, 1500, 2);
	CHECK_STR(text, expected);
	free(text);
}

static void each_unknown(void)
{
	static const struct {
		const char *format, *conversion;
	} wrong[] = {
		{ "a %q b", "%q" },	{ "%f", "%f" },	      { "%ls", "%ls" },
		{ "x %n y", "%n" },	{ "%5.2e", "%5.2e" }, { "at the end %", "%" },
		{ "end %-08", "%-08" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *text = NULL, expected[64];
		size_t size = 0;
		struct ucall_vm_config config = { .output = open_memstream(&text, &size) };
		struct ucall_vm *vm = ucall_test_vm(&config);
		struct ucall_vcpu *vcpu =
			ucall_vcpu_add(vm, guest_unknown, 1, put_text(vm, wrong[i].format));

		CHECK_OK(vcpu);
		CHECK_EQ(ucall_next(vcpu, NULL), -1);
		CHECK_EQ(errno, EPROTO);
		snprintf(expected, sizeof(expected), "unknown conversion \"%s\" in \"%s\"",
			 wrong[i].conversion, wrong[i].format);
		CHECK_HAS(ucall_error(), expected);
		CHECK_NEXT(vcpu, NULL, UCALL_SYNC); /* the guest can continue */
		fclose(config.output);
		CHECK_EQ(size, 0); /* never printed verbatim */
		free(text);
	}
}

UCALL_TESTS({ "every conversion, as in the C library", UCALL_TEST_GUEST(guest_formats),
	      .host = host_formats, .any_arch = true },
	    { "numbers larger than their length", .each = each_cut, .any_arch = true },
	    { "a null pointer for %s", UCALL_TEST_GUEST(guest_null), .nargs = 1, .host = host_null,
	      .any_arch = true },
	    { "the output stream", .each = each_output, .any_arch = true },
	    { "a text longer than a message", .each = each_long, .any_arch = true },
	    { "unknown conversions", .each = each_unknown, .any_arch = true },
	    EACH_PROTECTED("every conversion, as in the C library", UCALL_TEST_GUEST(guest_formats),
			   .host = host_formats, .launch = true, .config.guest_vc = true));

#endif
