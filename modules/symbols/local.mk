# SPDX-License-Identifier: MIT
if SYMBOLS
backend_LTLIBRARIES += modules/symbols/symbols.la
modules_symbols_symbols_la_SOURCES = modules/symbols/symbols.c
modules_symbols_symbols_la_CPPFLAGS = $(UCALL_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
modules_symbols_symbols_la_CFLAGS = $(UCALL_CFLAGS) $(LIBDW_CFLAGS)
modules_symbols_symbols_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_symbols$$'
modules_symbols_symbols_la_LIBADD = $(LIBDW_LIBS)
endif
