#!/bin/sh
# SPDX-License-Identifier: MIT
# How `ucall lab --matrix` reads what a command printed, and the table, JUnit and KTAP that it makes.
. "$top_srcdir/t/tap.sh"
lab=$top_srcdir/tools/lab

points() { # STATUS [KNOWN]
	mkdir -p "$scratch/logs"
	status=$1 name="the command" known=${2:-} logs=$scratch/logs entries=$scratch/entries awk \
		-f "$lab/points.awk" | tr '\t' '|' >"$scratch/points"
}

are() { # NAME LINE...
	name=$1
	shift
	printf '%s\n' "$@" >"$scratch/wanted"
	cmp -s "$scratch/wanted" "$scratch/points"
	status=$?
	ok $status "$name"
	test $status -eq 0 || diff "$scratch/wanted" "$scratch/points" | diag
}

points 0 </dev/null
are "no TAP: the exit status is the point" "pass||the command|"
echo hello | points 3
are "no TAP, a failure" "fail||the command|exit status 3"
echo hello | points 77
are "no TAP, a skip" "skip||the command|exit status 77"
points 124 </dev/null
are "a time limit" "fail||the command|the time limit (--timeout) ended the machine"

printf '1..2\nok 1 - one\nnot ok 2 - two\n' | points 1
are "TAP, its plan first" "pass||one|" "fail||two|"
printf 'ok 1 - one\nok 2 # SKIP no such thing\n1..2\n' | points 0
are "TAP, its plan last" "pass||one|" "skip|||no such thing"
printf '1..3\nok 1 - one\n' | points 0
are "a plan that was not kept" "pass||one|" "fail||the number of points|3 points were planned, 1 came"
printf '1..1\nok 1 - a\n1..2\nok 1 - b\nok 2 - c\n' | points 0
are "two programs, one after another" "pass||a|" "pass||b|" "pass||c|"
printf '1..0 # SKIP no /dev/kvm\n' | points 0
are "all is skipped" "skip||the command|no /dev/kvm"
printf 'ok 1 - one\n1..1\n' | points 9
are "points pass, the command fails" "pass||one|" "fail||the command|exit status 9"
printf '1..1\nnot ok 1 - later # TODO not written\n' | points 0
are "TODO" "known||later|not written"

cat >"$scratch/ktap" <<-'END'
	KTAP version 1
	1..4
	  KTAP version 1
	  # Subtest: alpha
	  1..2
	  ok 1 - one
	  # words
	  not ok 2 - two
	not ok 1 alpha # exit status 1
	  KTAP version 1
	  # Subtest: beta
	  ok 1 - one
	  1..1
	not ok 2 beta # exit status 139
	ok 3 gamma # SKIP not run here: too slow
	  KTAP version 1
	  # Subtest: delta
	  1..0 # SKIP no such CPU
	ok 4 delta
END
points 1 <"$scratch/ktap"
are "KTAP" "pass|alpha|one|" "fail|alpha|two|words" "pass|beta|one|" "fail|beta|exit status 139|" \
	"skip||gamma|not run here: too slow" "skip|delta|all of it|no such CPU"
has "$scratch/logs/alpha.log" "# words" "each test has its log"
sed '/ok 4/,$d; /ok 2/,$d' "$scratch/ktap" | points 125
are "the machine ends in a test" "pass|alpha|one|" "fail|alpha|the end|the machine ended before the command did"
sed '/^ok 3/,$d' "$scratch/ktap" | points 1
has "$scratch/points" "fail||the command|4 tests were planned, 2 came" "tests that are missing"

printf '# words\nalpha: t.o\tthe emulator cannot\tits source\nalpha: one\tit could not\tbefore\n-x\tno\tno\n' >"$scratch/known"
points 1 "$scratch/known" <"$scratch/ktap"
are "known failures, and one that passes again" "mended|alpha|one|it could not" "known|alpha|two|the emulator cannot" \
	"pass|beta|one|" "fail|beta|exit status 139|" "skip||gamma|not run here: too slow" \
	"skip|delta|all of it|no such CPU"
sed -n '1,2p; 3,9p' "$scratch/ktap" | sed 's/1\.\.4/1..1/' | points 1 "$scratch/known"
are "nothing but known failures" "mended|alpha|one|it could not" "known|alpha|two|the emulator cannot"

# ---- what could pass for something else ----

printf '1..3\nok 1\nok 2\n1..1\nok 1 - b\n' | points 0
has "$scratch/points" "fail||the number of points|3 points were planned, 2 came" "a plan that another one follows"
printf '1..1\nok 1\nok 2\n' | points 0
has "$scratch/points" "fail||the number of points|1 points came after those that were planned" "more points than planned"
printf '1..3\nnot ok 1 - parses C#skip-list\nnot ok 2 - x # skipped half of it\nnot ok 3 - \\# TODO lines\n' | points 1
are "a # inside a point's name" "fail||parses C#skip-list|" "fail||x # skipped half of it|" "fail||# TODO lines|"
printf '1..2\nok 1\nnot ok 2\n' | points 77
has "$scratch/points" "fail|||" "a failure with exit status 77"
{
	printf 'KTAP version 1\n1..1\n  KTAP version 1\n  # Subtest: output\n  1..1\n    # Subtest: deeper\n'
	printf '    ok 1 - a\n    not ok 2 - b\n    1..2\n  not ok 1 - deeper\nnot ok 1 output # exit status 1\n'
} | points 1
are "subtests of subtests" "fail|output|deeper|"
printf '1..1\nnot ok 1 - %s\033[31m\n' "$(printf '%09000d' 1)" | points 1
test "$(wc -c <"$scratch/points")" -lt 1100 && ! grep -q "$(printf '\033')" "$scratch/points"
ok $? "long names and escape sequences"
printf 'one\treason\tsource\non.\tother\tsource\n' >"$scratch/two"
printf '1..1\nnot ok 1 - one\n' | points 1 "$scratch/two"
grep -q "1	1	on" "$scratch/entries"
ok $? "two entries for one point"

# ---- the table ----

out=$scratch/out
mkdir -p "$out/a.b" "$out/c" "$out/d"
printf 'a.b\nc\nd\n' >"$out/names"
printf 'pass\tt\tone\t\nfail\tt\ta <b> & "c"\twhy\nknown\tt\tk\treason\nskip\t\ts\treason\n' >"$out/a.b/points"
echo 1 >"$out/a.b/status"
echo 12 >"$out/a.b/seconds"
printf '%s:2\t1\t0\tt: k.*\n' "$scratch/known" >"$out/a.b/entries"
echo 77 >"$out/c/status"
echo "ucall lab: qemu is missing" >"$out/c/lab.log"
out=$out awk -f "$lab/results.awk" -f "$lab/table.awk" "$out/names" >"$scratch/table"
test $? -eq 1
ok $? "exit status 1 if a point failed"
has "$scratch/table" "a.b       1       1      1        1       12  a.b/" "a run's numbers"
has "$scratch/table" "c    skipped: qemu is missing" "a run that was skipped"
has "$scratch/table" "d    not finished" "a run that was not finished"
has "$scratch/table" 'failed  a.b  t: a <b> & "c" (why)' "what failed, and why"
has "$scratch/table" "$out/a.b/tests/t.log" "its log"
has "$scratch/table" "no longer fails here  $scratch/known:2: t: k.*" "a known failure that passes again"
has "$scratch/table" "1 passed, 1 failed, 1 skipped, 1 known to fail; 1 of 3 runs were not finished" "the sum"
printf 'c\n' >"$out/skipped"
out=$out awk -f "$lab/results.awk" -f "$lab/table.awk" "$out/skipped" >/dev/null
test $? -eq 77
ok $? "exit status 77 if every run was skipped"

out=$out awk -f "$lab/results.awk" -f "$lab/junit.awk" "$out/names" >"$scratch/results.xml"
if command -v xmllint >/dev/null; then
	xmllint --noout "$scratch/results.xml" 2>"$scratch/err"
	ok $? "JUnit is XML"
	test "$(xmllint --xpath 'count(//testcase)' "$scratch/results.xml")" = 6
	ok $? "a testcase for each point and each run without points"
	test "$(xmllint --xpath 'string(//failure/../@name)' "$scratch/results.xml")" = 'a <b> & "c"'
	ok $? "names are kept"
else
	skip "no xmllint; install libxml2-utils" "JUnit is XML"
fi
out=$out awk -f "$lab/results.awk" -f "$lab/ktap.awk" "$out/names" >"$scratch/results.ktap"
has "$scratch/results.ktap" "  not ok 2 t: a <b> & \"c\"" "KTAP: a failure"
has "$scratch/results.ktap" "  ok 3 t: k # XFAIL reason" "KTAP: a known failure"
has "$scratch/results.ktap" "not ok 1 a.b" "KTAP: a run"
points 1 <"$scratch/results.ktap"
has "$scratch/points" "fail|a.b|t: a <b> & \"c\"|" "KTAP can be read again"

# ---- what is refused ----

refused() { # WORDS LINE [OPTION...]
	words=$1
	printf '%s\n' "$2" >"$scratch/matrix"
	shift 2
	"$top_builddir/tools/ucall" lab --matrix "$scratch/matrix" --out "$scratch/refused" "$@" -- true >"$scratch/said" 2>&1
	test $? -eq 2
	ok $? "refused: $words"
	has "$scratch/said" "$words" "it says why"
}
if command -v parallel >/dev/null; then
	refused "no machine \"vax\"" vax
	refused "matrix:1: a quote has no end" 'aarch64 options="x'
	refused "unexpected \"cpus=2\"" "aarch64 cpus=2"
	refused "known=/nonexistent: no such file" "aarch64 known=/nonexistent"
	refused "matrix:1: --kernel a/b: give a suite of Debian" "aarch64 kernel=a/b"
	refused "matrix:2: --smp x: give a number of CPUs" "# one
aarch64 smp=1,x"
	refused "has no machine" "# nothing"
	refused "has the same run twice: aarch64" "aarch64
aarch64"
	refused "matrix:1: \"smp=\" has no value" "aarch64 smp="
	refused "matrix:1: no machine \"vax\"" vax
	printf 'a(\tx\ty\n' >"$scratch/bad.known"
	refused "matrix:1: known=$scratch/bad.known: " "aarch64 known=$scratch/bad.known"
	printf 'no reason\n' >"$scratch/bad.known"
	refused "line 1 has no reason after a tab" "aarch64 known=$scratch/bad.known"
	refused "--jobs 0: give a number" aarch64 --jobs 0
	refused "unexpected \"--job\"" aarch64 --job 1
	mkdir -p "$scratch/full"
	: >"$scratch/full/mine"
	refused "holds other files" aarch64 --out "$scratch/full"
	test -e "$scratch/full/mine"
	ok $? "and they are kept"
else
	skip "no parallel; install parallel" "matrices that are refused"
fi
"$top_builddir/tools/ucall" lab --matrix /nonexistent -- true >"$scratch/said" 2>&1
test $? -eq 2
ok $? "a matrix that is not there: exit status 2"
has "$scratch/said" "cannot read /nonexistent" "it says why"

# ---- the files of known failures ----

for file in "$top_srcdir"/t/lab/*.known; do
	awk -F '\t+' '/^#/ { next } NF != 3 || length($3) < 8 { print FILENAME ":" FNR ": " $0; bad = 1 } END { exit bad }' \
		"$file" >"$scratch/bad"
	ok $? "${file##*/}: each entry has a reason and a source"
	diag <"$scratch/bad"
done
done_testing
