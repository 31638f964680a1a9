# SPDX-License-Identifier: MIT
dist_doc_DATA += README.md NEWS LICENSE CONTRIBUTING.md SECURITY.md \
	docs/ABI.md docs/ATTACH.md docs/BACKENDS.md docs/CONFIDENTIAL.md docs/DEBUGGING.md docs/FLEET.md docs/HACKING.md docs/KSELFTEST.md docs/LAB.md \
	docs/PERFORMANCE.md docs/WRITING-TESTS.md docs/idea.svg

# A man page for each public header, of its comments, and one that refers to it for each function and macro.
header_pages = docs/ucall-abi.3 docs/ucall-attach-api.3 docs/ucall-guest.3 docs/ucall-host.3 docs/ucall-plugin.3 \
	docs/ucall-queue.3 docs/ucall-sev.3 docs/ucall-tdx.3 docs/ucall-test.3
man_MANS += $(header_pages)
EXTRA_DIST += docs/man.awk
write_page = $(AM_V_GEN)$(MKDIR_P) docs/links/$(@F) && rm -f docs/links/$(@F)/* && LC_ALL=C $(AWK) \
	-v name=$$(basename $@ .3) -v version='$(PACKAGE_VERSION)' -v links=docs/links/$(@F) \
	-v also="ucall(1) libucall(3) ucall-backend(3) ucall-attach(3) $$(echo $(header_pages) | \
		sed 's,docs/\([^ ]*\)\.3,\1(3),g')" -f $(top_srcdir)/docs/man.awk
docs/ucall-host.3: include/ucall/ucall.h docs/man.awk
	$(write_page) $(srcdir)/include/ucall/ucall.h >$@.tmp && mv $@.tmp $@
docs/ucall-attach-api.3: include/ucall/attach.h docs/man.awk
	$(write_page) $(srcdir)/include/ucall/attach.h >$@.tmp && mv $@.tmp $@
docs/ucall-%.3: include/ucall/%.h docs/man.awk
	$(write_page) $(srcdir)/include/ucall/$*.h >$@.tmp && mv $@.tmp $@
CLEANFILES += $(header_pages)
clean-local: clean-links
clean-links:
	rm -rf docs/links

install-data-hook: install-links
install-links: $(header_pages)
	$(MKDIR_P) '$(DESTDIR)$(man3dir)'
	set -e; for f in docs/links/*/*.3; do $(INSTALL_DATA) $$f '$(DESTDIR)$(man3dir)'; done
uninstall-hook: uninstall-links
uninstall-links:
	for f in docs/links/*/*.3; do rm -f '$(DESTDIR)$(man3dir)'/$${f##*/}; done
.PHONY: clean-links install-links uninstall-links
