# SPDX-License-Identifier: MIT
if UNICORN
noinst_PROGRAMS += t/bench/unicorn
t_bench_unicorn_SOURCES = t/bench/unicorn.c libucall/modules/unicorn/fiber.c libucall/modules/unicorn/fiber.h \
	libucall/modules/unicorn/fiber-switch.S
t_bench_unicorn_CPPFLAGS = $(UCALL_CORE_CPPFLAGS)
t_bench_unicorn_CFLAGS = $(UCALL_CFLAGS) $(UNICORN_CFLAGS)
t_bench_unicorn_LDADD = $(LDADD) $(UNICORN_LIBS)
endif

# Compares ratios and counts of this machine with t/bench/limits.json.  Other work on the machine
# can only make them worse, so the least of up to three runs counts.
bench-check: all
	@rm -f bench-check.*; for i in 1 2 3; do \
		./run ucall bench --json bench-check.$$i.json >/dev/null || exit 1; \
		$(SHELL) $(top_srcdir)/t/bench/check.sh $(top_srcdir)/t/bench/limits.json bench-check.*.json \
			>bench-check.txt && break; \
	done; cat bench-check.txt; ! grep -q 'TOO MUCH' bench-check.txt
.PHONY: bench-check
EXTRA_DIST += t/bench/check.sh t/bench/limits.json
CLEANFILES += bench-check.*.json bench-check.txt
