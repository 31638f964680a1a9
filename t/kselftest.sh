#!/bin/sh
# SPDX-License-Identifier: MIT
# ucall kselftest: what it refuses, and what it tells of the tests that ran.  Nothing is fetched;
# make check-kselftest runs it.
. "$top_srcdir/t/tap.sh"
ucall=$(cd "$top_builddir" && pwd)/tools/ucall
kselftest=$top_srcdir/tools/kselftest

refused() { # STATUS WORDS ARGUMENT...
	wanted=$1 words=$2
	shift 2
	UCALL_LAB_CACHE=$scratch/cache "$ucall" kselftest "$@" >"$scratch/out" 2>&1
	test $? -eq "$wanted"
	ok $? "kselftest $*: exit status $wanted"
	has "$scratch/out" "$words" "it says why"
}
refused 2 "usage: ucall kselftest --fetch | --tree DIR"
refused 2 "usage: ucall kselftest --fetch | --tree DIR" guest_print
refused 2 "--tree needs a value" --tree
refused 2 "--tree /nonexistent: not a kernel tree" --tree /nonexistent
refused 2 "--tree and --fetch: give one of them" --fetch --tree "$top_srcdir"
refused 2 "--timeout 1m: give seconds" --fetch --timeout 1m
refused 2 "unexpected \"--backends\"" --fetch --backends pio
refused 2 "no machine \"vax\"" --fetch --lab vax

# ---- verdicts ----

printf 'a\nx86/b\nc\nd\ne\n' >"$scratch/tests"
{
	printf 'a\tstock\t0\t1\na\tpio\t0\t1\na\tmmio\t0\t1\n'
	printf 'x86/b\tstock\t0\t1\nx86/b\tpio\t0\t1\nx86/b\tmmio\t254\t1\n'
	printf 'c\tstock\t4\t1\nc\tpio\t4\t1\nc\tmmio\t4\t1\n'
	printf 'd\tstock\t1\t1\nd\tpio\t1\t1\nd\tmmio\t0\t1\n'
	printf 'e\tstock\t0\t1\ne\tpio\t124\t60\n'
} >"$scratch/results"
echo "why it failed" >"$scratch/x86-b.mmio.log"

compare() { # FORMAT [KNOWN]
	format=$1 backends="pio mmio" compare=yes logs=$scratch known=${2:-/dev/null} machine=this version=7.3 \
		awk -f "$kselftest/compare.awk" "$scratch/tests" "$scratch/results" >"$scratch/out"
}
compare table
test $? -eq 1
ok $? "what stock passes is lost: exit status 1"
has "$scratch/out" "x86/b                 PASS      PASS      FAIL" "a row"
has "$scratch/out" "x86/b over mmio: FAIL, stock PASS" "a difference"
has "$scratch/out" "#     why it failed" "what the test printed"
has "$scratch/out" "e over mmio: LOST, stock PASS" "a run that did not take place"
has "$scratch/out" "pio: 2 of 3 that stock passes; 4 of 5 verdicts are stock's" "the sum"
compare tap
has "$scratch/out" "1..10" "TAP: the plan"
has "$scratch/out" "ok 1 - a pio" "TAP: kept"
has "$scratch/out" "not ok 4 - x86/b mmio" "TAP: lost"
has "$scratch/out" "ok 5 - c pio # SKIP stock: SKIP" "TAP: skipped by stock"
has "$scratch/out" "ok 8 - d mmio # SKIP stock: FAIL" "TAP: what stock fails"
has "$scratch/out" "not ok 9 - e pio" "TAP: a time-out"
printf 'this (x86/b mmio|e )\tby nature\tnowhere\n' >"$scratch/known"
sed -i '/^e/d' "$scratch/tests" "$scratch/results"
compare tap "$scratch/known"
ok $? "what is lost for known reasons: exit status 0"
has "$scratch/out" "ok 4 - x86/b mmio # SKIP known: by nature" "TAP: lost for a known reason"
printf 'a\n' >"$scratch/one"
: >"$scratch/none"
format=tap backends=pio compare='' logs=$scratch known=/dev/null machine=this version=7.3 \
	awk -f "$kselftest/compare.awk" "$scratch/one" "$scratch/none" >"$scratch/out"
test $? -eq 1
ok $? "tests that were not run: exit status 1"
has "$scratch/out" "not ok 1 - a pio # not run" "it says so"
compare markdown
has "$scratch/out" "| x86/b | PASS | PASS | FAIL |" "Markdown"
compare junit
has "$scratch/out" '<testcase classname="mmio" name="x86/b"><failure message="FAIL">' "JUnit"
if command -v xmllint >/dev/null; then
	xmllint --noout "$scratch/out"
	ok $? "it is XML"
else
	skip "no xmllint; install libxml2-utils" "it is XML"
fi
awk -F '\t+' '/^#/ { next } NF != 3 { print; bad = 1 } END { exit bad }' "$kselftest/known" >"$scratch/bad"
ok $? "each known difference has a reason and a source"
diag <"$scratch/bad"

# The shim is of this project alone, and what it needs of the kernel's library is little.
grep -q "SPDX-License-Identifier: MIT" "$kselftest/shim.c" && grep -q "SPDX-License-Identifier: MIT" "$kselftest/shim.h"
ok $? "the shim's licence"
done_testing
