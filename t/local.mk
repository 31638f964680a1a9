# SPDX-License-Identifier: MIT
# One file for each behaviour.  C tests are programs of the same name; shell tests read t/tap.sh.
c_tests = \
	t/assert \
	t/byte-order \
	t/channel \
	t/confidential-pages \
	t/confidential-revoked \
	t/dirty-log \
	t/done \
	t/engines \
	t/exits \
	t/faults \
	t/fork \
	t/gdb \
	t/handlers \
	t/hostile \
	t/image \
	t/injected-failures \
	t/kicks \
	t/kvm-device \
	t/kvm-exits \
	t/limits \
	t/memory \
	t/nest-by-hand \
	t/nothing-left \
	t/own-names \
	t/null \
	t/page-tables \
	t/page-walk \
	t/printf \
	t/ring \
	t/ring-ends \
	t/ring-hostile \
	t/shared \
	t/snapshot \
	t/stepping \
	t/sync-args \
	t/timeout \
	t/ucall-test \
	t/vcpus \
	t/vm-options \
	t/vms
if !HOST_S390X
c_tests += \
	t/doorbell \
	t/guest-elf \
	t/interrupts \
	t/ioctls-per-ucall \
	t/nested \
	t/own-ops
endif
# Guests of other architectures have no vector registers; the attach example is for these two.
if HOST_AARCH64
c_tests += t/attach t/vector
endif
# Only for x86_64 hosts: these guests use that machine's instructions.
if HOST_X86_64
c_tests += \
	t/attach \
	t/confidential-boot \
	t/confidential-faults \
	t/confidential-hostile-host \
	t/confidential-launch \
	t/confidential-old-ways \
	t/confidential-snp \
	t/confidential-tdx \
	t/confidential-vc \
	t/confidential-ve \
	t/confidential-vmcall \
	t/config-string \
	t/core-files \
	t/escape \
	t/exceptions \
	t/instructions \
	t/nested-virtualization \
	t/ring-handlers \
	t/x86-insn \
	t/sev-launch \
	t/sev-shared \
	t/tdx-launch \
	t/vector
endif
sh_tests = \
	t/abi.sh \
	t/attach-example.sh \
	t/backend-cc.sh \
	t/bad-files.sh \
	t/bad-plugins.sh \
	t/bench.sh \
	t/broken.sh \
	t/cc.sh \
	t/command.sh \
	t/confidential.sh \
	t/conform.sh \
	t/cross-objects.sh \
	t/core.sh \
	t/gdb-session.sh \
	t/trace.sh \
	t/coverage.sh \
	t/debugger.sh \
	t/documents.sh \
	t/guests.sh \
	t/harness.sh \
	t/headers.sh \
	t/lab.sh \
	t/kselftest.sh \
	t/lab-points.sh \
	t/man-pages.sh \
	t/mem-calls.sh \
	t/plugin-file.sh \
	t/run-output.sh \
	t/small-limits.sh \
	t/stubs.sh \
	t/swap-plugin.sh \
	t/wrong-arguments.sh

check_PROGRAMS += $(c_tests) t/bad-elf t/misbehave t/show-port
# Tests of protected guests: `make check-sev`, `make check-tdx`.
protected_tests = t/hostile t/vcpus t/sync-args t/done t/printf t/assert t/shared
tdx_only = t/confidential-tdx t/confidential-ve t/confidential-vmcall
sev_tests = $(filter-out t/confidential-pages t/confidential-revoked $(tdx_only),$(filter t/confidential% t/sev-%,$(c_tests))) \
	t/confidential.sh t/nested $(protected_tests)
tdx_tests = t/tdx-launch $(tdx_only) t/confidential-pages $(protected_tests)
EXTRA_DIST += t/protection-report.sh t/abi/1 t/abi/freeze.sh $(wildcard $(srcdir)/t/abi/*.*.*)
dist_check_SCRIPTS += $(sh_tests)
TESTS += $(c_tests) $(sh_tests)
# automake gives t/NAME and t/NAME.sh the same log, and runs only one of them.
same_names = $(filter $(c_tests),$(sh_tests:.sh=))
check-names:
	@test -z '$(strip $(same_names))' || { echo 'two tests have one name, and so one log: $(same_names)' >&2; exit 1; }
check-am: check-names
.PHONY: check-names
EXTRA_DIST += t/interrupts-aarch64.h t/interrupts-riscv64.h t/interrupts-x86_64.h
EXTRA_DIST += t/trace.proto t/bare-machine.h t/confidential.h t/ring.h t/stand-in-psp.h t/count-ioctls.h t/resources.h t/tap.sh t/plugins/good.c t/plugins/broken.c

# Parts of the core without a public interface are tested directly: programs link all of it.
core_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/libucall
core_ldadd = libucall/libucall-test.a libucall/libucall-guest.a libucall/libcore.la $(LIBELF_LIBS)
t_byte_order_CPPFLAGS = $(core_cppflags)
t_byte_order_LDADD = $(core_ldadd)
t_channel_CPPFLAGS = $(core_cppflags)
t_channel_LDADD = $(core_ldadd)
t_escape_CPPFLAGS = $(core_cppflags)
t_escape_LDADD = $(core_ldadd)
t_kvm_exits_CPPFLAGS = $(core_cppflags)
t_kvm_exits_LDADD = $(core_ldadd)
t_page_tables_CPPFLAGS = $(core_cppflags)
t_page_tables_LDADD = $(core_ldadd)
t_page_walk_CPPFLAGS = $(core_cppflags)
t_page_walk_LDADD = $(core_ldadd)
t_x86_insn_CPPFLAGS = $(core_cppflags)
t_x86_insn_LDADD = $(core_ldadd)
t_tdx_launch_CPPFLAGS = $(core_cppflags)
t_tdx_launch_LDADD = $(core_ldadd)
t_tdx_launch_LDFLAGS = $(AM_LDFLAGS) -Wl,--allow-multiple-definition
t_sev_launch_CPPFLAGS = $(core_cppflags)
t_sev_launch_LDADD = $(core_ldadd)
# It replaces the core's machine and CPUID with its own.
t_sev_launch_LDFLAGS = $(AM_LDFLAGS) -Wl,--allow-multiple-definition

installed_tests = t/examples.sh t/installed.sh t/new-backend.sh t/tutorial.sh
dist_check_SCRIPTS += $(installed_tests)
EXTRA_DIST += t/installed-kit.sh

# Compares the library's symbols and types with the stored baseline, which a release updates.
abi_baseline = $(top_srcdir)/libucall/libucall.abi
abi-check: libucall/libucall.la
	@$(SHELL) $(top_srcdir)/t/abi-check.sh $(abi_baseline) $(top_srcdir)/libucall/libucall.abignore \
		libucall/.libs/libucall.so
abi-update: libucall/libucall.la
	abidw --no-show-locs --no-comp-dir-path --no-corpus-path --exported-interfaces-only \
		--type-id-style hash libucall/.libs/libucall.so | \
		sed "s, path='[^']*/libucall/, path='libucall/,; s, comp-dir-path='[^']*',," >$(abi_baseline)
# At a release: keeps a backend, a program and guests of it in t/abi.
abi-freeze: all
	top_srcdir='$(abs_top_srcdir)' top_builddir='$(abs_top_builddir)' CC='$(CC)' ./run $(SHELL) $(top_srcdir)/t/abi/freeze.sh $(VERSION)
.PHONY: abi-check abi-freeze abi-update
EXTRA_DIST += libucall/libucall.abi libucall/libucall.abignore t/abi-check.sh

# Tests only what was installed.
installcheck-local:
	set -e; for t in $(installed_tests); do \
		CC='$(CC)' top_srcdir='$(top_srcdir)' destdir='$(DESTDIR)' bindir='$(bindir)' \
		docdir='$(docdir)' libdir='$(libdir)' $(SHELL) $(srcdir)/$$t; done

# The guest halves of tests for any architecture are also compiled for each architecture.
any_arch_tests = assert confidential-pages done exits faults gdb handlers hostile limits memory nest-by-hand printf ring ring-ends ring-hostile shared sync-args timeout \
	ucall-test vcpus
check_DATA += $(foreach arch,$(guest_archs),$(any_arch_tests:%=t/guests/%-$(arch).elf))
check_DATA += $(if $(filter aarch64,$(guest_archs)),t/guests/confidential-revoked-aarch64.elf)
# They are installed, too, with debug information that is the same from every folder.
test_guest_paths = -ffile-prefix-map=$(abs_top_builddir)=. -ffile-prefix-map=$(abs_top_srcdir)=.
t/guests/%-aarch64.elf: t/%.c t/confidential.h t/ring.h $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch aarch64 $(test_guest_paths) -o $@ $<
t/guests/%-riscv64.elf: t/%.c t/confidential.h t/ring.h $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch riscv64 $(test_guest_paths) -o $@ $<
t/guests/%-s390x.elf: t/%.c t/confidential.h t/ring.h $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch s390x $(test_guest_paths) -o $@ $<
t/guests/%-x86_64.elf: t/%.c t/confidential.h t/ring.h $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch x86_64 $(test_guest_paths) -o $@ $<
CLEANFILES += $(check_DATA)

# Tests on the real KVM of other machines.
EXTRA_DIST += t/lab/program.sh t/lab/check.sh t/lab/kselftest.sh t/lab/settings.sh t/lab/tests.sh \
	t/lab/check.matrix t/lab/check-all.matrix \
	t/lab/aarch64.known t/lab/aarch64-pkvm.known t/lab/riscv64.known t/lab/riscv64-7.known t/lab/x86_64-svm.known \
	t/lab/x86_64-svm-6.14.known t/lab/x86_64-vmx.known
check_lab = CC='$(CC)' top_srcdir='$(top_srcdir)' ./run $(SHELL) $(srcdir)/t/lab/check.sh
check-lab: all
	$(MAKE) check TESTS=t/lab/program.sh
	$(check_lab) $(srcdir)/t/lab/check.matrix
check-lab-all: all
	$(MAKE) check TESTS=
	$(check_lab) $(srcdir)/t/lab/check-all.matrix
# The kernel's own selftests over the backends, here and in the lab; -short: a few of them.
check-kselftest: all
	$(SHELL) $(srcdir)/t/lab/kselftest.sh
check-kselftest-short: all
	$(SHELL) $(srcdir)/t/lab/kselftest.sh short
list-tests:
	@echo $(c_tests)

# Too slow for each change: a million rounds of kicks against everything else, all on Unicorn, gcc's
# sanitizers, ten minutes for each fuzz target, and every test on every machine.  docs/HACKING.md has a table.
check-nightly: all lab-source
	UCALL_TEST_ROUNDS=1000000 $(MAKE) check TESTS=t/kicks
	UCALL_ENGINE=unicorn $(MAKE) check
	rm -rf t/nightly && $(MKDIR_P) t/nightly
	cd t/nightly && ../../lab-source/configure --enable-werror --enable-sanitizers >configure.log
	$(MAKE) -C t/nightly check
	$(MAKE) fuzz-check FUZZ_SECONDS=600
	$(MAKE) check-lab-all
.PHONY: check-lab check-lab-all check-kselftest check-kselftest-short check-nightly list-tests
