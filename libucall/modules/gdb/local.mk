# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += libucall/modules/gdb/gdb.la
libucall_modules_gdb_gdb_la_SOURCES = \
	libucall/modules/gdb/commands.c \
	libucall/modules/gdb/gdb.h \
	libucall/modules/gdb/server.c \
	libucall/modules/gdb/target.c
libucall_modules_gdb_gdb_la_CPPFLAGS = $(UCALL_CORE_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
libucall_modules_gdb_gdb_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden -pthread
libucall_modules_gdb_gdb_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_gdb$$'
libucall_modules_gdb_gdb_la_LIBADD = libucall/libucall.la
