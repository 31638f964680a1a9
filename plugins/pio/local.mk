# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/pio/ucall-pio.la
plugins_pio_ucall_pio_la_SOURCES = plugins/pio/pio.c
plugins_pio_ucall_pio_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_pio_ucall_pio_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/pio/ucall-pio.7
