#!/bin/sh
# SPDX-License-Identifier: MIT
# The harness: a point that crashes, exits or hangs only fails itself; no guest can write TAP.
. "$top_srcdir/t/tap.sh"
misbehave=$top_builddir/t/misbehave
unset UCALL_TEST_FORK UCALL_TEST UCALL_TEST_LIMIT UCALL_ENGINE
UCALL_BACKEND=pio
test "$(uname -m)" = x86_64 || UCALL_BACKEND=mmio
export UCALL_BACKEND

# points PATTERN [ARG...]: runs only these, with output to $scratch/out.
points() {
	pattern=$1
	shift
	"$misbehave" --point "$pattern" "$@" >"$scratch/out" 2>"$scratch/err"
	status=$?
}

# matches REGEX NAME
matches() {
	grep -q -e "$1" "$scratch/out"
	s=$?
	ok $s "$2"
	test $s -eq 0 || { echo "wanted: $1"; cat "$scratch/out"; } | diag
}

# Fails if the output has lines that are not TAP.
is_tap() {
	! grep -v -e '^1\.\.[0-9]*' -e '^ok [0-9]* - ' -e '^not ok [0-9]* - ' -e '^#' "$scratch/out" >"$scratch/bad"
	s=$?
	ok $s "$1: nothing but TAP"
	test $s -eq 0 || diag <"$scratch/bad"
}

points crash
test $status -eq 1
ok $? "a crash: exit status 1"
matches '^not ok 1 - crash$' "a crash fails its point"
# A sanitizer ends the process in its own way.
grep -q -e 'died by SIGSEGV at .*misbehave' -e 'its process ended with exit status' "$scratch/out"
ok $? "the output says how it died"
points abort
matches '^not ok 1 - abort$' "abort() fails its point"
points exit
test $status -eq 1
ok $? "exit(0) in a point: exit status 1"
matches '^# its process ended with exit status 0' "the output says so"
points killed
matches 'died by SIGKILL' "a point that is killed"
points hang
matches '^# exceeded its time limit of 1 s$' "a point that hangs"
matches '^not ok 1 - hang$' "fails"
points 'leaves*'
test $status -eq 0
ok $? "variables of one point are not seen by the next"
points prints
is_tap "what a test prints"
points grandchild
test $status -eq 0
ok $? "a process that a point leaves behind is not waited for"

points sleeper
test $status -eq 0
ok $? "nor is one that would stay"
# The signal is sent; on a busy machine the process may need a moment to end.
tries=0
while grep -qs 471147 /proc/[0-9]*/cmdline && test $tries -lt 100; do
	tries=$((tries + 1))
	sleep 0.1
done
test $tries -lt 100
ok $? "but it is killed"
for point in good exit; do
	points "$point"
	cp "$scratch/out" "$scratch/heeded"
	(
		trap "" CHLD
		exec "$misbehave" --point "$point"
	) >"$scratch/out" 2>"$scratch/err"
	cmp -s "$scratch/out" "$scratch/heeded"
	ok $? "$point: the same with SIGCHLD ignored"
done
points 'nothing to run'
grep -q -e '^# .*misbehave.c:[0-9]*: this test has nothing to run' -e SKIP "$scratch/out"
ok $? "a test without a host function"
UCALL_TEST_LIMIT=0.5 points good
matches '^Bail out! UCALL_TEST_LIMIT=0.5: give a whole number' "a limit that is not a number"

"$misbehave" --no-fork --point hang >"$scratch/out" 2>&1
test $? -eq 99
ok $? "in one process, a point that hangs ends the program"
matches '^Bail out! "hang" exceeded its time limit of 1 s$' "the message names it"
UCALL_TEST_FORK=0 "$misbehave" --point 'leaves*' >"$scratch/out" 2>&1
test $? -eq 1
ok $? "in one process, variables of one point are seen by the next"
"$misbehave" --help >"$scratch/out"
ok $? "--help"
"$misbehave" --bogus >"$scratch/out" 2>&1
test $? -eq 2
ok $? "an unknown argument"
points 'no such*'
test $status -eq 2
ok $? "--point that matches nothing"
UCALL_TEST='no such*' "$misbehave" >"$scratch/out"
ok $? "UCALL_TEST is for many programs"
matches '^1\.\.0 # SKIP no test "no such\*"' "one without such a test is skipped"

UCALL_TEST_ARCH=pdp11 "$misbehave" >"$scratch/out" 2>&1
test $? -ne 0
ok $? "UCALL_TEST_ARCH of an unknown architecture"
matches 'no architecture "pdp11" (UCALL_TEST_ARCH)' "it says so"
if test "$(uname -m)" = x86_64; then
	UCALL_BACKEND=pio UCALL_TEST_ARCH=s390x "$top_builddir/t/done" >"$scratch/out" 2>&1
	ok $? "an architecture that the backend does not have"
	matches '^1\.\.0 # SKIP backend pio has no guest code' "it is skipped, whichever engines are here"
fi

points good
if ! grep -q '^ok .*: good$' "$scratch/out"; then
	skip "no engine here" "guests"
	done_testing
fi
for fork in "" --no-fork; do
	points 'no newline' $fork
	matches '^# no newline$' "a text without a newline ${fork:+in one process}"
	is_tap "a text without a newline ${fork:+in one process}"
	points forges $fork
	test $status -eq 0
	ok $? "a guest that writes TAP ${fork:+in one process}: passes"
	matches '^# not ok 1 - forged$' "its text is a comment ${fork:+in one process}"
	matches '^# .x1b\]0;title.x07$' "control characters are escaped ${fork:+in one process}"
	is_tap "a guest that writes TAP ${fork:+in one process}"
	points fails $fork
	is_tap "a guest that fails with TAP ${fork:+in one process}"
	matches 'first line.nok 1 - forged.x1b\[31m' "its reason is one line ${fork:+in one process}"
	points 'wrong command' $fork
	matches 'misbehave.c:[0-9]*: the guest sent UCALL_SYNC (1), not UCALL_DONE (4)' \
		"commands have names ${fork:+in one process}"
	points 'no VM' $fork
	matches 'misbehave.c:[0-9]*: no VM: ring is 2' "a VM that cannot be made: the test's line ${fork:+in one process}"
done
points 'aborts*'
if grep -q '^ok 1 - unicorn # SKIP' "$scratch/out"; then
	skip "no engine unicorn; install libunicorn-dev and build libucall with it" "an emulator that aborts"
elif test "$(uname -m)" != x86_64; then
	skip "only for x86_64 guests" "an emulator that aborts"
elif grep -q 'uc.cmd is 0x1 (1), not UCALL_DONE' "$scratch/out"; then
	skip "this version of Unicorn runs what version 2.0 aborts at" "an emulator that aborts"
else
	matches 'the emulator died by SIGABRT at .*libunicorn' "an emulator that aborts is named"
	matches '^not ok [0-9]* - .*unicorn: aborts the emulator$' "and that point fails"
fi
done_testing
