# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/pio/ucall-pio.la
plugins_pio_ucall_pio_la_SOURCES = plugins/pio/pio.c
nodist_plugins_pio_ucall_pio_la_SOURCES = plugins/pio/guests.S
plugins_pio_ucall_pio_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_pio_ucall_pio_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/pio/ucall-pio.7
plugins/pio/guests.S: plugins/pio/pio.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/pio/pio.c
CLEANFILES += plugins/pio/guests.S
