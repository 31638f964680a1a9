# SPDX-License-Identifier: MIT
kselftestdir = $(pkgdatadir)/kselftest
dist_kselftest_SCRIPTS = tools/kselftest/kselftest.sh tools/kselftest/run-each
dist_kselftest_DATA = tools/kselftest/compare.awk tools/kselftest/in-lab.sh tools/kselftest/known \
	tools/kselftest/shim.c tools/kselftest/shim.h tools/kselftest/tree.sh
