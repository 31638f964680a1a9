# SPDX-License-Identifier: MIT
bin_PROGRAMS += tools/ucall
tools_ucall_SOURCES = tools/ucall.c tools/commands.h tools/list.c tools/demo.c
dist_man_MANS += tools/ucall.1
