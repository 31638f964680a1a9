# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/diag/ucall-diag.la
plugins_diag_ucall_diag_la_SOURCES = plugins/diag/diag.c
nodist_plugins_diag_ucall_diag_la_SOURCES = plugins/diag/guests.S
plugins_diag_ucall_diag_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_diag_ucall_diag_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/diag/ucall-diag.7
plugins/diag/guests.S: plugins/diag/diag.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/diag/diag.c
CLEANFILES += plugins/diag/guests.S
