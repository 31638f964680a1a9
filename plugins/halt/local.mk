# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/halt/ucall-halt.la
plugins_halt_ucall_halt_la_SOURCES = plugins/halt/halt.c
nodist_plugins_halt_ucall_halt_la_SOURCES = plugins/halt/guests.S
plugins_halt_ucall_halt_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_halt_ucall_halt_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/halt/ucall-halt.7
plugins/halt/guests.S: plugins/halt/halt.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/halt/halt.c
CLEANFILES += plugins/halt/guests.S
