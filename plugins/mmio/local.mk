# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/mmio/ucall-mmio.la
plugins_mmio_ucall_mmio_la_SOURCES = plugins/mmio/mmio.c
nodist_plugins_mmio_ucall_mmio_la_SOURCES = plugins/mmio/guests.S
plugins_mmio_ucall_mmio_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_mmio_ucall_mmio_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/mmio/ucall-mmio.7
plugins/mmio/guests.S: plugins/mmio/mmio.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/mmio/mmio.c
CLEANFILES += plugins/mmio/guests.S
