# SPDX-License-Identifier: MIT
noinst_PROGRAMS += examples/hello
examples_hello_SOURCES = examples/hello.c
examples_hello_CPPFLAGS = $(UCALL_CPPFLAGS)
examples_hello_CFLAGS = $(UCALL_CFLAGS)
examples_hello_LDFLAGS = $(UCALL_GUEST_LINK)
examples_hello_LDADD = $(UCALL_LIBS)
EXTRA_examples_hello_DEPENDENCIES = $(UCALL_GUEST_DEPS)
