# SPDX-License-Identifier: MIT
if CIPHERS
backend_LTLIBRARIES += modules/ciphers/ciphers.la
modules_ciphers_ciphers_la_SOURCES = modules/ciphers/ciphers.c
modules_ciphers_ciphers_la_CPPFLAGS = $(UCALL_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
modules_ciphers_ciphers_la_CFLAGS = $(UCALL_CFLAGS) $(LIBCRYPTO_CFLAGS)
modules_ciphers_ciphers_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_ciphers$$'
modules_ciphers_ciphers_la_LIBADD = $(LIBCRYPTO_LIBS)
endif
