# SPDX-License-Identifier: MIT
if CIPHERS
backend_LTLIBRARIES += libucall/modules/ciphers/ciphers.la
libucall_modules_ciphers_ciphers_la_SOURCES = libucall/modules/ciphers/ciphers.c
libucall_modules_ciphers_ciphers_la_CPPFLAGS = $(UCALL_CORE_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
libucall_modules_ciphers_ciphers_la_CFLAGS = $(UCALL_CFLAGS) $(LIBCRYPTO_CFLAGS)
libucall_modules_ciphers_ciphers_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_ciphers$$'
libucall_modules_ciphers_ciphers_la_LIBADD = $(LIBCRYPTO_LIBS)
endif
