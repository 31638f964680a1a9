# SPDX-License-Identifier: MIT
labdir = $(pkgdatadir)/lab
dist_lab_SCRIPTS = tools/lab/lab.sh tools/lab/init tools/lab/run-tests
dist_lab_DATA = tools/lab/bochs.sh tools/lab/build.sh tools/lab/common.sh tools/lab/image.sh tools/lab/machines.sh \
	tools/lab/matrix.sh tools/lab/packages.sh tools/lab/qemu.sh \
	tools/lab/junit.awk tools/lab/ktap.awk tools/lab/points.awk \
	tools/lab/results.awk tools/lab/table.awk

# Preloaded in the machine x86_64-vmx.  A program without libucall has none of its functions.
labpreloaddir = $(backenddir)/lab
labpreload_LTLIBRARIES = tools/lab/interrupts-on.la
tools_lab_interrupts_on_la_SOURCES = tools/lab/interrupts-on.c
tools_lab_interrupts_on_la_CPPFLAGS = $(UCALL_CPPFLAGS)
tools_lab_interrupts_on_la_LDFLAGS = -module -avoid-version -shared

# The sources from which the lab builds libucall for a machine of another architecture: a release
# without tests and documents.
labsourcedir = $(pkgdatadir)/source
lab_source = lab-source
lab-source:
	@rm -rf $(lab_source).new
	@$(MAKE) -s distdir distdir=$(lab_source).new >/dev/null 2>&1
	@rm -rf $(lab_source) && mv $(lab_source).new $(lab_source)
# What the lab itself builds needs none: make install install_lab_source=no
install_lab_source = yes
install-data-local:
	@test '$(install_lab_source)' = no || $(MAKE) install-lab-source
install-lab-source: lab-source
	@echo " installing the lab's sources in '$(DESTDIR)$(labsourcedir)'"
	@rm -rf '$(DESTDIR)$(labsourcedir)'
	@$(MKDIR_P) '$(DESTDIR)$(labsourcedir)'
	@(cd $(lab_source) && tar -c --exclude=./t/abi --exclude='./t/*.c' --exclude='./t/*.sh' .) | \
		(cd '$(DESTDIR)$(labsourcedir)' && tar -x)
uninstall-local:
	rm -rf '$(DESTDIR)$(labsourcedir)'
distclean-local: clean-lab-source
clean-local: clean-lab-source
clean-lab-source:
	rm -rf $(lab_source)
.PHONY: lab-source install-lab-source clean-lab-source
