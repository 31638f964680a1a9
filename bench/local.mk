# SPDX-License-Identifier: MIT
if UNICORN
noinst_PROGRAMS += bench/unicorn
bench_unicorn_SOURCES = bench/unicorn.c engines/unicorn/fiber.c engines/unicorn/fiber.h \
	engines/unicorn/fiber-switch.S
bench_unicorn_CFLAGS = $(UCALL_CFLAGS) $(UNICORN_CFLAGS)
bench_unicorn_LDADD = $(LDADD) $(UNICORN_LIBS)
endif
