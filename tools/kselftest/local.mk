# SPDX-License-Identifier: MIT
kselftestdir = $(pkgdatadir)/kselftest
dist_kselftest_SCRIPTS = tools/kselftest/kselftest.sh tools/kselftest/run-each
dist_kselftest_DATA = tools/kselftest/compare.awk tools/kselftest/export.sh tools/kselftest/in-lab.sh \
	tools/kselftest/known tools/kselftest/tree.sh

# As they lie in a kernel tree, below tools/testing/selftests/kvm.
overlaydir = $(kselftestdir)/overlay
dist_overlay_DATA = tools/kselftest/overlay/Makefile.libucall tools/kselftest/overlay/ucall_cost_test.c
overlaylibdir = $(overlaydir)/lib
dist_overlaylib_DATA = tools/kselftest/overlay/lib/ucall_libucall.c tools/kselftest/overlay/lib/ucall_mailbox.c
overlayincludedir = $(overlaydir)/include/libucall
dist_overlayinclude_DATA = tools/kselftest/overlay/include/libucall/ucall.h
