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
refused 2 "usage: ucall kselftest --fetch[=SUITE] | --tree DIR"
refused 2 "usage: ucall kselftest --fetch[=SUITE] | --tree DIR" guest_print
refused 2 "--tree needs a value" --tree
refused 2 "--tree /nonexistent: not a kernel tree" --tree /nonexistent
refused 2 "--tree and --fetch: give one of them" --fetch --tree "$top_srcdir"
refused 2 "--timeout 1m: give seconds" --fetch --timeout 1m
refused 2 "--fetch=: give the name of a Debian suite" --fetch=
refused 2 "--messages post: give address, mailbox or both" --fetch --messages post
refused 2 "--arch aarch64: the machine x86_64-svm is x86_64" --fetch --lab x86_64-svm --arch aarch64
refused 2 "give --tap before the names of tests" --fetch guest_print --tap
refused 2 "--kernel is for a machine" --fetch --kernel sid
refused 2 "unexpected \"--backends\"" --fetch --backends pio
refused 2 "no machine \"vax\"" --fetch --lab vax

# ---- verdicts ----

printf 'a\nx86/b\nc\nd\ne\n' >"$scratch/tests"
{
	printf '#kernel\t6.12\tkvm_amd\n'
	printf 'a\tstock\t0\t1\t5.00 500000\na\tpio\t0\t1\t1.00 99000\na\tmmio\t0\t1\t\n'
	printf 'x86/b\tstock\t0\t1\t\nx86/b\tpio\t0\t1\t\nx86/b\tmmio\t254\t1\t\n'
	printf 'c\tstock\t4\t1\t\nc\tpio\t4\t1\t\nc\tmmio\t4\t1\t\n'
	printf 'd\tstock\t1\t1\t\nd\tpio\t1\t1\t\nd\tmmio\t0\t1\t\n'
	printf 'e\tstock\t0\t1\t\ne\tpio\t124\t60\t\n'
} >"$scratch/results"
echo "why it failed" >"$scratch/x86-b.mmio.log"

compare() { # FORMAT [KNOWN]
	format=$1 variants="pio mmio" compare=yes logs=$scratch known=${2:-/dev/null} machine=this version=7.3 \
		awk -f "$kselftest/compare.awk" "$scratch/tests" "$scratch/results" >"$scratch/out"
}
compare table
test $? -eq 1
ok $? "what stock passes is lost: exit status 1"
has "$scratch/out" "x86/b                 PASS          PASS          FAIL" "a row"
has "$scratch/out" "x86/b over mmio: FAIL, stock PASS" "a difference"
has "$scratch/out" "#     why it failed" "what the test printed"
has "$scratch/out" "e over mmio: LOST, stock PASS" "a run that did not take place"
has "$scratch/out" "pio: 2 of the 3 tests that pass as stock; 4 of all 5 verdicts are the same" "the sum"
has "$scratch/out" "a GUEST_SYNC, stock: 5 ioctls, 500 us" "what a message costs"
has "$scratch/out" "a GUEST_SYNC, mmio: ? ioctls, ?" "what it costs is not known"
has "$scratch/out" "3 passed, 3 failed, 4 skipped" "the last line"
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
format=tap variants=pio compare='' logs=$scratch known=/dev/null machine=this version=7.3 \
	awk -f "$kselftest/compare.awk" "$scratch/one" "$scratch/none" >"$scratch/out"
test $? -eq 1
ok $? "tests that were not run: exit status 1"
has "$scratch/out" "not ok 1 - a pio # not run" "it says so"
compare markdown
has "$scratch/out" "| Linux 7.3 | this, Linux 6.12, kvm_amd | pio | 2 of 2 | 1 | 99 us |" "Markdown"
has "$scratch/out" "- x86/b over mmio: FAIL" "Markdown: what is lost"
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

# ---- runs ----

# A test that passes, one that fails, one that does not end, and one that stops its machine.
mkdir -p "$scratch/programs" "$scratch/bin" "$scratch/lab" "$scratch/work" "$scratch/logs"
for way in stock address mailbox; do
	mkdir "$scratch/programs/$way"
	printf '#!/bin/sh\necho "cost: 1.00 $UCALL_BACKEND"\n' >"$scratch/programs/$way/a"
	printf '#!/bin/sh\necho it failed\nexit 254\n' >"$scratch/programs/$way/b"
	printf '#!/bin/sh\nexec sleep 100\n' >"$scratch/programs/$way/c"
	printf '#!/bin/sh\n:\n' >"$scratch/programs/$way/d"
	printf '#!/bin/sh\n:\n' >"$scratch/programs/$way/e"
done
printf '#!/bin/sh\ntest ! -e "$MACHINE" || kill -KILL $(cat "$MACHINE")\n' >"$scratch/programs/mailbox/d"
chmod +x "$scratch"/programs/*/*
printf 'a\nb\nc\nd\ne\n' >"$scratch/tests"
MACHINE=/nonexistent sh "$kselftest/run-each" "$scratch/programs/" "$scratch/tests" 1 "$scratch/logs" "pio pio/mailbox" \
	>"$scratch/out"
grep -v '^#' "$scratch/out" | cut -f 1-3 | tr '\t\n' ' ;' >"$scratch/line"
has "$scratch/line" "a stock 0;a pio 0;a pio/mailbox 0;b stock 254;b pio 254;b pio/mailbox 254;c stock 124;c pio -;c pio/mailbox -;d stock 0;" "a line for each run"
test "$(sed -n 's/^a\tpio\/mailbox.*\t//p' "$scratch/out")" = "1.00 pio"
ok $? "the backend, and what the test told of costs"
has "$scratch/logs/b.pio-mailbox.log" "it failed" "its log"

# The machine is this one, with a lab.sh that ends when a test kills it.
printf '#!/bin/sh\ncp "$4" "$3"\n' >"$scratch/bin/fake-strip"
cat >"$scratch/lab/lab.sh" <<'EOF'
echo $$ >"$MACHINE"
while test "$1" != --; do
	test "$1" != --root || root=$2
	shift
done
echo boot >>"$MACHINE.boots"
# A first line of the kernel's own.
echo "[    0.0] Booting"
sed "s,/tmp/,$root/," "$root/ks/run-each" >"$root/run-here"
exec sh "$root/run-here" "$root/ks/" "$root/ks/tests" "$6" - "$8"
EOF
chmod +x "$scratch/bin/fake-strip"
MACHINE=$scratch/machine PATH=$scratch/bin:$PATH timeout 60 sh -c '
	self=test tools=$1 here=$2/lab work=$2/work results=$2/runs logs=$2/logs programs=$2/programs prefix=fake-
	variants="pio pio/mailbox" ways="address mailbox" limit=1 lab=fake kernel=
	die() { shift; echo "$*"; exit 1; }
	: >"$results"
	cp "$2/tests" "$work/tests"
	. "$tools/in-lab.sh"
	run_in_lab' sh "$kselftest" "$scratch" >"$scratch/out" 2>&1
ok $? "a test stops its machine"
diag <"$scratch/out"
has "$scratch/out" "d stopped the machine; it is booted again for the rest" "it says so"
grep -v '^#' "$scratch/runs" | cut -f 1-3 | tr '\t\n' ' ;' >"$scratch/line"
has "$scratch/line" "d stock 0;d pio 0;d pio/mailbox 124;e stock 0;e pio 0;e pio/mailbox 0;" "the rest runs after another boot"
test "$(wc -l <"$scratch/machine.boots")" = 2
ok $? "two boots"
has "$scratch/logs/b.pio-mailbox.log" "it failed" "the end of a log comes out of the machine"

# ---- the overlay ----

# It is of this project alone: each file has its licence.
lost=$(find "$kselftest/overlay" -name '*.[ch]' -exec grep -L "SPDX-License-Identifier: MIT" {} +)
test ! "$lost"
ok $? "the overlay's licence"
done_testing
