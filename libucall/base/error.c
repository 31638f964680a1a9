// SPDX-License-Identifier: MIT
/* ucall_error(), what sets it, and ucall_version(). */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "error.h"
#include "text.h"

static __thread char message[2048];

const char *ucall_version(void)
{
	return UCALL_VERSION;
}

const char *ucall_error(void)
{
	return message[0] ? message : "no error";
}

/* Stores the error as one line, whatever text of a guest or file it contains. */
static void set_message(char *text)
{
	ucall_text_escape(text, sizeof(message));
	memcpy(message, text, sizeof(message));
}

int ucall_fail(int error, const char *format, ...)
{
	char text[sizeof(message)]; /* the arguments may point into message */
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	set_message(text);
	errno = error;
	return -1;
}

int ucall_fail_in(const char *format, ...)
{
	char text[sizeof(message)];
	int error = errno, n;
	va_list ap;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n + 3 < sizeof(text))
		snprintf(text + n, sizeof(text) - (size_t)n, ": %.*s",
			 (int)(sizeof(text) - (size_t)n - 3), message);
	set_message(text);
	errno = error;
	return -1;
}

int ucall_fail_call(const char *what)
{
	return ucall_fail(errno, "%s: %s", what, strerror(errno));
}

void ucall_forget_error(void)
{
	message[0] = 0;
	errno = 0;
}

int ucall_fail_if_silent(const char *what)
{
	int error = errno ? errno : EINVAL;

	if (!message[0])
		ucall_fail(error, "its %s() failed without calling ucall_fail()%s%s", what,
			   errno ? ": " : "", errno ? strerror(error) : "");
	errno = error;
	return -1;
}

bool ucall_fail_if_null(const void *object, const char *function)
{
	static const char before[] = "NULL was given; the last error was: ";
	const char *last = strstr(message, before);

	if (object)
		return false;
	/* After several such calls, keep the error before the first. */
	last = last ? last + strlen(before) : message;
	if (last[0])
		ucall_fail(EINVAL, "%s: %s%s", function, before, last);
	else
		ucall_fail(EINVAL, "%s: NULL was given", function);
	return true;
}

static void *check_memory(void *memory)
{
	if (!memory)
		ucall_fail(ENOMEM, "out of memory");
	return memory;
}

void *ucall_calloc(size_t count, size_t size)
{
	return check_memory(calloc(count, size));
}

void *ucall_realloc(void *p, size_t size)
{
	return check_memory(realloc(p, size));
}

char *ucall_strdup(const char *s)
{
	return check_memory(strdup(s));
}

char *ucall_strndup(const char *s, size_t n)
{
	return check_memory(strndup(s, n));
}
