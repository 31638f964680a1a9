# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/sbi/ucall-sbi.la
plugins_sbi_ucall_sbi_la_SOURCES = plugins/sbi/sbi.c
nodist_plugins_sbi_ucall_sbi_la_SOURCES = plugins/sbi/guests.S
plugins_sbi_ucall_sbi_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_sbi_ucall_sbi_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/sbi/ucall-sbi.7
plugins/sbi/guests.S: plugins/sbi/sbi.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/sbi/sbi.c
CLEANFILES += plugins/sbi/guests.S
