# SPDX-License-Identifier: MIT
# Runs each fuzz target from its seeds for FUZZ_SECONDS, two at a time; needs clang.
FUZZ_SECONDS = 20
fuzz-check:
	@top_srcdir='$(abs_top_srcdir)' \
		$(SHELL) $(top_srcdir)/t/fuzz/run.sh $(FUZZ_SECONDS)

clean-local:
	rm -rf t/lab/source t/lab/work t/lab/cache
	rm -rf t/fuzz/work

# (The seeds, t/fuzz/corpus, are in the repository only.)
EXTRA_DIST += t/fuzz/run.sh t/fuzz/config.c t/fuzz/note.c t/fuzz/mailbox.c t/fuzz/exit.c t/fuzz/walk.c t/fuzz/image.c \
	t/fuzz/insn.c t/fuzz/ghcb.c t/fuzz/vmcall.c t/fuzz/info.c t/fuzz/kicks.c t/fuzz/kicks-guest.c t/fuzz/kicks-guest.h t/fuzz/image-vm.h t/fuzz/queue.c t/fuzz/report.c \
	.clusterfuzzlite/Dockerfile .clusterfuzzlite/build.sh .clusterfuzzlite/project.yaml
.PHONY: fuzz-check
