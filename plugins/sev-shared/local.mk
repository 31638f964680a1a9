# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/sev-shared/ucall-sev-shared.la
plugins_sev_shared_ucall_sev_shared_la_SOURCES = plugins/sev-shared/sev-shared.c
nodist_plugins_sev_shared_ucall_sev_shared_la_SOURCES = plugins/sev-shared/guests.S
plugins_sev_shared_ucall_sev_shared_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_sev_shared_ucall_sev_shared_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/sev-shared/ucall-sev-shared.7
plugins/sev-shared/guests.S: plugins/sev-shared/sev-shared.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $(srcdir)/plugins/sev-shared/sev-shared.c
CLEANFILES += plugins/sev-shared/guests.S
