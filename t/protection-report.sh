#!/bin/sh
# SPDX-License-Identifier: MIT
# `make check-sev`, `make check-tdx`: a full report on libucall on a machine with that protection.
# protection-report.sh NAME MODULE "KINDS" "DEVICES" PATTERN "TESTS"
name=$1 module=$2 kinds=$3 devices=$4 pattern=$5 tests=$6
report=check-$name.txt guest=check-$name.elf

show() { # COMMAND...
	echo
	echo "\$ $*"
	"$@" 2>&1
}

{
	echo "libucall on a machine with $name"
	show uname -srm
	show sh -c 'grep -m 1 "model name" /proc/cpuinfo; grep -m 1 microcode /proc/cpuinfo'
	show sh -c "cd /sys/module/$module/parameters && grep . *"
	show ls -l $devices
	show sh -c "dmesg | grep -iE '$pattern' | tail -n 40"
	show ./run ucall list
	./run ucall cc -o $guest "$top_srcdir/examples/guest-hello.c" &&
		for p in $kinds; do
			show ./run ucall run --protect "$p" --dry-run $guest
			show ./run ucall run --protect "$p" $guest
		done
	rm -f $guest
	for t in $tests; do
		echo "$t" | grep -q '\.sh$' || $MAKE -s "$t" >/dev/null 2>&1
	done
	show $MAKE -s check TESTS="$tests"
	for t in $tests; do
		show cat "${t%.sh}.log"
	done
} >"$report" 2>&1

echo "$report: $(grep -c '^ok ' "$report") points ok ($(grep -c '^ok .* # SKIP' "$report") of them skipped)," \
	"$(grep -c '^not ok ' "$report") failed"
for p in $kinds; do
	grep -m 1 "^$p  *" "$report"
done
echo "Please send $report back."
