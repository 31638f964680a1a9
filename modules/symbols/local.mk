# SPDX-License-Identifier: MIT
if SYMBOLS
symbols_cppflags = $(UCALL_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
symbols_cflags = $(UCALL_CFLAGS) $(LIBDW_CFLAGS)

# For guests that are the program itself.
backend_LTLIBRARIES += modules/symbols/symbols.la
modules_symbols_symbols_la_SOURCES = modules/symbols/module.c modules/symbols/backtrace.c modules/symbols/backtrace.h
modules_symbols_symbols_la_CPPFLAGS = $(symbols_cppflags)
modules_symbols_symbols_la_CFLAGS = $(symbols_cflags)
modules_symbols_symbols_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_symbols$$'
modules_symbols_symbols_la_LIBADD = $(LIBDW_LIBS)

# For separate guest ELFs: a program, in the same folder.
backend_PROGRAMS += modules/symbols/ucall-symbols
modules_symbols_ucall_symbols_SOURCES = modules/symbols/helper.c modules/symbols/backtrace.c modules/symbols/backtrace.h
modules_symbols_ucall_symbols_CPPFLAGS = $(symbols_cppflags)
modules_symbols_ucall_symbols_CFLAGS = $(symbols_cflags)
modules_symbols_ucall_symbols_LDFLAGS =
modules_symbols_ucall_symbols_LDADD = $(LIBDW_LIBS)
endif
