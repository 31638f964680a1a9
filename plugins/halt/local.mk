# SPDX-License-Identifier: MIT
backend_LTLIBRARIES += plugins/halt/ucall-halt.la
plugins_halt_ucall_halt_la_SOURCES = plugins/halt/halt.c
plugins_halt_ucall_halt_la_LDFLAGS = $(UCALL_PLUGIN_LDFLAGS)
plugins_halt_ucall_halt_la_LIBADD = libucall/libucall.la
dist_man_MANS += plugins/halt/ucall-halt.7
