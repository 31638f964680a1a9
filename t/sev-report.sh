#!/bin/sh
# SPDX-License-Identifier: MIT
# `make check-sev`: a full report on libucall on a machine with SEV, in check-sev.txt.
# sev-report.sh TESTS
report=check-sev.txt

show() { # COMMAND...
	echo
	echo "\$ $*"
	"$@" 2>&1
}

{
	echo "libucall on a machine with SEV"
	show uname -srm
	show sh -c 'grep -m 1 "model name" /proc/cpuinfo; grep -m 1 microcode /proc/cpuinfo'
	show sh -c 'cd /sys/module/kvm_amd/parameters && grep . sev sev_es sev_snp'
	show ls -l /dev/kvm /dev/sev
	show sh -c 'dmesg | grep -iE "sev|ccp" | tail -n 40'
	show ./run ucall list
	./run ucall cc -o check-sev.elf "$top_srcdir/examples/guest-hello.c" &&
		for p in sev sev-es sev-snp; do
			show ./run ucall run --protect $p --dry-run check-sev.elf
			show ./run ucall run --protect $p check-sev.elf
		done
	rm -f check-sev.elf
	for t in $1; do
		echo "$t" | grep -q '\.sh$' || $MAKE -s "$t" >/dev/null 2>&1
	done
	show $MAKE -s check TESTS="$1"
	for t in $1; do
		log=${t%.sh}.log
		show cat "$log"
	done
} >$report 2>&1

echo "$report: $(grep -c '^ok ' $report) points ok ($(grep -c '^ok .* # SKIP' $report) of them skipped)," \
	"$(grep -c '^not ok ' $report) failed"
for p in sev sev-es sev-snp; do
	grep -m 1 "^$p  *" $report
done
echo "Please send $report back."
