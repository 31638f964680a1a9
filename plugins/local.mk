# SPDX-License-Identifier: MIT
# The backends: each has a folder, and a paragraph here.  Guest code for architectures other than
# the host's is compiled by the ucall command of this build, if there are compilers for it.

backend_LTLIBRARIES += plugins/pio/ucall-pio.la
plugins_pio_ucall_pio_la_SOURCES = plugins/pio/pio.c
nodist_plugins_pio_ucall_pio_la_SOURCES = plugins/pio/pio-guests.S
plugins_pio_ucall_pio_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_pio_ucall_pio_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/mmio/ucall-mmio.la
plugins_mmio_ucall_mmio_la_SOURCES = plugins/mmio/mmio.c
nodist_plugins_mmio_ucall_mmio_la_SOURCES = plugins/mmio/mmio-guests.S
plugins_mmio_ucall_mmio_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_mmio_ucall_mmio_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/halt/ucall-halt.la
plugins_halt_ucall_halt_la_SOURCES = plugins/halt/halt.c
nodist_plugins_halt_ucall_halt_la_SOURCES = plugins/halt/halt-guests.S
plugins_halt_ucall_halt_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_halt_ucall_halt_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/diag/ucall-diag.la
plugins_diag_ucall_diag_la_SOURCES = plugins/diag/diag.c
nodist_plugins_diag_ucall_diag_la_SOURCES = plugins/diag/diag-guests.S
plugins_diag_ucall_diag_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_diag_ucall_diag_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/ring/ucall-ring.la
plugins_ring_ucall_ring_la_SOURCES = plugins/ring/ring.c
nodist_plugins_ring_ucall_ring_la_SOURCES = plugins/ring/ring-guests.S
plugins_ring_ucall_ring_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_ring_ucall_ring_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/sbi/ucall-sbi.la
plugins_sbi_ucall_sbi_la_SOURCES = plugins/sbi/sbi.c
nodist_plugins_sbi_ucall_sbi_la_SOURCES = plugins/sbi/sbi-guests.S
plugins_sbi_ucall_sbi_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_sbi_ucall_sbi_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/sev-shared/ucall-sev-shared.la
plugins_sev_shared_ucall_sev_shared_la_SOURCES = plugins/sev-shared/sev-shared.c
nodist_plugins_sev_shared_ucall_sev_shared_la_SOURCES = plugins/sev-shared/sev-shared-guests.S
plugins_sev_shared_ucall_sev_shared_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_sev_shared_ucall_sev_shared_la_LIBADD = libucall/libucall.la

backend_LTLIBRARIES += plugins/tdx/ucall-tdx.la
plugins_tdx_ucall_tdx_la_SOURCES = plugins/tdx/tdx.c
nodist_plugins_tdx_ucall_tdx_la_SOURCES = plugins/tdx/tdx-guests.S
plugins_tdx_ucall_tdx_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_tdx_ucall_tdx_la_LIBADD = libucall/libucall.la

backends = pio mmio halt diag ring sbi sev-shared tdx
dist_man_MANS += plugins/pio/ucall-pio.7 plugins/mmio/ucall-mmio.7 plugins/halt/ucall-halt.7 plugins/diag/ucall-diag.7 \
	plugins/ring/ucall-ring.7 plugins/sbi/ucall-sbi.7 plugins/sev-shared/ucall-sev-shared.7 \
	plugins/tdx/ucall-tdx.7
CLEANFILES += $(foreach b,$(backends),plugins/$(b)/$(b)-guests.S)
plugins/%-guests.S: plugins/%.c $(UCALL_EMBED_DEPS)
	$(AM_V_GEN)$(UCALL_EMBED) $<
