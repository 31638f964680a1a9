# SPDX-License-Identifier: MIT
if UNICORN
backend_LTLIBRARIES += libucall/modules/unicorn/unicorn.la
libucall_modules_unicorn_unicorn_la_SOURCES = \
	libucall/modules/unicorn/aarch64.c \
	libucall/modules/unicorn/cpu.h \
	libucall/modules/unicorn/fiber.c libucall/modules/unicorn/fiber.h \
	libucall/modules/unicorn/fiber-switch.S \
	libucall/modules/unicorn/handlers.c \
	libucall/modules/unicorn/riscv64.c \
	libucall/modules/unicorn/s390x.c \
	libucall/modules/unicorn/unicorn.c \
	libucall/modules/unicorn/x86_64.c
libucall_modules_unicorn_unicorn_la_CPPFLAGS = $(UCALL_CORE_CPPFLAGS) -DUCALL_VERSION='"$(PACKAGE_VERSION)"'
libucall_modules_unicorn_unicorn_la_CFLAGS = $(UCALL_CFLAGS) -fvisibility=hidden $(UNICORN_CFLAGS) -pthread
libucall_modules_unicorn_unicorn_la_LDFLAGS = -module -avoid-version -shared \
	-export-symbols-regex '^ucall_engine$$'
libucall_modules_unicorn_unicorn_la_LIBADD = libucall/libucall.la $(UNICORN_LIBS)
endif
