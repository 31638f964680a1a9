# SPDX-License-Identifier: MIT
bin_PROGRAMS += tools/ucall
tools_ucall_SOURCES = tools/ucall.c tools/commands.h tools/list.c tools/demo.c
tools_ucall_CPPFLAGS = $(UCALL_CPPFLAGS)
tools_ucall_CFLAGS = $(UCALL_CFLAGS)
tools_ucall_LDFLAGS = $(UCALL_GUEST_LINK)
tools_ucall_LDADD = $(UCALL_LIBS)
EXTRA_tools_ucall_DEPENDENCIES = $(UCALL_GUEST_DEPS)
dist_man_MANS += tools/ucall.1
