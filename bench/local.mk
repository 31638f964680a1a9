# SPDX-License-Identifier: MIT
if UNICORN
noinst_PROGRAMS += bench/unicorn
bench_unicorn_SOURCES = bench/unicorn.c engines/unicorn/fiber.c engines/unicorn/fiber.h \
	engines/unicorn/fiber-switch.S
bench_unicorn_CFLAGS = $(UCALL_CFLAGS) $(UNICORN_CFLAGS)
bench_unicorn_LDADD = $(LDADD) $(UNICORN_LIBS)
endif

# Ratios and counts of this machine against bench/limits.json.  What else the machine does can only make
# them worse, so the least of up to three runs counts.
bench-check: all
	@rm -f bench-check.*; for i in 1 2 3; do \
		./run ucall bench --json bench-check.$$i.json >/dev/null || exit 1; \
		$(SHELL) $(top_srcdir)/bench/check.sh $(top_srcdir)/bench/limits.json bench-check.*.json \
			>bench-check.txt && break; \
	done; cat bench-check.txt; ! grep -q 'TOO MUCH' bench-check.txt
.PHONY: bench-check
EXTRA_DIST += bench/check.sh bench/limits.json
CLEANFILES += bench-check.*.json bench-check.txt
