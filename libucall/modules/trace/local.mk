# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += libucall/modules/trace/trace.la
libucall_modules_trace_trace_la_SOURCES = \
	libucall/modules/trace/perfetto.h \
	libucall/modules/trace/writer.c
libucall_modules_trace_trace_la_CPPFLAGS = $(UCALL_CORE_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
libucall_modules_trace_trace_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden -pthread
libucall_modules_trace_trace_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_trace$$'
libucall_modules_trace_trace_la_LIBADD = libucall/libucall.la
