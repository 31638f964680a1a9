// SPDX-License-Identifier: MIT
/* ucall_error() and how it comes about; what the library is. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "error.h"

static __thread char message[2048];

const char *ucall_version(void)
{
	return UCALL_VERSION;
}

const char *ucall_error(void)
{
	return message[0] ? message : "no error";
}

int ucall_fail(int error, const char *format, ...)
{
	char text[sizeof(message)]; /* the arguments may point into message */
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	memcpy(message, text, sizeof(message));
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
	memcpy(message, text, sizeof(message));
	errno = error;
	return -1;
}

int ucall_fail_call(const char *what)
{
	return ucall_fail(errno, "%s: %s", what, strerror(errno));
}
