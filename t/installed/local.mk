# SPDX-License-Identifier: MIT
# `make install-tests`: installs the test suite, to run without the source tree, in the layout of
# GNOME's "installed tests": `gnome-desktop-testing-runner libucall` runs them and counts results.
# The folder looks like a build tree, in so far as tests use one; what is installed elsewhere is a link.
installedtestsdir = $(libexecdir)/installed-tests/libucall
installedmetadir = $(datadir)/installed-tests/libucall

# Tests of the source tree, of the build tree, and of make's targets stay here.
source_tests = t/cross-objects.sh t/documents.sh t/headers.sh t/kselftest.sh t/lab.sh t/lab-points.sh t/man-pages.sh t/stubs.sh
suite = $(c_tests) $(filter-out $(source_tests),$(sh_tests))
suite_programs = $(c_tests) t/bad-elf t/misbehave t/show-port $(filter examples/%,$(noinst_PROGRAMS))
released = $(patsubst $(srcdir)/%,%,$(wildcard $(srcdir)/t/abi/*.*.*/*))
suite_scripts = $(filter %/hello,$(released)) $(filter %.sh,$(suite)) t/bench/check.sh
suite_files = t/tap.sh t/own-names.c t/plugins/broken.c t/plugins/good.c t/abi/1/plugin.c \
	$(filter-out %/hello,$(released)) \
	t/trace.proto docs/ATTACH.md docs/DEBUGGING.md examples/attach.c examples/broken.c examples/guest-hello.c \
	examples/backends/msr/msr.c examples/backends/rom/rom.c tools/completion/ucall tools/demo-guest.c tools/demo-guest.h

install-tests: all $(check_PROGRAMS) $(check_DATA)
	@set -e; umask 022; \
	to='$(DESTDIR)$(installedtestsdir)'; meta='$(DESTDIR)$(installedmetadir)'; \
	$(MKDIR_P) "$$meta" "$$to/include" "$$to/libucall" "$$to/t/guests"; \
	for f in $(suite_files); do \
		$(MKDIR_P) "$$to/$$(dirname $$f)"; \
		$(INSTALL_DATA) '$(srcdir)'/$$f "$$to/$$f"; \
	done; \
	for f in $(suite_scripts); do \
		$(MKDIR_P) "$$to/$$(dirname $$f)"; \
		$(INSTALL_SCRIPT) '$(srcdir)'/$$f "$$to/$$f"; \
	done; \
	$(INSTALL_SCRIPT) '$(srcdir)/t/installed/run' '$(srcdir)/tools/lab/run-tests' "$$to/"; \
	$(INSTALL_DATA) '$(srcdir)/tools/fleet/lava/ktap-to-lava.awk' "$$to/"; \
	for t in $(suite); do echo $$t; done >"$$to/tests"; \
	for p in $(suite_programs); do \
		$(LIBTOOL) --silent --mode=install $(INSTALL_PROGRAM) $$p "$$to/$$p"; \
	done; \
	for g in $(check_DATA); do $(INSTALL_DATA) $$g "$$to/$$g"; done; \
	link() { rm -f "$$to/$$2"; $(LN_S) "$$1" "$$to/$$2"; }; \
	link '$(ucallincludedir)' include/ucall; \
	link '$(bindir)/ucall' tools/ucall; \
	link '$(libdir)' libucall/.libs; \
	link '$(libdir)/libucall-guest.a' libucall/libucall-guest.a; \
	link '$(libdir)/libucall-test.a' libucall/libucall-test.a; \
	for m in $(backend_LTLIBRARIES); do \
		d="$${m%/*}"; $(MKDIR_P) "$$to/$$d"; link '$(backenddir)' "$$d/.libs"; \
	done; \
	for t in $(suite); do \
		printf '[Test]\nType=session\nOutput=TAP\nExec=%s\n' '$(installedtestsdir)'"/run $$t" >"$$meta/$$(basename $$t).test"; \
	done
	@echo 'The tests are in $(installedtestsdir); run them by: gnome-desktop-testing-runner libucall'

uninstall-tests:
	rm -rf '$(DESTDIR)$(installedtestsdir)' '$(DESTDIR)$(installedmetadir)'
EXTRA_DIST += t/installed/run
.PHONY: install-tests uninstall-tests
