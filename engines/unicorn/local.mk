# SPDX-License-Identifier: MIT
if UNICORN
backend_LTLIBRARIES += engines/unicorn/unicorn.la
engines_unicorn_unicorn_la_SOURCES = \
	engines/unicorn/aarch64.c \
	engines/unicorn/cpu.h \
	engines/unicorn/fiber.c engines/unicorn/fiber.h \
	engines/unicorn/fiber-switch.S \
	engines/unicorn/riscv64.c \
	engines/unicorn/s390x.c \
	engines/unicorn/unicorn.c \
	engines/unicorn/x86_64.c
engines_unicorn_unicorn_la_CPPFLAGS = $(UCALL_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
engines_unicorn_unicorn_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden $(UNICORN_CFLAGS) -pthread
engines_unicorn_unicorn_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_engine$$'
engines_unicorn_unicorn_la_LIBADD = libucall/libucall.la $(UNICORN_LIBS)
endif
