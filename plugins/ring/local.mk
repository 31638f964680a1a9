# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/ring/ucall-ring.la
plugins_ring_ucall_ring_la_SOURCES = plugins/ring/ring.c
nodist_plugins_ring_ucall_ring_la_SOURCES = plugins/ring/guests.S
plugins_ring_ucall_ring_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_ring_ucall_ring_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/ring/ucall-ring.7
plugins/ring/guests.S: plugins/ring/ring.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/ring/ring.c
CLEANFILES += plugins/ring/guests.S
