# SPDX-License-Identifier: MIT
bin_PROGRAMS += tools/ucall
tools_ucall_SOURCES = \
	tools/bench/bench.c tools/bench/bench.h \
	tools/bench/bench-create.c \
	tools/bench/bench-kvm.c \
	tools/bench/bench-queue.c \
	tools/bench/bench-record.c \
	tools/bench/bench-rows.c \
	tools/bench/svg.c \
	tools/lab.c \
	tools/trace.c \
	tools/cc.c \
	tools/commands.h \
	tools/compilers.c tools/compilers.h \
	tools/conform.c tools/conform.h \
	tools/conform-doorbell.c \
	tools/conform-file.c tools/conform-file.h \
	tools/conform-guest.c tools/conform-guest.h tools/conform-ring.S \
	tools/conform-left.c \
	tools/demo.c \
	tools/demo-guest.c tools/demo-guest.h \
	tools/embed.c tools/embed.h \
	tools/help.c \
	tools/list.c \
	tools/new.c \
	tools/run.c tools/run-output.c tools/run-output.h \
	tools/text.c tools/text.h libucall/base/text.c \
	tools/ucall.c
tools_ucall_CPPFLAGS = $(UCALL_CORE_CPPFLAGS)
tools_ucall_CFLAGS = $(UCALL_CFLAGS) $(LIBELF_CFLAGS)
tools_ucall_LDADD = $(LDADD) $(LIBELF_LIBS)
dist_man_MANS += tools/ucall.1

# What is installed has no debug information and no path of the build.
guest_installed = -Wl,--strip-debug -ffile-prefix-map=$(abs_top_srcdir)/= -ffile-prefix-map=$(top_srcdir)/=
# The demo's guest for each other architecture with a compiler.
guestelf_DATA += $(guest_archs:%=tools/demo-%.elf)
tools/demo-%.elf: tools/demo-guest.c $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch $* $(guest_installed) -o $@ $(srcdir)/tools/demo-guest.c
# The guests of `ucall conform`, named as its harness expects.
guestelf_DATA += $(guest_archs:%=tools/ucall-%.elf)
tools/ucall-%.elf: tools/conform-guest.c tools/conform-ring.S $(guest_runtime) tools/ucall$(EXEEXT)
	$(guest_cc) --arch $* $(guest_installed) -o $@ $(srcdir)/tools/conform-guest.c $(srcdir)/tools/conform-ring.S
CLEANFILES += $(guestelf_DATA)

bashcompdir = $(datadir)/bash-completion/completions
dist_bashcomp_DATA = tools/completion/ucall

# Many machines: docs/FLEET.md.
EXTRA_DIST += tools/fleet/fleet.sh tools/fleet/cells.sh tools/fleet/testbed.sh tools/fleet/debci/test-package \
	tools/fleet/lava/job.yaml tools/fleet/lava/ktap-to-lava.awk
EXTRA_DIST += tools/release/release.sh tools/release/libucall.spec
