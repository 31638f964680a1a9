# SPDX-License-Identifier: MIT
if SYMBOLS
symbols_cppflags = $(UCALL_CORE_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
symbols_cflags = $(UCALL_CFLAGS) $(LIBDW_CFLAGS)

# For guests that are the program itself.
backend_LTLIBRARIES += libucall/modules/symbols/symbols.la
libucall_modules_symbols_symbols_la_SOURCES = libucall/modules/symbols/module.c libucall/modules/symbols/backtrace.c libucall/modules/symbols/backtrace.h
libucall_modules_symbols_symbols_la_CPPFLAGS = $(symbols_cppflags)
libucall_modules_symbols_symbols_la_CFLAGS = $(symbols_cflags)
libucall_modules_symbols_symbols_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_symbols$$'
libucall_modules_symbols_symbols_la_LIBADD = $(LIBDW_LIBS)

# For separate guest ELFs: a program, in the same folder.
backend_PROGRAMS += libucall/modules/symbols/ucall-symbols
libucall_modules_symbols_ucall_symbols_SOURCES = libucall/modules/symbols/helper.c libucall/modules/symbols/backtrace.c libucall/modules/symbols/backtrace.h
libucall_modules_symbols_ucall_symbols_CPPFLAGS = $(symbols_cppflags)
libucall_modules_symbols_ucall_symbols_CFLAGS = $(symbols_cflags)
libucall_modules_symbols_ucall_symbols_LDFLAGS =
libucall_modules_symbols_ucall_symbols_LDADD = $(LIBDW_LIBS)
endif
