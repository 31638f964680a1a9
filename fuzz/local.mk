# SPDX-License-Identifier: MIT
# Each fuzz target from its seeds for FUZZ_SECONDS, two at a time; needs clang.
FUZZ_SECONDS = 20
fuzz-check:
	@top_srcdir='$(abs_top_srcdir)' \
		$(SHELL) $(top_srcdir)/fuzz/run.sh $(FUZZ_SECONDS)

clean-local:
	rm -rf t/lab/source t/lab/work t/lab/cache
	rm -rf fuzz/work

EXTRA_DIST += fuzz/run.sh fuzz/corpus fuzz/config.c fuzz/note.c fuzz/mailbox.c fuzz/exit.c fuzz/walk.c fuzz/image.c \
	fuzz/insn.c fuzz/ghcb.c fuzz/info.c fuzz/kicks.c fuzz/kicks-guest.c fuzz/kicks-guest.h fuzz/image-vm.h fuzz/queue.c fuzz/report.c \
	.clusterfuzzlite/Dockerfile .clusterfuzzlite/build.sh .clusterfuzzlite/project.yaml
.PHONY: fuzz-check
